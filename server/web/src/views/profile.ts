/** The profile of one person on one device. */

import { html } from "lit"
import type { Device } from "../device.js"
import type { Profile } from "../documents.js"
import { LABELS } from "../labels.js"
import { textField, wholeField, writeWhole } from "./fields.js"

const UNITS = { metric: "km and kg", imperial: "miles and lb" }

export function profileView(device: Device, profile: Profile) {
  return html`
    ${wholeField(device, "profile", "display_name")}
    ${textField(device, "profile", "bio", "A few words. Both devices can write here at once.")}
    <div class="pair">${unitsField(device, profile)} ${wholeField(device, "profile", "birthday", "date")}</div>
  `
}

function unitsField(device: Device, profile: Profile) {
  const write = writeWhole(device, "profile", "units")
  const id = `${device.id}-units`
  const shown = String(profile.units)
  return html`
    <div class="field ${device.isHighlighted("profile", "units") ? "arrived" : ""}">
      <label for=${id}>${LABELS.profile.units}</label>
      <select
        id=${id}
        @change=${(event: Event) => write((event.target as HTMLSelectElement).value)}
      >
        ${Object.entries(UNITS).map(
          ([value, title]) => html`<option value=${value} .selected=${value === shown}>${title}</option>`,
        )}
      </select>
    </div>
  `
}
