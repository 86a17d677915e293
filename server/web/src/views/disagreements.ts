/** What two devices wrote apart: all sides beside each other, and a button for each. */

import { html, nothing } from "lit"
import { repeat } from "lit/directives/repeat.js"
import type { Conflict, ConflictCandidate, Resolution } from "@tiebreak/client"
import type { Device } from "../device.js"
import type { Kind } from "../kinds.js"
import { LABELS, placeWords } from "../labels.js"
import { differences } from "../text_difference.js"
import { count } from "../words.js"

/** What happened, in half a sentence. */
const HAPPENED: Record<Conflict["type"], string> = {
  write_write: "written apart",
  delete_edit: "removed here, changed there",
  replace_edit: "replaced here, changed there",
  lost_increment: "counted here, replaced there",
  mark: "formatted apart",
  rule: "more than may be",
}

export function disagreementsView(device: Device, kind: Kind) {
  const conflicts = device.disagreements.of(kind)
  if (conflicts.length === 0) return nothing
  const id = `${device.id}-${kind}-disagreements`
  return html`
    <div class="disagreements" role="group" aria-labelledby=${id}>
      <h4 id=${id}>${count(conflicts.length, "disagreement")}</h4>
      <p class="quiet">Nothing is lost. Choose what stands; it goes to every device.</p>
      <ul>
        ${repeat(
          conflicts,
          conflict => conflict.id,
          conflict => disagreementView(device, kind, conflict),
        )}
      </ul>
    </div>
  `
}

export function disagreementsBadge(conflictsCount: number) {
  if (conflictsCount === 0) return nothing
  return html`<span class="badge disagreeing">${conflictsCount}<span class="visually-hidden"> to settle</span></span>`
}

function disagreementView(device: Device, kind: Kind, conflict: Conflict) {
  const place = placeWords(kind, conflict.path.join("/")) || conflict.label
  const id = `${device.id}-${conflict.id}`
  const fault = device.disagreements.faultOf(conflict)
  return html`
    <li class="disagreement" aria-labelledby=${id}>
      <p id=${id}><strong>${place}</strong> <span class="quiet">${HAPPENED[conflict.type]}</span></p>
      <p class="before">Before: ${conflict.base === null ? "nothing" : html`<s>${words(conflict.base)}</s>`}</p>
      <ul class="sides">
        ${conflict.candidates.map(candidate => sideView(device, kind, conflict, candidate, place))}
      </ul>
      ${fault === undefined ? nothing : html`<p class="field-error" role="alert">Not settled: ${fault}</p>`}
    </li>
  `
}

function sideView(device: Device, kind: Kind, conflict: Conflict, candidate: ConflictCandidate, place: string) {
  const who = device.disagreements.whoWrote(kind, candidate)
  const at = candidate.deviceTime ?? candidate.serverTime
  const shown = candidate.removed ? "removed" : words(candidate.value)
  const choose = candidate.removed ? "Remove it" : "Keep this"
  const settle = async (event: Event) => {
    const section = (event.target as HTMLElement).closest("section.device")
    const isSettled = await device.disagreements.settle(kind, conflict, resolutionFor(conflict, candidate))
    if (isSettled) await focusNext(device, kind, conflict, section)
  }
  return html`
    <li class="side">
      <p class="who">${who}${at ? html`<time class="quiet" datetime=${at}>${timeWords(at)}</time>` : nothing}</p>
      <p class="value">${candidate.removed ? html`<em>Removed</em>` : marked(conflict.base, shown)}</p>
      ${
        device.mayWrite(kind)
          ? html`<button class="chip" aria-label="${choose}: ${place}, ${shown}" @click=${settle}>${choose}</button>`
          : nothing
      }
    </li>
  `
}

function resolutionFor(conflict: Conflict, { id, removed }: ConflictCandidate): Resolution {
  return removed && conflict.type === "delete_edit" ? { keep: false } : { candidate: id }
}

/** To the next one to settle, else to the field that is settled, else to the document. */
async function focusNext(device: Device, kind: Kind, conflict: Conflict, section: Element | null): Promise<void> {
  await new Promise(resolve => requestAnimationFrame(resolve))
  const next = section?.querySelector<HTMLElement>(".disagreement button")
  const field = document.getElementById([device.id, kind, ...conflict.path].join("-"))
  const target = next ?? field ?? section?.querySelector<HTMLElement>(".screen > h3")
  target?.focus()
}

function marked(base: unknown, shown: string) {
  if (typeof base !== "string") return shown
  return differences(base, shown).map(({ text, isNew }) => (isNew ? html`<mark>${text}</mark>` : text))
}

/** A value as people read it. */
function words(value: unknown): string {
  if (value === "" || value === null) return "(empty)"
  if (Array.isArray(value)) return value.map(words).join(", ")
  if (typeof value !== "object") return String(value)
  const parts = Object.entries(value).filter(([, part]) => part !== "")
  const named = parts.map(([key, part]) => `${nameOf(key)}: ${words(part)}`)
  return named.join(", ") || "(empty)"
}

function nameOf(key: string): string {
  const labels: Record<string, string> = { ...LABELS.profile, ...LABELS.cart, ...LABELS.group }
  return labels[key] ?? key
}

function timeWords(at: string): string {
  return new Date(at).toLocaleTimeString()
}
