/** What went wrong with a device's documents: changes that the server did not take, and those that were not stored. */

import type { DocumentId } from "@automerge/automerge-repo/slim"
import type { RefusedChange } from "@tiebreak/client"

export class Faults {
  /** The last change of each document that the server did not take. */
  readonly #refused = new Map<DocumentId, RefusedChange>()
  /** Why a document could not be stored. */
  readonly #unstored = new Map<DocumentId, string>()

  refused(change: RefusedChange): void {
    this.#refused.set(change.documentId, change)
  }

  /** For as long as something waits. */
  refusedOf(id: DocumentId, unsentCount: number): RefusedChange | undefined {
    if (unsentCount === 0) this.#refused.delete(id)
    return this.#refused.get(id)
  }

  stored(id: DocumentId): void {
    this.#unstored.delete(id)
  }

  unstored(id: DocumentId, error: unknown): void {
    this.#unstored.set(id, error instanceof Error ? error.message : String(error))
  }

  unstoredOf(id: DocumentId): string | undefined {
    return this.#unstored.get(id)
  }
}
