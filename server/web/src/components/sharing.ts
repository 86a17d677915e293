/** Where a person shares the group with the other one, changes the role, and takes it back. */

import { LitElement, html, nothing } from "lit"
import { customElement, property, state } from "lit/decorators.js"
import type { GroupRole } from "../device.js"
import type { Identity } from "../identity.js"
import type { Person } from "../person.js"
import { fieldErrorOf } from "../sign_in_errors.js"

const ROLES = { viewer: "Viewer: reads", editor: "Editor: reads and writes" } as const
type SharedRole = keyof typeof ROLES

@customElement("tb-sharing")
export class Sharing extends LitElement {
  @property({ attribute: false }) person!: Person
  @property({ attribute: false }) other!: Person
  @property({ attribute: false }) otherIdentity: Identity | null = null
  /** What the other person may do now. */
  @property({ attribute: "shared-as" }) sharedAs: GroupRole = "none"
  @state() private chosen: SharedRole = "editor"
  @state() private error: string | undefined
  @state() private isBusy = false

  override createRenderRoot() {
    return this
  }

  override render() {
    const other = this.otherIdentity
    if (!other) return html`<p class="sharing quiet">The group can be shared once the second person is there.</p>`
    const isShared = this.sharedAs !== "none"
    const shown = this.sharedAs === "viewer" || this.sharedAs === "editor" ? this.sharedAs : this.chosen
    return html`
      <div class="sharing" role="group" aria-label="Sharing the group">
        <div class="field">
          <label for="sharing-role">Share the group with ${other.displayName} as</label>
          <select id="sharing-role" ?disabled=${this.isBusy} @change=${this.#choose}>
            ${Object.entries(ROLES).map(
              ([value, title]) => html`<option value=${value} .selected=${value === shown}>${title}</option>`,
            )}
          </select>
        </div>
        ${
          isShared
            ? html`<button class="plain" ?disabled=${this.isBusy} @click=${this.#unshare}>Take it back</button>`
            : html`<button class="primary" ?disabled=${this.isBusy} @click=${this.#share}>Share</button>`
        }
        ${this.error ? html`<p class="field-error" role="alert">${this.error}</p>` : nothing}
      </div>
    `
  }

  readonly #choose = (event: Event) => {
    this.chosen = (event.target as HTMLSelectElement).value as SharedRole
    if (this.sharedAs !== "none") void this.#share()
  }

  readonly #share = () => this.#do(username => this.person.share(username, this.chosen))

  readonly #unshare = () => this.#do(username => this.person.unshare(username))

  async #do(act: (username: string) => Promise<void>) {
    this.error = undefined
    this.isBusy = true
    try {
      await act(this.other.identity!.username)
    } catch (error) {
      this.error = fieldErrorOf(error).message
    }
    await Promise.all([this.person.ask(), this.other.ask()])
    this.isBusy = false
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-sharing": Sharing
  }
}
