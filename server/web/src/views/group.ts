/** A group with its people and events on one device. */

import type { UrlHeads } from "@automerge/automerge-repo/slim"
import { html, nothing } from "lit"
import { repeat } from "lit/directives/repeat.js"
import type { Device } from "../device.js"
import { inOrder, newId, register, type Group, type GroupEvent, type Register } from "../documents.js"
import { LABELS, inSentence } from "../labels.js"
import { writeOrRemove, writeRegister } from "../registers.js"
import { textField, wholeField } from "./fields.js"
import { icons } from "./icons.js"
import type { Write } from "../components/field.js"
import "../components/field.js"

/** The rest of a moment on a day. */
const AT_NOON = "T12:00:00Z"

export function groupView(device: Device, group: Group) {
  const change = (what: string, edit: (draft: Group) => void) => device.change("group", what, edit)
  const events = inOrder(group.events).sort(([, a], [, b]) => dayOf(a).localeCompare(dayOf(b)))
  const isViewer = device.groupRole === "viewer"
  return html`
    ${isViewer ? html`<p class="quiet">You may read this group, not write to it.</p>` : nothing}
    ${wholeField(device, "group", "name")}
    ${textField(device, "group", "description", "What the group is about.")}
    <h4>${LABELS.group.nicknames}</h4>
    <ul class="rows">
      ${repeat(inOrder(group.nicknames), byId, ([id, nickname]) => nicknameView(device, id, nickname))}
    </ul>
    ${addButton(device, "Add a nickname", () =>
      change("a new nickname", draft => (draft.nicknames[newId()] = newNickname(draft))),
    )}
    <h4>${LABELS.group.events}</h4>
    ${
      events.length === 0
        ? html`<p class="empty"><span>No events yet.</span></p>`
        : html`<ul class="rows">
            ${repeat(events, byId, ([id, event]) => eventView(device, id, event))}
          </ul>`
    }
    ${addButton(device, "Add an event", () => change("a new event", draft => (draft.events[newId()] = newEvent())))}
  `
}

/** A field keeps what somebody is writing: it stays with its row when another row goes. */
function byId([id]: readonly [string, unknown]): string {
  return id
}

function nicknameView(device: Device, id: string, register: Register) {
  const nickname = String(register)
  const edit = (text: string) => (group: Group) => {
    if (id in group.nicknames) writeRegister(group.nicknames, id, text)
  }
  const write: Write = (text, since) =>
    device.change("group", `nickname ${text}`, edit(text), since)
  return html`
    <li class="row ${device.isHighlighted("group", `nicknames/${id}`) ? "arrived" : ""}">
      <tb-field
        unlabelled
        name="${device.id}-group-nicknames-${id}"
        label="Nickname"
        .value=${nickname}
        .heads=${device.heads("group")}
        .drafts=${device.drafts.group}
        .write=${write}
        ?readonly=${!device.mayWrite("group")}
      ></tb-field>
      ${removeButton(device, nickname || "nickname", () =>
        device.change("group", `${nickname} removed`, group => delete group.nicknames[id]),
      )}
    </li>
  `
}

function eventView(device: Device, id: string, event: GroupEvent) {
  const edit = (key: keyof GroupEvent, text: string) => (group: Group) => {
    const target = group.events[id]
    if (target && key === "at") writeOrRemove(target, key, text && `${text}${AT_NOON}`)
    else if (target) writeRegister(target, key, text)
  }
  const field = (key: keyof GroupEvent, kind: "line" | "date") => html`
    <tb-field
      unlabelled
      class=${key === "at" ? "date" : key}
      name="${device.id}-group-events-${id}-${key}"
      label="${LABELS.group[key]} of the event"
      placeholder=${LABELS.group[key]}
      kind=${kind}
      .value=${key === "at" ? dayOf(event) : String(event[key])}
      .heads=${device.heads("group")}
      .drafts=${device.drafts.group}
      .write=${(text: string, since?: UrlHeads) =>
        device.change("group", `${inSentence(LABELS.group[key])} of an event`, edit(key, text), since)}
      ?readonly=${!device.mayWrite("group")}
      ?arrived=${device.isHighlighted("group", `events/${id}/${key}`)}
    ></tb-field>
  `
  const title = String(event.title)
  return html`
    <li class="row event ${device.isHighlighted("group", `events/${id}`) ? "arrived" : ""}">
      ${field("title", "line")} ${field("at", "date")} ${field("place", "line")}
      ${removeButton(device, title || "event", () =>
        device.change("group", `${title || "an event"} removed`, group => delete group.events[id]),
      )}
    </li>
  `
}

function addButton(device: Device, title: string, add: () => void) {
  if (!device.mayWrite("group")) return nothing
  return html`<button class="chip" @click=${add}>${icons.add}${title}</button>`
}

function removeButton(device: Device, what: string, remove: () => void) {
  if (!device.mayWrite("group")) return nothing
  return html`<button class="square quiet" aria-label="Remove ${what}" @click=${remove}>${icons.remove}</button>`
}

function newNickname(group: Group): Register {
  return register(`Walker ${Object.keys(group.nicknames).length + 1}`)
}

function newEvent(): GroupEvent {
  const today = new Date().toISOString().slice(0, 10)
  return { title: register("New event"), at: register(`${today}${AT_NOON}`), place: register("") }
}

/** Events are at moments; the demo shows the day. */
function dayOf({ at }: GroupEvent): string {
  return String(at ?? "").slice(0, 10)
}
