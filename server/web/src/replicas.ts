/** What the devices have of one document's history, drawn anew only when it has grown. */

import { getChangesMetaSince, getHeads, type Doc } from "@automerge/automerge/slim"
import type { Device } from "./device.js"
import type { Kind } from "./documents.js"
import { graphOf, type Graph } from "./history.js"

let last: { key: string; graph: Graph } | undefined

export function historyOf(devices: readonly Device[], kind: Kind): Graph {
  const documents = devices.flatMap(device => {
    const document: Doc<unknown> | undefined = device.document(kind)
    return document ? [{ device: device.name, document, heads: getHeads(document) }] : []
  })
  const key = [kind, ...documents.map(({ device, heads }) => `${device}:${heads.join()}`)].join(" ")
  if (last?.key === key) return last.graph
  const replicas = documents.map(({ device, document, heads }) => {
    return { device, heads, changes: getChangesMetaSince(document, []) }
  })
  last = { key, graph: graphOf(replicas) }
  return last.graph
}
