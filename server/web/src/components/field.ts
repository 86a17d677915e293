/** One value to edit: shows what arrives, unless somebody is just writing it. */

import type { UrlHeads } from "@automerge/automerge-repo/slim"
import { LitElement, html, nothing } from "lit"
import { customElement, property } from "lit/decorators.js"
import type { Drafts } from "../drafts.js"
import { showText } from "./caret.js"

const LINE_CHARACTERS_MAX = 80
const TEXT_CHARACTERS_MAX = 2_000

/** A value that is written whole is written when the typing pauses, not at each letter. */
const PAUSE_MS = 600

/** A page that goes into the background may be ended there without another word. */
const LEAVING = ["pagehide", "visibilitychange"] as const

export type Write = (value: string, since?: UrlHeads) => void

/** What is being written, and what was shown when that began. */
interface Draft {
  text: string
  value: string
  heads: UrlHeads | undefined
}

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
  /** Whoever may not write may still read, select and copy. */
  @property({ type: Boolean }) readonly = false
  /** What the document was when `value` was read from it. */
  @property({ attribute: false, hasChanged: () => false }) heads: UrlHeads | undefined
  /** With `since`, the value was written without having seen what came after it. */
  @property({ attribute: false, hasChanged: () => false }) write: Write = () => undefined

  /** Where it is told that somebody is writing here. */
  @property({ attribute: false }) drafts: Drafts | undefined

  /** What somebody is writing and the document does not have yet. */
  #draft: Draft | null = null
  #pause: ReturnType<typeof setTimeout> | undefined

  override createRenderRoot() {
    return this
  }

  override connectedCallback() {
    super.connectedCallback()
    for (const event of LEAVING) addEventListener(event, this.#leave)
  }

  override disconnectedCallback() {
    super.disconnectedCallback()
    for (const event of LEAVING) removeEventListener(event, this.#leave)
    this.#leave()
    this.#end()
  }

  readonly #leave = () => {
    // A date that is not whole would be written as none.
    if (!this.#control.validity.badInput) this.#writeDraft()
  }

  override render() {
    return html`
      <div class="field ${this.arrived ? "arrived" : ""}">
        <label class=${this.unlabelled ? "visually-hidden" : ""} for=${this.name}>${this.label}</label>
        ${this.kind === "text" ? this.#textarea() : this.#input()}
      </div>
    `
  }

  override updated() {
    if (this.#draft === null) showText(this.#control, this.value)
  }

  #input() {
    return html`<input
      id=${this.name}
      type=${this.kind === "date" ? "date" : "text"}
      maxlength=${this.kind === "date" ? nothing : LINE_CHARACTERS_MAX}
      placeholder=${this.placeholder}
      autocomplete="off"
      ?readonly=${this.readonly}
      @input=${this.#typed}
      @compositionend=${this.#typed}
      @change=${this.#writeDraft}
    />`
  }

  #textarea() {
    return html`<textarea
      id=${this.name}
      rows="3"
      maxlength=${TEXT_CHARACTERS_MAX}
      placeholder=${this.placeholder}
      ?readonly=${this.readonly}
      @compositionstart=${this.#typed}
      @compositionend=${this.#writeLetters}
      @input=${(event: InputEvent) => (event.isComposing ? this.#typed(event) : this.#writeLetters())}
    ></textarea>`
  }

  get #control(): HTMLInputElement | HTMLTextAreaElement {
    return this.querySelector("input, textarea")!
  }

  #typed(event: UIEvent) {
    const { value, heads } = this
    this.#draft ??= { text: "", value, heads }
    this.#draft.text = this.#control.value
    this.drafts?.begin(this.name)
    clearTimeout(this.#pause)
    // Neither a date nor a letter that is being composed has a meaning before it is whole: the browser tells when.
    const isComposing = event instanceof InputEvent && event.isComposing
    if (this.kind === "line" && !isComposing) this.#pause = setTimeout(() => this.#writeDraft(), PAUSE_MS)
  }

  #writeDraft() {
    clearTimeout(this.#pause)
    const draft = this.#draft
    this.#draft = null
    if (draft !== null && draft.text !== draft.value) this.#writeText(draft)
    this.#end()
  }

  #writeText(draft: Draft) {
    // What arrived meanwhile was not seen: it stands beside what is written, not under it.
    if (draft.value !== this.value) this.write(draft.text, draft.heads)
    else this.write(draft.text)
  }

  /** The text as it is, letter by letter; while an input method composes, it is a draft. */
  #writeLetters() {
    if (this.#draft === null) return this.write(this.#control.value)
    this.#draft.text = this.#control.value
    this.#writeDraft()
  }

  /** What was shown meanwhile is shown now. */
  #end() {
    this.drafts?.end(this.name)
    this.requestUpdate()
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-field": Field
  }
}
