/** On a device that is signed out: the password brings it back. */

import { LitElement, html } from "lit"
import { customElement, property, state } from "lit/decorators.js"
import type { DeviceName } from "../kinds.js"
import type { Person } from "../person.js"
import { fieldErrorOf } from "../sign_in_errors.js"
import { formField } from "../views/form_field.js"

@customElement("tb-sign-in-again")
export class SignInAgain extends LitElement {
  @property({ attribute: false }) person!: Person
  @property() device!: DeviceName
  @state() private error: string | undefined
  @state() private isBusy = false

  override createRenderRoot() {
    return this
  }

  override render() {
    return html`
      <form class="sign-in-again" @submit=${this.#submit}>
        ${formField({
          id: `${this.person.slot}-${this.device}-password`,
          label: `Password of @${this.person.identity?.username ?? ""}`,
          name: "password",
          type: "password",
          autocomplete: "current-password",
          error: this.error,
        })}
        <button class="primary" ?disabled=${this.isBusy}>Sign in again</button>
      </form>
    `
  }

  readonly #submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const password = new FormData(event.target as HTMLFormElement).get("password") as string
    this.error = undefined
    this.isBusy = true
    try {
      await this.person.signIn(this.device, password)
    } catch (error) {
      this.error = fieldErrorOf(error).message
      await this.updateComplete
      this.querySelector("input")?.focus()
    } finally {
      this.isBusy = false
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-sign-in-again": SignInAgain
  }
}
