/** How changes get into a device's storage: at once, with a journal for those that a page leaves behind on their way. */

import { applyChanges, type Change } from "@automerge/automerge/slim"
import type { DocHandle, DocumentId } from "@automerge/automerge-repo/slim"
import type { Tiebreak } from "@tiebreak/client"
import { Journal, changesIn } from "./journal.js"

export class Storing {
  readonly #journal: Journal
  /** Why a document could not be stored. */
  readonly #faults = new Map<DocumentId, string>()
  #underWayCount = 0

  constructor(
    private readonly tiebreak: Tiebreak,
    device: string,
    private readonly changed: () => void,
  ) {
    this.#journal = new Journal(device)
  }

  get isUnderWay(): boolean {
    return this.#underWayCount > 0
  }

  faultOf(id: DocumentId): string | undefined {
    return this.#faults.get(id)
  }

  async store(id: DocumentId, changes: readonly Change[] = []): Promise<void> {
    await this.#flush(id, this.#journal.keep(id, changes))
  }

  /** What the page before this one wrote without having stored it. A change that is there already is not made twice. */
  takeUp<T>(handle: DocHandle<T>): void {
    const kept = this.#journal.keptOf(handle.documentId)
    if (kept.length === 0) return
    handle.update(document => applyChanges(document, changesIn(kept))[0])
    void this.#flush(handle.documentId, kept)
  }

  clear(): void {
    this.#journal.clear()
  }

  /** At once: the library would gather changes for a moment, in which a person can close the page. */
  async #flush(id: DocumentId, journaled: readonly string[]): Promise<void> {
    this.#underWayCount += 1
    try {
      await this.tiebreak.repo.flush([id])
      this.#faults.delete(id)
      this.#journal.drop(journaled)
    } catch (error) {
      this.#faults.set(id, error instanceof Error ? error.message : String(error))
    }
    this.#underWayCount -= 1
    this.changed()
  }
}
