/** The top of the page: its name, the theme, a link for another browser, a fresh start. */

import { html, nothing } from "lit"
import iconUrl from "../icon.svg?url"
import { THEMES, setTheme, theme } from "../theme.js"
import "../components/copy_link.js"
import { icons } from "./icons.js"

interface Header {
  /** `null` before there is anything to start over from. */
  startOver: (() => void) | null
  changed: () => void
}

export function headerView({ startOver, changed }: Header) {
  const nextTheme = () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]!)
    changed()
  }
  return html`
    <header class="page-head">
      <h1><img src=${iconUrl} alt="" width="28" height="28" />Tiebreak <span>demo</span></h1>
      <div class="tools">
        ${
          startOver
            ? html`
                <tb-copy-link></tb-copy-link>
                <button class="tool" @click=${askToStartOver}>${icons.again}<span>Start over</span></button>
              `
            : nothing
        }
        <button class="tool" @click=${nextTheme}>${icons.theme}<span>Theme: ${theme()}</span></button>
      </div>
    </header>
    ${startOver ? startOverDialog(startOver) : nothing}
  `
}

function startOverDialog(startOver: () => void) {
  return html`
    <dialog id="start-over" aria-labelledby="start-over-title">
      <form method="dialog">
        <h2 id="start-over-title">Start over?</h2>
        <p>
          Both devices forget what they have and begin with new documents. What has reached the server stays there; what
          has not is gone.
        </p>
        <div class="actions">
          <button class="plain" value="no">Keep everything</button>
          <button class="primary" type="button" @click=${startOver}>Start over</button>
        </div>
      </form>
    </dialog>
  `
}

export function askToStartOver() {
  document.querySelector<HTMLDialogElement>("#start-over")?.showModal()
}
