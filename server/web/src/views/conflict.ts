/** What is said where two devices wrote the same place apart, and the two ways to settle it. */

import { html, nothing } from "lit"

interface Conflict {
  id: string
  /** The value that the document shows, and those that lost against it. */
  shown: string
  others: readonly string[]
  /** Makes a value the only one. */
  settle: (value: string) => void
  /** How a value is called, where that is not the value itself. */
  title?: (value: string) => string
}

export function conflictHint({ id, shown, others, settle, title = value => value }: Conflict) {
  if (others.length === 0) return nothing
  const quoted = (value: string) => (value === "" ? "the empty one" : `“${title(value)}”`)
  return html`
    <div class="conflict">
      <p id=${id}>
        <strong>Both changed this.</strong> This shows ${quoted(shown)}; ${others.map(quoted).join(" and ")} is kept too.
      </p>
      <div class="actions">
        <button type="button" class="chip" @click=${() => settle(shown)}>Keep ${quoted(shown)}</button>
        ${others.map(
          other => html`<button type="button" class="chip" @click=${() => settle(other)}>Take ${quoted(other)}</button>`,
        )}
      </div>
    </div>
  `
}
