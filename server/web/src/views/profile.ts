/** The profile of one person on one device. */

import { updateText } from "@automerge/automerge/slim"
import { html } from "lit"
import { otherValues } from "../conflicts.js"
import type { Device } from "../device.js"
import { register, type Profile } from "../documents.js"
import { conflictHint } from "./conflict.js"
import "../components/field.js"

const UNITS = { metric: "km and kg", imperial: "miles and lb" }

type WrittenWhole = "name" | "birthday" | "units"

export function profileView(device: Device, profile: Profile) {
  const writeWhole = (key: WrittenWhole, what: string) => (value: string) =>
    device.change("profile", what, draft => (draft[key] = register(value)))
  const writeBio = (text: string) => device.change("profile", "bio", draft => updateText(draft, ["bio"], text))
  const isNew = (path: string) => device.isHighlighted("profile", path)
  return html`
    <tb-field
      name="${device.name}-name"
      label="Display name"
      .value=${String(profile.name)}
      .others=${otherValues(profile, "name")}
      .write=${writeWhole("name", "display name")}
      ?arrived=${isNew("name")}
    ></tb-field>
    <tb-field
      name="${device.name}-bio"
      label="About"
      kind="text"
      placeholder="A few words. Both devices can write here at once."
      .value=${profile.bio}
      .write=${writeBio}
      ?arrived=${isNew("bio")}
    ></tb-field>
    <div class="pair">
      ${unitsField(device, profile, writeWhole("units", "units"))}
      <tb-field
        name="${device.name}-birthday"
        label="Birthday"
        kind="date"
        .value=${String(profile.birthday)}
        .others=${otherValues(profile, "birthday")}
        .write=${writeWhole("birthday", "birthday")}
        ?arrived=${isNew("birthday")}
      ></tb-field>
    </div>
  `
}

function unitsField(device: Device, profile: Profile, write: (value: string) => void) {
  const id = `${device.name}-units`
  const shown = String(profile.units)
  const others = otherValues(profile, "units").map(other => UNITS[other as keyof typeof UNITS] ?? other)
  return html`
    <div class="field ${device.isHighlighted("profile", "units") ? "arrived" : ""}">
      <label for=${id}>Units</label>
      <select id=${id} @change=${(event: Event) => write((event.target as HTMLSelectElement).value)}>
        ${Object.entries(UNITS).map(
          ([value, title]) => html`<option value=${value} .selected=${value === shown}>${title}</option>`,
        )}
      </select>
      ${conflictHint(others, `${id}-conflict`)}
    </div>
  `
}
