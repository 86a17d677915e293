/** The page: opens the devices and shows them side by side, on a narrow screen one at a time. */

import { LitElement, html, nothing } from "lit"
import { customElement, state } from "lit/decorators.js"
import { repeat } from "lit/directives/repeat.js"
import { Announcer } from "../announcer.js"
import { BootError, boot, ownDevices, type Demo, type Keeping } from "../boot.js"
import { ConnectionTeller } from "../connection_teller.js"
import type { Device, DeviceName } from "../device.js"
import { KINDS, KIND_TITLES, areIdsOfLink, backToOwnDocuments, forgetIds, type Kind } from "../documents.js"
import { openPeople, type People } from "../people.js"
import { historyOf } from "../replicas.js"
import { forgetPage, keepPage } from "../keep_page.js"
import { reloadIfModeChanged, signInMode } from "../sign_in_mode.js"
import { Story } from "../story.js"
import { choice } from "../views/choice.js"
import { deviceView, pendingBadge } from "../views/device.js"
import { disagreementsBadge } from "../views/disagreements.js"
import { askToStartOver, headerView } from "../views/header.js"
import { lostView, problemView } from "../views/problem.js"
import { storyView } from "../views/story.js"
import { connection, waiting } from "../words.js"
import "./history.js"
import "./people.js"

/** Waits and ages are told in seconds. */
const TICK_MS = 1_000

/** A document that nobody has for this long, with both devices connected, is not on this server. */
const LOST_MS = 3_000

/** How long the region for screen readers is empty between two sentences. */
const SAY_AFTER_MS = 100

const NARROW = matchMedia("(max-width: 860px)")

@customElement("tb-demo")
export class DemoPage extends LitElement {
  @state() private demo: Demo | null = null
  @state() private people: People | null = null
  @state() private problem: BootError | null = null
  @state() private kind: Kind = "profile"
  @state() private shown: DeviceName = "phone"
  @state() private said = ""
  readonly #story = new Story()
  readonly #announcer = new Announcer(sentence => this.#say(sentence))
  readonly #teller = new ConnectionTeller(sentence => this.#say(sentence))

  override createRenderRoot() {
    this.replaceChildren()
    return this
  }

  override connectedCallback() {
    super.connectedCallback()
    NARROW.addEventListener("change", () => this.requestUpdate())
    // Another link to the same page names other documents.
    addEventListener("hashchange", () => location.reload())
    void this.#begin()
  }

  override render() {
    return html`
      ${headerView({ startOver: this.demo ? () => this.#startOver() : null, changed: () => this.requestUpdate() })}
      <main>${this.#body()}</main>
      <p class="visually-hidden" role="status">${this.said}</p>
    `
  }

  #body() {
    if (this.problem) return problemView(this.problem, () => void this.#boot("in-memory"))
    if (this.people) return html`<tb-people .people=${this.people} @say=${this.#repeat}></tb-people>`
    if (!this.demo) return html`<p class="loading" role="status">Opening the two devices…</p>`
    const devices = this.#devices
    if (devices.every(device => isLost(device))) return this.#lost(devices)
    this.#story.follow(devices)
    const now = Date.now()
    const visible = NARROW.matches ? devices.filter(({ name }) => name === this.shown) : devices
    return html`
      ${
        this.demo.keeping === "in-memory"
          ? html`<p class="notice">
              This browser stores nothing here: the devices forget everything when the page closes.
            </p>`
          : nothing
      }
      ${
        areIdsOfLink(this.demo.ids)
          ? html`<div class="notice">
              <p>These are the documents of a link.</p>
              <button class="chip" @click=${backToOwnDocuments}>Back to your own documents</button>
            </div>`
          : nothing
      }
      ${storyView(this.#story, devices, () => this.requestUpdate())}
      ${choice(
        "kind",
        "Document to show",
        KINDS.map(kind => this.#kindOption(kind)),
        this.kind,
        kind => (this.kind = kind),
      )}
      <div class="devices">
        ${repeat(
          visible,
          ({ name }) => name,
          device => deviceView(device, this.kind, now),
        )}
      </div>
      ${this.#history()} ${NARROW.matches ? this.#dock(now) : nothing}
    `
  }

  #lost(devices: readonly Device[]) {
    const hasUnsent = devices.some(device => device.status.pendingChanges > 0)
    const isOwnElsewhere = areIdsOfLink(this.demo!.ids)
    const startOver = hasUnsent || isOwnElsewhere ? askToStartOver : () => void this.#startOver()
    return lostView(startOver, isOwnElsewhere ? backToOwnDocuments : null)
  }

  get #devices(): Device[] {
    return this.demo ? [this.demo.phone, this.demo.laptop] : []
  }

  #kindOption(kind: Kind) {
    const pending = this.#devices.reduce((sum, device) => sum + device.pendingOf(kind), 0)
    const disagreeing = Math.max(0, ...this.#devices.map(device => device.disagreements.of(kind).length))
    return { value: kind, title: html`${KIND_TITLES[kind]}${pendingBadge(pending)}${disagreementsBadge(disagreeing)}` }
  }

  #deviceChoice(now: number) {
    const options = this.#devices.map(device => {
      const { tone, words } = connection(device.status, device.statusAt, device.isCut, now)
      const title = html`
        <span class="dot" data-tone=${tone} aria-hidden="true"></span>${device.title}
        <span class="visually-hidden">, ${words}</span>${pendingBadge(device.pendingCount)}
      `
      return { value: device.name, title }
    })
    return choice("device", "Device to show", options, this.shown, name => (this.shown = name))
  }

  /** Where one device is shown at a time: what the other is about, and the way to it. */
  #dock(now: number) {
    const other = this.#devices.find(({ name }) => name !== this.shown)!
    const { tone, words } = connection(other.status, other.statusAt, other.isCut, now)
    return html`
      <aside class="dock" aria-label="Devices">
        <p class="elsewhere" data-tone=${tone}>
          <span class="dot" aria-hidden="true"></span>
          <span><span><strong>${other.title}:</strong> ${words},</span> ${waiting(other.status.pendingChanges)}</span>
        </p>
        ${this.#deviceChoice(now)}
      </aside>
    `
  }

  #history() {
    const graph = historyOf(this.#devices, this.kind)
    const id = this.demo!.ids[this.kind]
    return html`
      <section class="history" aria-labelledby="history-title">
        <header>
          <h2 id="history-title">History of the ${KIND_TITLES[this.kind].toLowerCase()}</h2>
          <p class="legend">
            <span class="key filled" aria-hidden="true"></span>on both devices
            <span class="key" aria-hidden="true"></span>on one device so far
          </p>
        </header>
        <tb-history .graph=${graph}></tb-history>
        <p class="quiet">
          The same document over HTTP: <a href="/v1/documents/${id}">as JSON</a>,
          <a href="/v1/documents/${id}/history">its history</a>.
        </p>
      </section>
    `
  }

  async #begin() {
    await ownDevices(() => (this.problem = new BootError("open-elsewhere")))
    await this.#boot("stored")
  }

  async #boot(keeping: Keeping) {
    this.problem = null
    try {
      const mode = await signInMode()
      if (mode === "elsewhere") throw new BootError("sign-in-elsewhere")
      if (mode === "accounts") this.people = await openPeople(keeping)
      else this.demo = await boot(keeping)
    } catch (error) {
      this.problem = error instanceof BootError ? error : new BootError("failed", error)
      if (this.problem.code === "no-wasm") await forgetPage()
      return
    }
    if (this.people) return keepPage()
    for (const device of this.#devices) {
      this.#announcer.listenTo(device)
      this.#teller.listenTo(device)
      device.addEventListener("update", () => this.#updated())
    }
    setInterval(() => this.requestUpdate(), TICK_MS)
    await this.#mark()
  }

  /** For whoever measures: when a device can be used, and when both can. */
  async #mark() {
    const { updateComplete } = this
    for (const [mark, isReached] of [
      ["usable", this.#devices.some(device => device.hasDocuments)],
      ["both-usable", this.#devices.every(device => device.hasDocuments)],
    ] as const) {
      if (!isReached || performance.getEntriesByName(mark).length > 0) continue
      await updateComplete
      performance.mark(mark)
      if (mark === "both-usable") keepPage()
    }
  }

  #isTurnedAway = false

  #updated() {
    const isTurnedAway = this.#devices.some(({ status }) => status.state.kind === "unauthorized")
    if (isTurnedAway && !this.#isTurnedAway) void reloadIfModeChanged()
    this.#isTurnedAway = isTurnedAway
    this.requestUpdate()
    void this.#mark()
  }

  readonly #repeat = (event: CustomEvent<string>) => this.#say(event.detail)

  readonly #toSay: string[] = []

  /** An equal sentence is no news to a screen reader: the region is emptied before it speaks. */
  #say(sentence: string) {
    this.#toSay.push(sentence)
    if (this.#toSay.length > 1) return
    this.said = ""
    setTimeout(() => (this.said = this.#toSay.splice(0).join(" ")), SAY_AFTER_MS)
  }

  async #startOver() {
    try {
      await Promise.all(this.#devices.map(device => device.clear()))
    } catch (error) {
      this.problem = new BootError("failed", error)
      return
    }
    forgetIds()
    Story.forget()
    location.reload()
  }
}

function isLost(device: Device): boolean {
  return device.missingSince !== undefined && Date.now() - device.missingSince > LOST_MS
}
