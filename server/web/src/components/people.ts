/** Two people with two devices each, side by side; on a narrow screen one device at a time. */

import { LitElement, html, nothing } from "lit"
import { customElement, property, state } from "lit/decorators.js"
import { Announcer } from "../announcer.js"
import { ConnectionTeller } from "../connection_teller.js"
import type { Device } from "../device.js"
import { KINDS, KIND_TITLES, type Kind } from "../documents.js"
import type { DeviceName } from "../kinds.js"
import type { People } from "../people.js"
import { DEVICE_NAMES, SLOTS, type Person, type Slot } from "../person.js"
import { choice } from "../views/choice.js"
import { pendingBadge } from "../views/device.js"
import { personView } from "../views/person.js"
import { askToSignOut, signOutDialog, type SignOutQuestion } from "../views/sign_out.js"
import { count } from "../words.js"

/** Waits and ages are told in seconds. */
const TICK_MS = 1_000

const NARROW = matchMedia("(max-width: 860px)")

@customElement("tb-people")
export class PeoplePage extends LitElement {
  @property({ attribute: false }) people!: People
  @state() private kind: Kind = "group"
  @state() private shownPerson: Slot = "first"
  @state() private shownDevice: DeviceName = "phone"
  @state() private question: SignOutQuestion | null = null
  readonly #announcer = new Announcer(sentence => this.#say(sentence))
  readonly #teller = new ConnectionTeller(sentence => this.#say(sentence))

  override createRenderRoot() {
    return this
  }

  override connectedCallback() {
    super.connectedCallback()
    NARROW.addEventListener("change", () => this.requestUpdate())
    for (const person of this.#all) {
      for (const device of person.devices.values()) this.#follow(device)
      person.addEventListener("opened", event => this.#follow((event as CustomEvent<Device>).detail))
      person.addEventListener("update", () => this.requestUpdate())
    }
    setInterval(() => this.requestUpdate(), TICK_MS)
  }

  override render() {
    const { first, second } = this.people
    const isNarrow = NARROW.matches
    const isAnybodyThere = this.#all.some(({ identity }) => identity)
    const shown = {
      kind: this.kind,
      devices: isNarrow ? [this.shownDevice] : DEVICE_NAMES,
      now: Date.now(),
      signOut: (person: Person, name: DeviceName) => this.#signOut(person, name),
    }
    const people = isNarrow ? this.#all.filter(({ slot }) => slot === this.shownPerson) : this.#all
    return html`
      ${isNarrow ? this.#personChoice() : nothing}
      ${isAnybodyThere ? this.#kindChoice() : this.#welcome()}
      <div class="people">${people.map(person => personView(person, person === first ? second : first, shown))}</div>
      ${isNarrow && isAnybodyThere ? this.#deviceDock() : nothing}
      ${signOutDialog(this.question)}
    `
  }

  #welcome() {
    return html`
      <p>
        Two people, each with a phone and a laptop. The first one has a group, and can share it with the second. Each
        needs an account at this server first.
      </p>
    `
  }

  #kindChoice() {
    const options = KINDS.map(kind => {
      return { value: kind, title: html`${KIND_TITLES[kind]}${pendingBadge(this.#pending(kind))}` }
    })
    return choice("kind", "Document to show", options, this.kind, kind => (this.kind = kind))
  }

  #personChoice() {
    const titles = { first: "First person", second: "Second person" }
    const options = this.#all.map(({ slot, identity }) => {
      return { value: slot, title: identity?.displayName ?? titles[slot] }
    })
    return choice("person", "Person to show", options, this.shownPerson, slot => (this.shownPerson = slot))
  }

  #deviceDock() {
    const options = [
      { value: "phone" as DeviceName, title: "Phone" },
      { value: "laptop" as DeviceName, title: "Laptop" },
    ]
    return html`
      <aside class="dock" aria-label="Devices">
        ${choice("device", "Device to show", options, this.shownDevice, name => (this.shownDevice = name))}
      </aside>
    `
  }

  get #all(): Person[] {
    return SLOTS.map(slot => this.people[slot])
  }

  #pending(kind: Kind): number {
    const devices = this.#all.flatMap(({ devices }) => [...devices.values()])
    return devices.reduce((sum, device) => sum + device.pendingOf(kind), 0)
  }

  #follow(device: Device) {
    this.#announcer.listenTo(device)
    this.#teller.listenTo(device)
  }

  #signOut(person: Person, name: DeviceName) {
    const device = person.devices.get(name)
    if (!device) return
    const signOut = async () => {
      const discarded = await person.signOut(name)
      const loss = discarded > 0 ? ` ${count(discarded, "unsent change")} discarded.` : ""
      this.#say(`${device.title} is signed out.${loss}`)
    }
    if (device.pendingCount === 0 && !device.hasLostGroup) return void signOut()
    this.question = { device, signOut }
    void this.updateComplete.then(askToSignOut)
  }

  #say(sentence: string) {
    this.dispatchEvent(new CustomEvent<string>("say", { detail: sentence }))
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-people": PeoplePage
  }
}
