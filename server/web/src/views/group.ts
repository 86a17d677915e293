/** A group with its members and events on one device. */

import type { UrlHeads } from "@automerge/automerge-repo/slim"
import { updateText } from "@automerge/automerge/slim"
import { html } from "lit"
import { repeat } from "lit/directives/repeat.js"
import { otherValues, writeRegister } from "../conflicts.js"
import type { Device } from "../device.js"
import { register, type Group, type GroupEvent, type Member } from "../documents.js"
import { icons } from "./icons.js"
import type { Write } from "../components/field.js"
import "../components/field.js"

export function groupView(device: Device, group: Group) {
  const change = (what: string, edit: (draft: Group) => void) => device.change("group", what, edit)
  const writeName: Write = (text, since) =>
    device.change("group", "group name", draft => writeRegister(draft, "name", text), since)
  const writeDescription: Write = (text, since) =>
    device.change("group", "description", draft => updateText(draft, ["description"], text), since)
  const heads = device.heads("group")
  const events = Object.entries(group.events).sort(([, a], [, b]) => String(a.date).localeCompare(String(b.date)))
  return html`
    <tb-field
      name="${device.name}-group-name"
      label="Name"
      .value=${String(group.name)}
      .others=${otherValues(group, "name")}
      .heads=${heads}
      .write=${writeName}
      ?arrived=${device.isHighlighted("group", "name")}
    ></tb-field>
    <tb-field
      name="${device.name}-description"
      label="Description"
      kind="text"
      placeholder="What the group is about."
      .value=${group.description}
      .heads=${heads}
      .write=${writeDescription}
      ?arrived=${device.isHighlighted("group", "description")}
    ></tb-field>
    <h4>Members</h4>
    <ul class="rows">
      ${repeat(Object.entries(group.members), byId, ([id, member]) => memberView(device, id, member))}
    </ul>
    <button class="chip" @click=${() => change("a new member", draft => (draft.members[newId()] = newMember(draft)))}>
      ${icons.add}Add a member
    </button>
    <h4>Events</h4>
    ${
      events.length === 0
        ? html`<p class="empty"><span>No events yet.</span></p>`
        : html`<ul class="rows">
            ${repeat(events, byId, ([id, event]) => eventView(device, id, event))}
          </ul>`
    }
    <button class="chip" @click=${() => change("a new event", draft => (draft.events[newId()] = newEvent()))}>
      ${icons.add}Add an event
    </button>
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
  const write: Write = (text, since) => device.change("group", `nickname ${text}`, edit(text), since)
  return html`
    <li class="row ${device.isHighlighted("group", `members/${id}`) ? "arrived" : ""}">
      <tb-field
        unlabelled
        name="${device.name}-member-${id}"
        label="Nickname"
        .value=${nickname}
        .others=${otherValues(member, "nickname")}
        .heads=${device.heads("group")}
        .write=${write}
      ></tb-field>
      ${removeButton(nickname || "member", () =>
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
  const field = (key: keyof GroupEvent, label: string, kind: "line" | "date") => html`
    <tb-field
      unlabelled
      class=${key}
      name="${device.name}-event-${id}-${key}"
      label="${label} of the event"
      placeholder=${label}
      kind=${kind}
      .value=${String(event[key])}
      .others=${otherValues(event, key)}
      .heads=${device.heads("group")}
      .write=${(text: string, since?: UrlHeads) =>
        device.change("group", `${label.toLowerCase()} of an event`, edit(key, text), since)}
      ?arrived=${device.isHighlighted("group", `events/${id}/${key}`)}
    ></tb-field>
  `
  const title = String(event.title)
  return html`
    <li class="row event ${device.isHighlighted("group", `events/${id}`) ? "arrived" : ""}">
      ${field("title", "Title", "line")} ${field("date", "Date", "date")} ${field("place", "Place", "line")}
      ${removeButton(title || "event", () =>
        device.change("group", `${title || "an event"} removed`, group => delete group.events[id]),
      )}
    </li>
  `
}

function removeButton(what: string, remove: () => void) {
  return html`<button class="square quiet" aria-label="Remove ${what}" @click=${remove}>${icons.remove}</button>`
}

function newMember(group: Group): Member {
  return { nickname: register(`Member ${Object.keys(group.members).length + 1}`) }
}

function newEvent(): GroupEvent {
  return { title: register(""), date: register(new Date().toISOString().slice(0, 10)), place: register("") }
}

function newId(): string {
  return crypto.getRandomValues(new Uint32Array(2)).join("-")
}
