/** Asks before changes are discarded that no other device has. */

import { html, nothing } from "lit"
import type { Device } from "../device.js"
import { count } from "../words.js"

export interface SignOutQuestion {
  device: Device
  signOut: () => Promise<void>
}

export function signOutDialog(question: SignOutQuestion | null) {
  if (!question) return nothing
  const { device, signOut } = question
  return html`
    <dialog id="sign-out" aria-labelledby="sign-out-title">
      <form method="dialog">
        <h2 id="sign-out-title">Sign out ${device.called}?</h2>
        <p>
          ${count(device.pendingCount, "change")} ${device.pendingCount === 1 ? "has" : "have"} not reached the server.
          Signing out discards ${device.pendingCount === 1 ? "it" : "them"} with everything else on this ${device.name}.
        </p>
        <div class="actions">
          <button class="plain" value="no">Stay signed in</button>
          <button class="primary" @click=${() => void signOut()}>Discard and sign out</button>
        </div>
      </form>
    </dialog>
  `
}

export function askToSignOut() {
  document.querySelector<HTMLDialogElement>("#sign-out")?.showModal()
}
