/** The page: opens the devices and shows them side by side, on a narrow screen one at a time. */

import { LitElement, html, nothing } from "lit"
import { customElement, state } from "lit/decorators.js"
import { repeat } from "lit/directives/repeat.js"
import { Announcer } from "../announcer.js"
import { BootError, boot, ownDevices, type Demo, type Keeping } from "../boot.js"
import type { Device, DeviceName } from "../device.js"
import { KINDS, KIND_TITLES, forgetIds, type Kind } from "../documents.js"
import { historyOf } from "../replicas.js"
import { Story } from "../story.js"
import { choice } from "../views/choice.js"
import { deviceView, pendingBadge } from "../views/device.js"
import { headerView } from "../views/header.js"
import { lostView, problemView } from "../views/problem.js"
import { storyView } from "../views/story.js"
import { connection, count } from "../words.js"
import "./history.js"

/** Waits and ages are told in seconds. */
const TICK_MS = 1_000

/** A document that nobody has for this long, with both devices connected, is not on this server. */
const LOST_MS = 3_000

const NARROW = matchMedia("(max-width: 860px)")

@customElement("tb-demo")
export class DemoPage extends LitElement {
  @state() private demo: Demo | null = null
  @state() private problem: BootError | null = null
  @state() private kind: Kind = "profile"
  @state() private shown: DeviceName = "phone"
  @state() private said = ""
  readonly #story = new Story()
  readonly #announcer = new Announcer(sentence => (this.said = sentence))

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
    if (!this.demo) return html`<p class="loading" role="status">Opening the two devices…</p>`
    const devices = this.#devices
    if (devices.every(device => isLost(device))) return lostView(() => this.#startOver())
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
      ${storyView(this.#story, devices, () => this.requestUpdate())}
      ${choice(
        "kind",
        "Document to show",
        KINDS.map(kind => this.#kindOption(kind)),
        this.kind,
        kind => (this.kind = kind),
      )}
      ${NARROW.matches ? this.#deviceChoice(now) : nothing}
      <div class="devices">
        ${repeat(
          visible,
          ({ name }) => name,
          device => deviceView(device, this.kind, now),
        )}
      </div>
      ${this.#history()}
    `
  }

  get #devices(): Device[] {
    return this.demo ? [this.demo.phone, this.demo.laptop] : []
  }

  #kindOption(kind: Kind) {
    const pending = this.#devices.reduce((sum, device) => sum + device.pendingOf(kind), 0)
    return { value: kind, title: html`${KIND_TITLES[kind]}${pendingBadge(pending)}` }
  }

  #deviceChoice(now: number) {
    const options = this.#devices.map(device => {
      const { tone, words } = connection(device.status, device.statusAt, device.isCut, now)
      const title = html`
        <span class="dot" data-tone=${tone} aria-hidden="true"></span>${device.title}
        <span class="visually-hidden">, ${words}</span>${pendingBadge(device.status.pendingChanges)}
      `
      return { value: device.name, title }
    })
    return choice("device", "Device to show", options, this.shown, name => (this.shown = name))
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
      this.demo = await boot(keeping)
    } catch (error) {
      this.problem = error instanceof BootError ? error : new BootError("failed", error)
      return
    }
    for (const device of this.#devices) {
      this.#announcer.listenTo(device)
      device.addEventListener("update", () => this.#updated(device))
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
    }
  }

  /** Changes that waited without a connection, by device; those of a moment are not worth a word. */
  readonly #waited = new Map<Device, number>()

  #updated(device: Device) {
    const { state, pendingChanges } = device.status
    const waited = this.#waited.get(device) ?? 0
    if (state.kind !== "connected") this.#waited.set(device, pendingChanges)
    else if (pendingChanges === 0 && this.#waited.delete(device) && waited > 0) {
      this.said = `The server has everything from the ${device.name}: ${count(waited, "change")} sent.`
    }
    this.requestUpdate()
    void this.#mark()
  }

  async #startOver() {
    await Promise.all(this.#devices.map(device => device.clear()))
    forgetIds()
    Story.forget()
    location.reload()
  }
}

function isLost(device: Device): boolean {
  return device.missingSince !== undefined && Date.now() - device.missingSince > LOST_MS
}
