/** What is shown instead of the devices when they cannot work, with the way out. */

import { html, nothing } from "lit"
import type { BootError } from "../boot.js"

interface Problem {
  title: string
  text: string
}

const PROBLEMS: Record<BootError["code"], Problem> = {
  "no-wasm": {
    title: "The document engine did not load",
    text: "It is WebAssembly: an old browser, a strict setting or a broken download can keep it out. Load the page again, or try another browser.",
  },
  "no-storage": {
    title: "This browser stores nothing here",
    text: "The devices keep their documents in IndexedDB, which private windows and strict settings forbid in some browsers.",
  },
  "open-elsewhere": {
    title: "The two devices are open in another tab",
    text: "Close them there, and they open here. A private window or another browser with a copied link makes two more.",
  },
  "sign-in-elsewhere": {
    title: "This server’s sign-in is elsewhere",
    text: "It takes the tokens of an identity provider, of which this page knows nothing. The demo runs on a server that is open, or keeps accounts itself.",
  },
  failed: {
    title: "The devices did not open",
    text: "Loading the page again may help. If it does not, clear what the browser has stored for this page: changes that have not reached the server are lost with it.",
  },
}

export function problemView({ code, cause }: BootError, goOnInMemory: () => void) {
  const { title, text } = PROBLEMS[code]
  const detail = cause instanceof Error ? cause.message : nothing
  return html`
    <section class="problem" role="alert">
      <h2>${title}</h2>
      <p>${text}</p>
      ${detail === nothing ? nothing : html`<p><code>${detail}</code></p>`}
      <div class="actions">
        ${
          code === "open-elsewhere"
            ? nothing
            : html`<button class="primary" @click=${() => location.reload()}>Load again</button>`
        }
        ${
          code === "no-storage"
            ? html`<button class="plain" @click=${goOnInMemory}>Go on without storing</button>`
            : nothing
        }
      </div>
    </section>
  `
}

/** `backToOwn` is `null` where this browser has no other documents. */
export function lostView(startOver: () => void, backToOwn: (() => void) | null) {
  return html`
    <section class="problem" role="alert">
      <h2>These documents are not here</h2>
      <p>
        Neither these devices nor this server have them. The link may belong to another server, or the server was
        started with other data.
      </p>
      <div class="actions">
        ${backToOwn ? html`<button class="primary" @click=${backToOwn}>Back to your own documents</button>` : nothing}
        <button class=${backToOwn ? "plain" : "primary"} @click=${startOver}>Start with new documents</button>
      </div>
    </section>
  `
}
