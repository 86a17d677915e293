/** The history of one document as a graph: what each device has, joined, in an order in which causes come first. */

import type { ChangeMetadata } from "@automerge/automerge/slim"
import { DEVICE_TITLES, type DeviceName } from "./kinds.js"

export type Lane = DeviceName | "other"

/** Changes drawn at most; older ones are counted. */
export const CHANGES_MAX = 200

/** Changes in a row that say the same, within this time, are one dot: a sentence, not its letters. */
const RUN_MS = 60_000

/** One change, or several in a row that say the same. */
export interface Dot {
  id: string
  lane: Lane
  what: string
  changesCount: number
  at: number
  /** Ids of the dots that this one knew of. */
  parents: string[]
  /** The devices that have it. */
  holders: DeviceName[]
}

export interface Graph {
  dots: Dot[]
  /** What each device sees last. */
  ends: { device: DeviceName; parents: string[] }[]
  /** Changes that are older than the first dot. */
  olderCount: number
}

export interface Replica {
  device: DeviceName
  changes: readonly ChangeMetadata[]
  heads: readonly string[]
}

export function graphOf(replicas: readonly Replica[]): Graph {
  const joined = join(replicas)
  const shown = joined.slice(-CHANGES_MAX)
  const dotOf = new Map<string, Dot>()
  const childrenCounts = countChildren(shown)
  const dots: Dot[] = []
  for (const change of shown) {
    const dot = dotFor(change)
    const before = change.deps.length === 1 ? dotOf.get(change.deps[0]!) : undefined
    if (before && childrenCounts.get(change.deps[0]!) === 1 && isSameRun(before, dot)) {
      before.changesCount += 1
      before.at = dot.at
      dotOf.set(change.hash, before)
    } else {
      dot.parents = parentsOf(change.deps, dotOf)
      dots.push(dot)
      dotOf.set(change.hash, dot)
    }
  }
  const ends = replicas.map(({ device, heads }) => ({ device, parents: parentsOf(heads, dotOf) }))
  return { dots, ends, olderCount: joined.length - shown.length }
}

type HeldChange = ChangeMetadata & { holders: DeviceName[] }

/** The changes of all replicas. A change's operations are numbered past those of all it depends on. */
function join(replicas: readonly Replica[]): HeldChange[] {
  const byHash = new Map<string, HeldChange>()
  for (const { device, changes } of replicas) {
    for (const change of changes) {
      const held = byHash.get(change.hash)
      if (held) held.holders.push(device)
      else byHash.set(change.hash, { ...change, holders: [device] })
    }
  }
  const inOrder = (a: HeldChange, b: HeldChange) => a.startOp - b.startOp || (a.hash < b.hash ? -1 : 1)
  return [...byHash.values()].sort(inOrder)
}

function countChildren(changes: readonly ChangeMetadata[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const dependency of changes.flatMap(change => change.deps)) {
    counts.set(dependency, (counts.get(dependency) ?? 0) + 1)
  }
  return counts
}

function dotFor(change: HeldChange): Dot {
  const { lane, what } = describe(change.message)
  const { hash: id, holders } = change
  return { id, lane, what, changesCount: 1, at: change.time * 1000, parents: [], holders }
}

function isSameRun(before: Dot, after: Dot): boolean {
  const isSameText = before.lane === after.lane && before.what === after.what
  const isSoon = after.at - before.at < RUN_MS
  return isSameText && isSoon && before.holders.join() === after.holders.join()
}

function parentsOf(hashes: readonly string[], dotOf: Map<string, Dot>): string[] {
  return [...new Set(hashes.flatMap(hash => dotOf.get(hash)?.id ?? []))]
}

/** The demo writes "Phone: name" as the message of a change. */
function describe(message: string | null): { lane: Lane; what: string } {
  for (const [device, title] of Object.entries(DEVICE_TITLES)) {
    if (message?.startsWith(`${title}: `)) {
      return { lane: device as DeviceName, what: message.slice(title.length + 2) }
    }
  }
  return { lane: "other", what: message || "The document was made" }
}

/** One dot in words. */
export function dotWords(dot: Dot): string {
  const who = dot.lane === "other" ? "" : `${DEVICE_TITLES[dot.lane]}: `
  const often = dot.changesCount > 1 ? `, ${dot.changesCount} changes` : ""
  const merge = dot.parents.length > 1 ? ", after a merge" : ""
  const [holder, ...more] = dot.holders
  const where = holder && more.length === 0 ? `, only on the ${holder} so far` : ""
  return `${who}${dot.what}${often}${merge}${where}, ${new Date(dot.at).toLocaleTimeString()}`
}
