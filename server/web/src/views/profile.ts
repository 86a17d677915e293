/** The profile of one person on one device. */

import { updateText } from "@automerge/automerge/slim"
import { html, nothing } from "lit"
import { otherValues, writeRegister } from "../conflicts.js"
import type { Device } from "../device.js"
import type { Profile } from "../documents.js"
import { conflictHint } from "./conflict.js"
import type { Write } from "../components/field.js"
import "../components/field.js"

const UNITS = { metric: "km and kg", imperial: "miles and lb" }

type WrittenWhole = "name" | "birthday" | "units"

export function profileView(device: Device, profile: Profile) {
  const writeWhole = (key: WrittenWhole, what: string): Write => (value, since) =>
    device.change("profile", what, draft => writeRegister(draft, key, value), since)
  const writeBio: Write = (text, since) =>
    device.change("profile", "bio", draft => updateText(draft, ["bio"], text), since)
  const heads = device.heads("profile")
  const isNew = (path: string) => device.isHighlighted("profile", path)
  return html`
    <tb-field
      name="${device.name}-name"
      label="Display name"
      .value=${String(profile.name)}
      .others=${otherValues(profile, "name")}
      .heads=${heads}
      .write=${writeWhole("name", "display name")}
      ?arrived=${isNew("name")}
    ></tb-field>
    <tb-field
      name="${device.name}-bio"
      label="About"
      kind="text"
      placeholder="A few words. Both devices can write here at once."
      .value=${profile.bio}
      .heads=${heads}
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
        .heads=${heads}
        .write=${writeWhole("birthday", "birthday")}
        ?arrived=${isNew("birthday")}
      ></tb-field>
    </div>
  `
}

function unitsField(device: Device, profile: Profile, write: (value: string) => void) {
  const id = `${device.name}-units`
  const shown = String(profile.units)
  const others = otherValues(profile, "units")
  const title = (value: string) => UNITS[value as keyof typeof UNITS] ?? value
  const settle = (value: string) => {
    write(value)
    document.getElementById(id)?.focus()
  }
  return html`
    <div class="field ${device.isHighlighted("profile", "units") ? "arrived" : ""}">
      <label for=${id}>Units</label>
      <select
        id=${id}
        aria-describedby=${others.length > 0 ? `${id}-conflict` : nothing}
        @change=${(event: Event) => write((event.target as HTMLSelectElement).value)}
      >
        ${Object.entries(UNITS).map(
          ([value, title]) => html`<option value=${value} .selected=${value === shown}>${title}</option>`,
        )}
      </select>
      ${conflictHint({ id: `${id}-conflict`, shown, others, settle, title })}
    </div>
  `
}
