/** What the devices have of each document's history. Only what is new is decoded, and drawn. */

import { getChangesMetaSince, getHeads, type Doc, type Heads } from "@automerge/automerge/slim"
import type { Device } from "./device.js"
import { History, type Graph } from "./history.js"
import type { DeviceName, Kind } from "./kinds.js"
import { thisBrowser } from "./signature.js"

interface Replicas {
  history: History
  heads: Map<DeviceName, Heads>
  graph: Graph
}

const replicasOf = new Map<Kind, Replicas>()

export function historyOf(devices: readonly Device[], kind: Kind): Graph {
  const replicas = replicasOf.get(kind) ?? noReplicas()
  replicasOf.set(kind, replicas)
  const grown = devices.filter(device => takeNew(replicas, device, kind))
  if (grown.length > 0) replicas.graph = replicas.history.graph(replicas.heads)
  return replicas.graph
}

/** Whether there was something new. */
function takeNew({ history, heads }: Replicas, device: Device, kind: Kind): boolean {
  const document: Doc<unknown> | undefined = device.document(kind)
  if (!document) return false
  const before = heads.get(device.name) ?? []
  const now = getHeads(document)
  if (now.join() === before.join()) return false
  history.add(device.name, getChangesMetaSince(document, before))
  heads.set(device.name, now)
  return true
}

function noReplicas(): Replicas {
  const history = new History(thisBrowser())
  const heads = new Map<DeviceName, Heads>()
  return { history, heads, graph: history.graph(heads) }
}
