/** A labelled input of a form, with the error that is about it. */

import { html, nothing } from "lit"

export interface FormField {
  id: string
  label: string
  name: string
  type?: "text" | "password"
  value?: string
  autocomplete: string
  error?: string | undefined
}

export function formField({ id, label, name, type = "text", value = "", autocomplete, error }: FormField) {
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      <input
        id=${id}
        name=${name}
        type=${type}
        .defaultValue=${value}
        autocomplete=${autocomplete}
        autocapitalize="none"
        spellcheck="false"
        required
        aria-invalid=${error ? "true" : nothing}
        aria-describedby=${error ? `${id}-error` : nothing}
      />
      ${error ? html`<p class="field-error" id="${id}-error" role="alert">${error}</p>` : nothing}
    </div>
  `
}
