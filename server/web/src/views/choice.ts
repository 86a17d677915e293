/** One of a few, as native radio buttons: arrows and screen readers work as everywhere. */

import { html } from "lit"

export interface Option<T extends string> {
  value: T
  title: unknown
}

export function choice<T extends string>(
  name: string,
  legend: string,
  options: readonly Option<T>[],
  chosen: T,
  choose: (value: T) => void,
) {
  return html`
    <fieldset class="choice choice-of-${name}">
      <legend class="visually-hidden">${legend}</legend>
      ${options.map(
        ({ value, title }) => html`
          <label>
            <input
              class="visually-hidden"
              type="radio"
              name=${name}
              value=${value}
              .checked=${value === chosen}
              @change=${() => choose(value)}
            />
            <span>${title}</span>
          </label>
        `,
      )}
    </fieldset>
  `
}
