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
        ${device.pendingCount > 0 ? unsentView(device) : nothing}
        ${
          device.hasLostGroup
            ? html`<p>It keeps a group that you no longer have access to. Signing out discards that for good.</p>`
            : nothing
        }
        <div class="actions">
          <button class="plain" value="no">Stay signed in</button>
          <button class="primary" @click=${() => void signOut()}>Discard and sign out</button>
        </div>
      </form>
    </dialog>
  `
}

function unsentView({ name, pendingCount }: Device) {
  const [have, them] = pendingCount === 1 ? ["has", "it"] : ["have", "them"]
  return html`
    <p>
      ${count(pendingCount, "change")} ${have} not reached the server. Signing out discards ${them} with everything else
      on this ${name}.
    </p>
  `
}

export function askToSignOut() {
  document.querySelector<HTMLDialogElement>("#sign-out")?.showModal()
}
