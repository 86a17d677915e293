/** A picture of a document's history: a lane for each device, a dot for each change, lines to what it knew of. */

import { LitElement, html, nothing, svg, type PropertyValues } from "lit"
import { customElement, property, state } from "lit/decorators.js"
import { CHANGES_MAX, dotWords, type Dot, type Graph } from "../history.js"
import { DEVICE_TITLES, type DeviceName } from "../kinds.js"
import { count } from "../words.js"

const COLUMN_PX_MIN = 30
const COLUMN_PX_MAX = 64
const LANE_PX = 46
const MARGIN_PX = 18
const RADIUS_PX = 7
const END_PX = 70
/** The lanes go on to the right as far as there is a screen. */
const LANE_END_PX = 4_000

interface Point {
  x: number
  y: number
}

@customElement("tb-history")
export class History extends LitElement {
  @property({ attribute: false }) graph: Graph = { dots: [], lanes: [], ends: [], olderCount: 0 }
  /** The dot that is told about; the last one unless somebody chose. */
  @state() private chosen: string | null = null
  #width = 0

  override createRenderRoot() {
    return this
  }

  override render() {
    const { dots, olderCount } = this.graph
    if (dots.length === 0) return html`<p class="empty"><span>No changes yet.</span></p>`
    const dot = dots.find(({ id }) => id === this.chosen) ?? dots.at(-1)!
    const total = dots.reduce((sum, { changesCount }) => sum + changesCount, 0)
    return html`
      <div class="lanes">
        <div aria-hidden="true">${this.graph.lanes.map(lane => html`<p class=${lane.device}>${lane.title}</p>`)}</div>
        <div class="picture">${this.#picture(dot)}</div>
      </div>
      <p class="told"><span class="key filled ${dot.lane.device}" aria-hidden="true"></span>${dotWords(dot)}</p>
      <details>
        <summary>The same as a list (${count(total, "change")})</summary>
        ${olderCount > 0 ? html`<p>${count(olderCount, "older change")} left out: the last ${CHANGES_MAX} are shown.</p>` : nothing}
        <ol reversed>
          ${dots.toReversed().map(each => html`<li>${dotWords(each)}</li>`)}
        </ol>
      </details>
    `
  }

  /** What is new is at the right end. */
  override updated(changed: PropertyValues<this>) {
    const picture = this.querySelector(".picture")
    const width = this.graph.dots.length
    if (changed.has("graph") && picture && width !== this.#width) picture.scrollLeft = picture.scrollWidth
    this.#width = width
  }

  #picture(told: Dot) {
    const { dots, lanes, ends } = this.graph
    const roomPx = (this.#pictureWidth - END_PX - 2 * MARGIN_PX) / dots.length
    const columnPx = Math.min(COLUMN_PX_MAX, Math.max(COLUMN_PX_MIN, roomPx))
    const columnX = (column: number) => MARGIN_PX + column * columnPx
    const place = new Map(
      dots.map((dot, column) => [dot.id, { x: columnX(column), y: laneY(lanes.indexOf(dot.lane)) }]),
    )
    const width = columnX(dots.length) + END_PX + MARGIN_PX
    const height = lanes.length * LANE_PX
    const endAt = (device: DeviceName) => {
      return { x: columnX(dots.length), y: laneY(lanes.findIndex(lane => lane.device === device)) }
    }
    const lines = dots.flatMap(dot => dot.parents.map(parent => line(place.get(parent), place.get(dot.id)!, "line")))
    const toEnds = ends.flatMap(end =>
      end.parents.map(parent => line(place.get(parent), endAt(end.device), "line end")),
    )
    return html`
      <svg
        class="graph"
        width=${width}
        height=${height}
        role="listbox"
        aria-orientation="horizontal"
        aria-label="Changes, oldest first"
        aria-activedescendant="dot-${told.id}"
        tabindex="0"
        @keydown=${this.#choose}
      >
        ${lanes.map((_, lane) => svg`<path class="lane" d="M0 ${laneY(lane)}H${LANE_END_PX}" />`)} ${lines} ${toEnds}
        ${ends.map(({ device }) => endView(device, endAt(device)))}
        ${dots.map(dot => this.#dot(dot, place.get(dot.id)!, dot === told))}
      </svg>
    `
  }

  /** What the names of the lanes leave; before they are drawn, a guess that the next change corrects. */
  get #pictureWidth(): number {
    return this.querySelector(".picture")?.clientWidth ?? this.clientWidth
  }

  #dot(dot: Dot, { x, y }: Point, isTold: boolean) {
    const isAlone = dot.holders.length === 1
    const tell = () => (this.chosen = dot.id)
    return svg`
      <g
        id="dot-${dot.id}"
        role="option"
        aria-selected=${isTold ? "true" : "false"}
        aria-label=${dotWords(dot)}
        class="change ${dot.lane.device} ${isAlone ? "alone" : ""}"
        @pointerenter=${tell}
        @click=${tell}
      >
        <circle class="reach" cx=${x} cy=${y} r=${COLUMN_PX_MIN / 2} />
        <circle class="mark" cx=${x} cy=${y} r=${dot.changesCount > 1 ? RADIUS_PX + 2 : RADIUS_PX} />
      </g>
    `
  }

  #choose(event: KeyboardEvent) {
    const { dots } = this.graph
    const last = dots.length - 1
    const at = dots.findIndex(({ id }) => id === this.chosen)
    const now = at < 0 ? last : at
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key]
    if (next === undefined) return
    event.preventDefault()
    this.chosen = dots[Math.min(last, Math.max(0, next))]!.id
    void this.updateComplete.then(() =>
      this.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    )
  }
}

function laneY(lane: number): number {
  return lane * LANE_PX + LANE_PX / 2
}

/** Nothing where the beginning is older than the picture. */
function line(from: Point | undefined, to: Point, name: string) {
  if (!from) return nothing
  const bend = Math.min(COLUMN_PX_MIN, to.x - from.x)
  const path =
    from.y === to.y
      ? `H${to.x}`
      : `H${to.x - bend}C${to.x - bend / 3} ${from.y} ${to.x - (2 * bend) / 3} ${to.y} ${to.x} ${to.y}`
  return svg`<path class=${name} d="M${from.x} ${from.y}${path}" />`
}

function endView(device: DeviceName, { x, y }: Point) {
  return svg`
    <g class="end-mark ${device}" aria-hidden="true">
      <rect x=${x} y=${y - 13} width=${END_PX - 8} height="26" rx="13" />
      <text x=${x + (END_PX - 8) / 2} y=${y + 4.5}>${DEVICE_TITLES[device]}</text>
    </g>
  `
}

declare global {
  interface HTMLElementTagNameMap {
    "tb-history": History
  }
}
