/** The documents that a device has opened, and the search for those that it has not. */

import type { DocHandle, DocumentId } from "@automerge/automerge-repo/slim"
import type { Tiebreak } from "@tiebreak/client"
import type { DocumentIds, Documents, Kind } from "./documents.js"

/** How soon a document that nobody had is asked for again. */
const FIND_AGAIN_MS = 200
const FIND_AGAIN_MS_MAX = 5_000

export type Handle<K extends Kind> = DocHandle<Documents[K]>

export interface Finding {
  tiebreak: Tiebreak
  /** Resolves when there is a connection to ask on, or nothing to ask for any more. */
  connected: () => Promise<void>
  found: (kind: Kind, handle: Handle<Kind>) => void
}

export class FoundDocuments {
  readonly #handles: { [K in Kind]?: Handle<K> } = {}
  readonly #ids: Partial<DocumentIds> = {}
  readonly #missingSince = new Map<Kind, number>()
  #isClosed = false

  constructor(private readonly finding: Finding) {}

  handle<K extends Kind>(kind: K): Handle<K> | undefined {
    return this.#handles[kind] as Handle<K> | undefined
  }

  idOf(kind: Kind): DocumentId | undefined {
    return this.#handles[kind]?.documentId
  }

  /** Since when one of these has been with nobody. */
  missingSince(kinds: readonly Kind[]): number | undefined {
    return kinds.flatMap(kind => this.#missingSince.get(kind) ?? []).sort()[0]
  }

  add<K extends Kind>(kind: K, handle: Handle<K>): void {
    this.#ids[kind] = handle.documentId
    this.#handles[kind] = handle as never
  }

  /** Asks until somebody has it, in place of the one that was there. Once it is asked for, it is not asked again. */
  async find(kind: Kind, id: string): Promise<void> {
    if (this.#ids[kind] === id) return
    this.#ids[kind] = id
    delete this.#handles[kind]
    let pauseMs = FIND_AGAIN_MS
    while (!this.#isClosed && this.#ids[kind] === id && !this.#handles[kind]) {
      try {
        const handle = await this.finding.tiebreak.find<Documents[Kind]>(id as DocumentId)
        if (this.#ids[kind] !== id) return
        this.finding.found(kind, handle)
        this.#handles[kind] = handle as never
        this.#missingSince.delete(kind)
      } catch {
        if (!this.#missingSince.has(kind)) this.#missingSince.set(kind, Date.now())
        await new Promise(resolve => setTimeout(resolve, pauseMs))
        await this.finding.connected()
        pauseMs = Math.min(2 * pauseMs, FIND_AGAIN_MS_MAX)
      }
    }
  }

  /** Asks for nothing any more. */
  close(): void {
    this.#isClosed = true
  }
}
