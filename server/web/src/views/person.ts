/** A person who is signed in: who that is, the group's sharing, the devices. */

import { html, nothing } from "lit"
import { repeat } from "lit/directives/repeat.js"
import type { Kind } from "../documents.js"
import { DEVICE_TITLES, type DeviceName } from "../kinds.js"
import type { Person } from "../person.js"
import { ago } from "../words.js"
import { deviceView } from "./device.js"
import { icons } from "./icons.js"
import "../components/sharing.js"
import "../components/sign_in.js"
import "../components/sign_in_again.js"

export interface PersonShown {
  kind: Kind
  /** The devices to show: on a narrow screen one. */
  devices: readonly DeviceName[]
  now: number
  signOut: (person: Person, device: DeviceName) => void
}

export function personView(person: Person, other: Person, shown: PersonShown) {
  const { identity, slot } = person
  if (!identity) {
    return html`<section class="person">
      <tb-sign-in .person=${person} .other=${other}></tb-sign-in>
    </section>`
  }
  return html`
    <section class="person" aria-labelledby="${slot}-title">
      <header class="person-head">
        <h2 id="${slot}-title">${identity.displayName}</h2>
        <span class="quiet">@${identity.username}</span>
      </header>
      ${person.ownGroup ? sharingView(person, other) : guestView(person, other)}
      <div class="devices">
        ${repeat(
          shown.devices,
          name => name,
          name => deviceOf(person, name, shown),
        )}
      </div>
      ${sessionsView(person, shown.now)}
    </section>
  `
}

function sharingView(person: Person, other: Person) {
  const role = person.roleOf(other.identity?.account)
  return html`
    <tb-sharing .person=${person} .other=${other} .otherIdentity=${other.identity} shared-as=${role}></tb-sharing>
  `
}

function guestView(person: Person, other: Person) {
  const role = other.roleOf(person.identity!.account)
  if (!other.identity) return html`<p class="sharing quiet">A group can be shared with you once somebody stands beside.</p>`
  const words = role === "none" ? "has not shared a group with you" : `shares a group with you: you are its ${role}`
  return html`<p class="sharing quiet">${other.identity.displayName} ${words}.</p>`
}

function deviceOf(person: Person, name: DeviceName, { kind, now, signOut }: PersonShown) {
  const device = person.devices.get(name)
  if (device) {
    const again = html`<tb-sign-in-again .person=${person} device=${name}></tb-sign-in-again>`
    return deviceView(device, kind, now, { signOut: () => signOut(person, name), again })
  }
  const id = `${person.slot}-${name}-title`
  return html`
    <section class="device ${name}" data-tone="off" aria-labelledby=${id}>
      <header class="device-head">
        <h2 id=${id}>
          ${icons[name]}<span class="visually-hidden">${person.identity!.displayName}’s </span>${DEVICE_TITLES[name]}
        </h2>
      </header>
      <p>This ${name} is signed out. Nothing of ${person.identity!.displayName} is left on it.</p>
      <tb-sign-in-again .person=${person} device=${name}></tb-sign-in-again>
    </section>
  `
}

function sessionsView(person: Person, now: number) {
  return html`
    <div class="sessions">
      <h3>Signed-in devices</h3>
      <ul>
        ${repeat(
          person.sessions,
          ({ id }) => id,
          ({ id, name, seenAt }) => html`
            <li>
              <span>${name}<span class="quiet">${seenAt ? `seen ${ago(Date.parse(seenAt), now)}` : nothing}</span></span>
              <button
                class="plain"
                aria-label="Sign out this device: ${name}"
                ?disabled=${!person.isReachable}
                @click=${() => person.signOutElsewhere(id).catch(() => person.ask())}
              >
                Sign out this device
              </button>
            </li>
          `,
        )}
      </ul>
    </div>
  `
}
