import { Automerge } from "@automerge/automerge-repo/slim"
import type { Doc, Heads } from "@automerge/automerge-repo/slim"
import { sameHeads } from "./upload_ledger.js"

interface Count {
  readonly heads: Heads
  readonly changes: number
}

/** How many changes of one document the server has not said to be durable. */
export class PendingChanges {
  /** Everything up to these heads is durable, as far as it is known here. */
  #confirmed: Heads
  /** What the server has, as it last said: it may be ahead of this device. */
  #announced: Heads | undefined
  #count: Count | undefined

  constructor(confirmed: Heads) {
    this.#confirmed = confirmed
  }

  get confirmed(): Heads {
    return this.#confirmed
  }

  /** Whether the server has said that it has something, and not all of it has been seen here. */
  get isAnnounced(): boolean {
    return this.#announced !== undefined && this.#announced.length > 0
  }

  /** The server's document is at these heads, durably. */
  announce(heads: Heads): void {
    this.#announced = heads
    this.#count = undefined
  }

  /** Counts; a document that has only grown since the last time costs no more than what was added. */
  in(doc: Doc<unknown>): number {
    const heads = Automerge.getHeads(doc)
    this.#resolve(doc)
    if (!this.#count) this.#count = { heads, changes: changesSince(doc, this.#confirmed) }
    else if (!sameHeads(this.#count.heads, heads)) {
      this.#count = { heads, changes: this.#count.changes + changesSince(doc, this.#count.heads) }
    }
    return this.#count.changes
  }

  /** Whether one change of this document is durable. */
  isDurable(doc: Doc<unknown>, change: string): boolean {
    this.#resolve(doc)
    return !Automerge.getChangesMetaSince(doc, this.#confirmed).some(({ hash }) => hash === change)
  }

  /** Whether the server has something that this document lacks. */
  isBehind(doc: Doc<unknown>): boolean {
    return this.#announced !== undefined && !Automerge.hasHeads(doc, this.#announced)
  }

  /**
   * Once all that the server announced is here, that alone is what is confirmed: a server restored from a backup has
   * less than before. Until then what it announced adds to what it confirmed earlier.
   */
  #resolve(doc: Doc<unknown>): void {
    const announced = this.#announced
    if (!announced) return
    const known = announced.filter(head => Automerge.hasHeads(doc, [head]))
    const isAllKnown = known.length === announced.length
    const confirmed = isAllKnown ? announced : [...new Set([...this.#confirmed, ...known])]
    if (isAllKnown) this.#announced = undefined
    if (sameHeads(confirmed, this.#confirmed)) return
    this.#confirmed = confirmed
    this.#count = undefined
  }
}

function changesSince(doc: Doc<unknown>, heads: Heads): number {
  return Automerge.getChangesMetaSince(doc, heads).length
}
