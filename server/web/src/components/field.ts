/** One value to edit: shows what arrives, unless somebody is just writing it, and what was written apart. */

import { LitElement, html, nothing } from "lit"
import { customElement, property } from "lit/decorators.js"
import { conflictHint } from "../views/conflict.js"
import { showText } from "./caret.js"

const LINE_CHARACTERS_MAX = 200
const TEXT_CHARACTERS_MAX = 5_000

/** A value that is written whole is written when the typing pauses, not at each letter. */
const PAUSE_MS = 600

@customElement("tb-field")
export class Field extends LitElement {
  @property() name = ""
  @property() label = ""
  @property() placeholder = ""
  @property() value = ""
  /** A `text` is edited together, letter by letter; the others are written whole. */
  @property() kind: "line" | "text" | "date" = "line"
  /** The label is for those who do not see where the field is. */
  @property({ type: Boolean }) unlabelled = false
  @property({ type: Boolean }) arrived = false
  @property({ attribute: false, hasChanged: (now: string[], before?: string[]) => now.join() !== before?.join() })
  others: string[] = []
  @property({ attribute: false, hasChanged: () => false }) write: (value: string) => void = () => undefined

  /** What somebody is writing and the document does not have yet. */
  #draft: string | null = null
  #pause: ReturnType<typeof setTimeout> | undefined

  override createRenderRoot() {
    return this
  }

  override disconnectedCallback() {
    super.disconnectedCallback()
    this.#writeDraft()
  }

  override render() {
    const hint = this.others.length > 0 ? `${this.name}-conflict` : nothing
    return html`
      <div class="field ${this.arrived ? "arrived" : ""}">
        <label class=${this.unlabelled ? "visually-hidden" : ""} for=${this.name}>${this.label}</label>
        ${this.kind === "text" ? this.#textarea(hint) : this.#input(hint)}
        ${conflictHint(this.others, `${this.name}-conflict`)}
      </div>
    `
  }

  override updated() {
    if (this.#draft === null) showText(this.#control, this.value)
  }

  #input(hint: string | typeof nothing) {
    return html`<input
      id=${this.name}
      type=${this.kind === "date" ? "date" : "text"}
      maxlength=${this.kind === "date" ? nothing : LINE_CHARACTERS_MAX}
      placeholder=${this.placeholder}
      autocomplete="off"
      aria-describedby=${hint}
      @input=${this.#typed}
      @change=${this.#writeDraft}
    />`
  }

  #textarea(hint: string | typeof nothing) {
    return html`<textarea
      id=${this.name}
      rows="3"
      maxlength=${TEXT_CHARACTERS_MAX}
      placeholder=${this.placeholder}
      aria-describedby=${hint}
      @input=${() => this.write(this.#control.value)}
    ></textarea>`
  }

  get #control(): HTMLInputElement | HTMLTextAreaElement {
    return this.querySelector("input, textarea")!
  }

  #typed() {
    this.#draft = this.#control.value
    clearTimeout(this.#pause)
    // A date has no meaning before it is whole: the browser tells when.
    if (this.kind === "line") this.#pause = setTimeout(() => this.#writeDraft(), PAUSE_MS)
  }

  #writeDraft() {
    clearTimeout(this.#pause)
    const draft = this.#draft
    this.#draft = null
    if (draft !== null && draft !== this.value) this.write(draft)
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-field": Field
  }
}
