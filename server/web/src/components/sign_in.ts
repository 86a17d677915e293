/** Where a person makes an account, or signs in with one. */

import { TiebreakError } from "@tiebreak/client"
import { LitElement, html, nothing } from "lit"
import { customElement, property, state } from "lit/decorators.js"
import type { Person } from "../person.js"
import { reloadIfModeChanged } from "../sign_in_mode.js"
import { fieldErrorOf, type FieldError } from "../sign_in_errors.js"
import { suggestionFor, type Suggestion } from "../suggestions.js"
import { formField } from "../views/form_field.js"

@customElement("tb-sign-in")
export class SignIn extends LitElement {
  @property({ attribute: false }) person!: Person
  /** Who stands beside: one account is not two people. */
  @property({ attribute: false }) other: Person | null = null
  @state() private error: FieldError | null = null
  @state() private isBusy = false
  @state() private isPasswordShown = true
  #suggestion: Suggestion | null = null

  override createRenderRoot() {
    return this
  }

  override render() {
    const { slot } = this.person
    this.#suggestion ??= suggestionFor(slot)
    const { displayName, username, password } = this.#suggestion
    const errorOf = (field: FieldError["field"]) => (this.error?.field === field ? this.error.message : undefined)
    const id = (name: string) => `${slot}-sign-in-${name}`
    return html`
      <form class="sign-in" @submit=${this.#submit} aria-labelledby=${id("title")}>
        <h2 id=${id("title")}>${slot === "first" ? "The first person" : "The second person"}</h2>
        ${formField({ id: id("name"), label: "Name", name: "displayName", value: displayName, autocomplete: "off" })}
        ${formField({
          id: id("username"),
          label: "Username",
          name: "username",
          value: username,
          autocomplete: "off",
          error: errorOf("username"),
        })}
        ${formField({
          id: id("password"),
          label: "Password",
          name: "password",
          type: this.isPasswordShown ? "text" : "password",
          value: password,
          autocomplete: "new-password",
          error: errorOf("password"),
        })}
        <button class="plain" type="button" @click=${() => (this.isPasswordShown = !this.isPasswordShown)}>
          ${this.isPasswordShown ? "Hide the password" : "Show the password"}
        </button>
        ${errorOf("form") ? html`<p class="field-error" role="alert">${errorOf("form")}</p>` : nothing}
        <div class="actions">
          <button class="primary" name="what" value="make" ?disabled=${this.isBusy}>Make account</button>
          <button class="plain" name="what" value="enter" ?disabled=${this.isBusy}>Sign in</button>
        </div>
        <p class="quiet">Signs a phone and a laptop in, each for itself.</p>
      </form>
    `
  }

  readonly #submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const given = Object.fromEntries(new FormData(form)) as { displayName: string; username: string; password: string }
    const isNew = (event.submitter as HTMLButtonElement | null)?.value !== "enter"
    this.error = null
    this.isBusy = true
    try {
      if (this.#isBeside(given.username)) throw new Error("This account is signed in beside already. Take another one.")
      await (isNew ? this.person.signUp(given) : this.person.enter(given))
    } catch (error) {
      if (error instanceof TiebreakError && error.code === "no_accounts") await reloadIfModeChanged()
      await this.#show(error)
    } finally {
      this.isBusy = false
    }
  }

  #isBeside(username: string): boolean {
    return this.other?.identity?.username.toLowerCase() === username.trim().toLowerCase()
  }

  async #show(error: unknown) {
    this.error = error instanceof Error && error.name === "Error"
      ? { field: "username", message: error.message }
      : fieldErrorOf(error)
    await this.updateComplete
    this.querySelector<HTMLInputElement>("[aria-invalid]")?.focus()
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-sign-in": SignIn
  }
}
