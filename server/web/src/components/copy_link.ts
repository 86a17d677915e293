/** Copies the address of these documents, and says so next to the button. */

import { LitElement, html } from "lit"
import { customElement, state } from "lit/decorators.js"
import { icons } from "../views/icons.js"

const TOLD_MS = 3_000

@customElement("tb-copy-link")
export class CopyLink extends LitElement {
  @state() private told = ""
  #fade: ReturnType<typeof setTimeout> | undefined

  override createRenderRoot() {
    return this
  }

  override render() {
    return html`
      <button class="tool" @click=${this.#copy}>${icons.link}<span>Copy link</span></button>
      <p class="bubble" role="status">${this.told}</p>
    `
  }

  /** For another browser on this machine: it becomes two more devices with the same documents. */
  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href)
      this.told = "Link copied. Open it in another browser."
    } catch {
      this.told = "Copy the link from the address bar."
    }
    clearTimeout(this.#fade)
    this.#fade = setTimeout(() => (this.told = ""), TOLD_MS)
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-copy-link": CopyLink
  }
}
