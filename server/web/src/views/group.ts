/** A group with its members and events on one device. */

import type { UrlHeads } from "@automerge/automerge-repo/slim"
import { html, nothing } from "lit"
import { repeat } from "lit/directives/repeat.js"
import { otherValues, writeRegister } from "../conflicts.js"
import type { Device } from "../device.js"
import { inOrder, newId, register, type Group, type GroupEvent, type Member } from "../documents.js"
import { LABELS, inSentence } from "../labels.js"
import { textField, wholeField } from "./fields.js"
import { icons } from "./icons.js"
import type { Write } from "../components/field.js"
import "../components/field.js"

export function groupView(device: Device, group: Group) {
  const change = (what: string, edit: (draft: Group) => void) => device.change("group", what, edit)
  const events = inOrder(group.events).sort(([, a], [, b]) => String(a.date).localeCompare(String(b.date)))
  const isViewer = device.groupRole === "viewer"
  return html`
    ${isViewer ? html`<p class="quiet">You may read this group, not write to it.</p>` : nothing}
    ${wholeField(device, "group", "name")}
    ${textField(device, "group", "description", "What the group is about.")}
    <h4>${LABELS.group.members}</h4>
    <ul class="rows">
      ${repeat(inOrder(group.members), byId, ([id, member]) => memberView(device, id, member))}
    </ul>
    ${addButton(device, "Add a member", () =>
      change("a new member", draft => (draft.members[newId()] = newMember(draft))),
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

function memberView(device: Device, id: string, member: Member) {
  const nickname = String(member.nickname)
  const edit = (text: string) => (group: Group) => {
    const target = group.members[id]
    if (target) writeRegister(target, "nickname", text)
  }
  const write: Write = (text, since) =>
    device.change("group", `${inSentence(LABELS.group.nickname)} ${text}`, edit(text), since)
  return html`
    <li class="row ${device.isHighlighted("group", `members/${id}`) ? "arrived" : ""}">
      <tb-field
        unlabelled
        name="${device.id}-member-${id}"
        label=${LABELS.group.nickname}
        .value=${nickname}
        .others=${otherValues(member, "nickname")}
        .heads=${device.heads("group")}
        .drafts=${device.drafts.group}
        .write=${write}
        ?readonly=${!device.mayWrite("group")}
      ></tb-field>
      ${removeButton(device, nickname || "member", () =>
        device.change("group", `${nickname} removed`, group => delete group.members[id]),
      )}
    </li>
  `
}

function eventView(device: Device, id: string, event: GroupEvent) {
  const edit = (key: keyof GroupEvent, text: string) => (group: Group) => {
    const target = group.events[id]
    if (target) writeRegister(target, key, text)
  }
  const field = (key: keyof GroupEvent, kind: "line" | "date") => html`
    <tb-field
      unlabelled
      class=${key}
      name="${device.id}-event-${id}-${key}"
      label="${LABELS.group[key]} of the event"
      placeholder=${LABELS.group[key]}
      kind=${kind}
      .value=${String(event[key])}
      .others=${otherValues(event, key)}
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
      ${field("title", "line")} ${field("date", "date")} ${field("place", "line")}
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

function newMember(group: Group): Member {
  return { nickname: register(`Member ${Object.keys(group.members).length + 1}`) }
}

function newEvent(): GroupEvent {
  return { title: register(""), date: register(new Date().toISOString().slice(0, 10)), place: register("") }
}
