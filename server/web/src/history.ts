/** The history of one document as a graph: what each device has, joined, in an order in which causes come first. */

import type { ChangeMetadata } from "@automerge/automerge/slim"
import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { Lanes, type Lane } from "./lanes.js"
import { signatureOf } from "./signature.js"

/** Changes drawn at most; older ones are counted. */
export const CHANGES_MAX = 200

/** What the demo calls the change that makes a document. */
export const DOCUMENT_MADE = "document made"

/** Changes in a row that say the same, within this time, are one dot: a sentence, not its letters. */
const RUN_MS = 60_000

export type Change = Pick<ChangeMetadata, "hash" | "actor" | "startOp" | "deps" | "message" | "time">

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

/** What a device sees last. */
export interface End {
  device: DeviceName
  parents: readonly string[]
}

export interface Graph {
  dots: Dot[]
  lanes: Lane[]
  ends: End[]
  /** Changes that are older than the first dot. */
  olderCount: number
}

interface HeldChange {
  change: Change
  holders: DeviceName[]
}

/** Grows with its devices: each change is looked at once, however long the history is. */
export class History {
  readonly #lanes: Lanes
  readonly #byHash = new Map<string, HeldChange>()
  readonly #inOrder: HeldChange[] = []

  constructor(browser: string) {
    this.#lanes = new Lanes(browser)
  }

  /** Takes what a device has and did not have before, causes first. */
  add(device: DeviceName, changes: readonly Change[]): void {
    for (const change of changes) {
      const known = this.#byHash.get(change.hash)
      if (known) known.holders.push(device)
      else this.#insert({ change, holders: [device] })
    }
  }

  /** `heads` are the changes that each device sees last. */
  graph(heads: ReadonlyMap<DeviceName, readonly string[]>): Graph {
    const shown = this.#inOrder.slice(-CHANGES_MAX)
    const dotOf = new Map<string, Dot>()
    const childrenCounts = countChildren(shown)
    const dots: Dot[] = []
    for (const held of shown) {
      const { hash, deps } = held.change
      const dot = this.#dotFor(held)
      const before = deps.length === 1 ? dotOf.get(deps[0]!) : undefined
      if (before && childrenCounts.get(deps[0]!) === 1 && isSameRun(before, dot)) {
        before.changesCount += 1
        before.at = dot.at
        dotOf.set(hash, before)
      } else {
        dot.parents = parentsOf(deps, dotOf)
        dots.push(dot)
        dotOf.set(hash, dot)
      }
    }
    const ends = [...heads].map(([device, hashes]) => ({ device, parents: parentsOf(hashes, dotOf) }))
    const lanes = this.#lanes.among(dots.map(dot => dot.lane))
    return { dots, lanes, ends, olderCount: this.#inOrder.length - shown.length }
  }

  /** A change's operations are numbered past those of all it depends on, which came before it. */
  #insert(held: HeldChange): void {
    const { hash, actor, startOp, message } = held.change
    this.#byHash.set(hash, held)
    this.#lanes.learn(actor, message)
    let at = this.#inOrder.length
    while (at > 0 && this.#inOrder[at - 1]!.change.startOp > startOp) at -= 1
    this.#inOrder.splice(at, 0, held)
  }

  #dotFor({ change, holders }: HeldChange): Dot {
    const { hash: id, actor, time } = change
    const lane = this.#lanes.of(actor)
    return { id, lane, what: words(change), changesCount: 1, at: time * 1000, parents: [], holders }
  }
}

function words({ message, deps }: Change): string {
  if (message) return signatureOf(message)?.what ?? message
  return deps.length === 0 ? DOCUMENT_MADE : "a change without a name"
}

function countChildren(changes: readonly HeldChange[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const dependency of changes.flatMap(({ change }) => change.deps)) {
    counts.set(dependency, (counts.get(dependency) ?? 0) + 1)
  }
  return counts
}

function isSameRun(before: Dot, after: Dot): boolean {
  const isSameText = before.lane === after.lane && before.what === after.what
  const isSoon = after.at - before.at < RUN_MS
  return isSameText && isSoon && isSameSet(before.holders, after.holders)
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every(each => others.includes(each))
}

function parentsOf(hashes: readonly string[], dotOf: Map<string, Dot>): string[] {
  return [...new Set(hashes.flatMap(hash => dotOf.get(hash)?.id ?? []))]
}

/** One dot in words. */
export function dotWords(dot: Dot): string {
  const often = dot.changesCount > 1 ? `, ${dot.changesCount} changes` : ""
  const merge = dot.parents.length > 1 ? ", after a merge" : ""
  const [holder, ...more] = dot.holders
  const where = holder && more.length === 0 ? `, only on the ${DEVICE_TITLES[holder].toLowerCase()} so far` : ""
  return `${dot.lane.title}: ${dot.what}${often}${merge}${where}, ${new Date(dot.at).toLocaleTimeString()}`
}
