/** The values that a profile and a group have of their own, as fields. */

import { updateText } from "@automerge/automerge/slim"
import { html } from "lit"
import type { Device } from "../device.js"
import type { Documents, Register } from "../documents.js"
import { LABELS, inSentence } from "../labels.js"
import { writeOrRemove, writeRegister } from "../registers.js"
import type { Field, Write } from "../components/field.js"
import "../components/field.js"

type Owner = "profile" | "group"

/** What a document has of its own, and what it is called. */
type Key<K extends Owner> = keyof Documents[K] & keyof (typeof LABELS)[K] & string

/** Writes a value whole. */
export function writeWhole<K extends Owner>(device: Device, kind: K, key: Key<K>): Write {
  const label = labelOf(kind, key)
  // A birthday is a day or none; a name that is empty is a name still.
  const put = (key as string) === "birthday" ? writeOrRemove : writeRegister
  const edit = (value: string) => (document: Documents[K]) => put(registers(document), key as string, value)
  return (value, since) => device.change(kind, inSentence(label), edit(value), since)
}

/** A field whose value is written whole. */
export function wholeField<K extends Owner>(device: Device, kind: K, key: Key<K>, type: Field["kind"] = "line") {
  const document = registers(device.document(kind)!)
  return html`
    <tb-field
      name="${device.id}-${kind}-${key}"
      label=${labelOf(kind, key)}
      kind=${type}
      .value=${String(document[key] ?? "")}
      .heads=${device.heads(kind)}
      .drafts=${device.drafts[kind]}
      .write=${writeWhole(device, kind, key)}
      ?readonly=${!device.mayWrite(kind)}
      ?arrived=${device.isHighlighted(kind, key)}
    ></tb-field>
  `
}

/** A field that is edited together, letter by letter. */
export function textField<K extends Owner>(device: Device, kind: K, key: Key<K>, placeholder: string) {
  const label = labelOf(kind, key)
  const edit = (text: string) => (document: Documents[K]) => updateText(document, [key], text)
  const write: Write = (text, since) => device.change(kind, inSentence(label), edit(text), since)
  return html`
    <tb-field
      name="${device.id}-${kind}-${key}"
      label=${label}
      kind="text"
      placeholder=${placeholder}
      .value=${String(device.document(kind)?.[key])}
      .heads=${device.heads(kind)}
      .drafts=${device.drafts[kind]}
      .write=${write}
      ?readonly=${!device.mayWrite(kind)}
      ?arrived=${device.isHighlighted(kind, key)}
    ></tb-field>
  `
}

function labelOf<K extends Owner>(kind: K, key: Key<K>): string {
  return (LABELS[kind] as Record<string, string>)[key]!
}

function registers(document: Documents[Owner]): Record<string, Register> {
  return document as unknown as Record<string, Register>
}
