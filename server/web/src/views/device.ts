/** One device: its connection with the switch that cuts it, what waits, and the document to edit. */

import { html, nothing } from "lit"
import { DEVICE_TITLES, type Device } from "../device.js"
import { KINDS, KIND_TITLES, type Kind } from "../documents.js"
import { connection, synced } from "../words.js"
import { cartView } from "./cart.js"
import { disagreementsView } from "./disagreements.js"
import { groupView } from "./group.js"
import { icons } from "./icons.js"
import { profileView } from "./profile.js"

/** What a device has on a page where people sign in. */
export interface SignedIn {
  signOut: () => void
  /** For a device that somebody signed out elsewhere. */
  again: unknown
}

export function deviceView(device: Device, kind: Kind, now: number, signedIn?: SignedIn) {
  const { tone } = connection(device.status, device.statusAt, device.isCut, now)
  const titleId = `${device.id}-title`
  const isSignedOut = signedIn && device.status.state.kind === "unauthorized"
  return html`
    <section
      class="device ${device.name}"
      data-tone=${tone}
      data-storing=${device.isStoring}
      aria-labelledby=${titleId}
    >
      <header class="device-head">
        <h2 id=${titleId}>${icons[device.name]}${titleView(device)}</h2>
        ${networkSwitch(device)} ${signedIn ? signOutButton(device, signedIn) : nothing}
      </header>
      ${statusView(device, now)} ${isSignedOut ? signedOutView(device, signedIn) : tryAgain(device)} ${refusedView(device)} ${storageFaultView(device)}
      <div class="screen">
        <h3 tabindex="-1">${KIND_TITLES[kind]}${pendingBadge(device.pendingOf(kind))}</h3>
        ${disagreementsView(device, kind)}
        ${documentView(device, kind)}
      </div>
    </section>
  `
}

/** Whose it is stands over the devices already, for those who see it. */
function titleView({ options: { owner }, name }: Device) {
  const title = DEVICE_TITLES[name]
  return owner ? html`<span class="visually-hidden">${owner.displayName}’s </span>${title}` : title
}

function signOutButton(device: Device, { signOut }: SignedIn) {
  return html`<button class="tool" aria-label="Sign out ${device.called}" @click=${signOut}>Sign out</button>`
}

function signedOutView(device: Device, { again }: SignedIn) {
  return html`
    <div class="notice" role="alert">
      <p><strong>Signed out by another device.</strong> What this ${device.name} has stays on it. It gets nothing new.</p>
    </div>
    ${again}
  `
}

export function pendingBadge(changesCount: number) {
  if (changesCount === 0) return nothing
  return html`<span class="badge pending">${changesCount}<span class="visually-hidden"> pending</span></span>`
}

function networkSwitch(device: Device) {
  const toggle = () => (device.isCut ? device.reconnect() : device.cut())
  return html`
    <button
      class="switch"
      role="switch"
      aria-checked=${device.isCut ? "false" : "true"}
      aria-label="Network of ${device.called}"
      @click=${toggle}
    >
      <span aria-hidden="true">Network</span><span class="track" aria-hidden="true"></span>
    </button>
  `
}

function statusView(device: Device, now: number) {
  const { status } = device
  const { words } = connection(status, device.statusAt, device.isCut, now)
  const pending = device.pendingCount
  return html`
    <dl class="status">
      <div>
        <dt class="visually-hidden">Connection</dt>
        <dd class="state"><span class="dot" aria-hidden="true"></span>${words}</dd>
      </div>
      <div>
        <dt class="visually-hidden">Waiting</dt>
        <dd class="waiting" data-pending=${pending}>${pending === 0 ? nothingWaits(device) : changesWait(pending)}</dd>
      </div>
      <div>
        <dt class="visually-hidden">Last synced</dt>
        <dd class="synced">${synced(status, now)}</dd>
      </div>
    </dl>
  `
}

function nothingWaits(device: Device) {
  return device.hasDocuments ? "All on the server" : "Nothing here yet"
}

function changesWait(changesCount: number) {
  return html`<span class="badge pending">${changesCount}</span>${changesCount === 1 ? "change" : "changes"} only here`
}

function refusedView(device: Device) {
  return KINDS.map(kind => {
    const refused = device.refusedOf(kind)
    if (!refused) return nothing
    const document = KIND_TITLES[kind].toLowerCase()
    return html`
      <div class="notice" role="alert">
        <p>
          <strong>The server did not take a change:</strong> ${refused.detail}. It stays on this ${device.name}, and so
          does what is written into the ${document} after it. The other device sees none of it.
        </p>
        <p class="quiet">To go on, copy what you want to keep, then start over. <code>${refused.code}</code></p>
      </div>
    `
  })
}

function storageFaultView(device: Device) {
  return KINDS.map(kind => {
    const fault = device.storageFaultOf(kind)
    if (fault === undefined) return nothing
    return html`
      <p class="notice" role="alert">
        <strong>This ${device.name} could not store a change of the ${KIND_TITLES[kind].toLowerCase()}:</strong>
        ${fault}. Keep the page open until the server has it.
      </p>
    `
  })
}

/** A device that was sent away does not come back by itself. */
function tryAgain(device: Device) {
  const { kind } = device.status.state
  if (kind !== "rejected" && kind !== "unauthorized") return nothing
  return html`<button class="chip" @click=${() => device.reconnect()}>Try again</button>`
}

function documentView(device: Device, kind: Kind) {
  const [profile, cart, group] = [device.document("profile"), device.document("cart"), device.document("group")]
  if (kind === "profile" && profile) return profileView(device, profile)
  if (kind === "cart" && cart) return cartView(device, cart)
  if (kind === "group" && device.groupRole === "none") return noGroupView(device)
  if (kind === "group" && group) return groupView(device, group)
  const isComing = ["connected", "connecting"].includes(device.status.state.kind)
  return html`
    ${isComing ? html`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>` : nothing}
    <p class="empty delayed">
      <span>
        ${
          device.status.state.kind === "connected"
            ? "Asking the server for this document."
            : `This ${device.name} does not have the document yet. It gets it from the server once it is connected.`
        }
      </span>
    </p>
  `
}

function noGroupView(device: Device) {
  const { displayName } = device.options.owner!
  if (!device.document("group")) {
    return html`<p class="empty"><span>Nobody has shared a group with ${displayName} yet.</span></p>`
  }
  return html`
    <div class="notice">
      <p><strong>You no longer have access to this group.</strong></p>
      <p>
        This ${device.name} keeps what it had of it, and gets nothing new. What it had not sent by then reaches nobody.
      </p>
    </div>
  `
}
