import type { Chunk, DocumentId, StorageAdapterInterface, StorageKey } from "@automerge/automerge-repo/slim"
import { documentOf } from "./upload_ledger.js"
import type { UploadLedger } from "./upload_ledger.js"

export interface LedgeredStorageOptions {
  readonly storage: StorageAdapterInterface
  readonly ledger: UploadLedger
  /** Called when a document is loaded or was stored. */
  changed(): void
  /** Called when something of a document could not be stored. It is tried again later. */
  failed(documentId: DocumentId, error: unknown): void
}

/** The app's storage as the repo sees it: nothing of a document is stored before the ledger counts it as not uploaded. */
export class LedgeredStorage implements StorageAdapterInterface {
  readonly #storage: StorageAdapterInterface
  readonly #ledger: UploadLedger
  readonly #options: LedgeredStorageOptions
  readonly #writing = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: LedgeredStorageOptions) {
    this.#storage = options.storage
    this.#ledger = options.ledger
    this.#options = options
  }

  load(key: StorageKey): Promise<Uint8Array | undefined> {
    return this.#storage.load(key)
  }

  async loadRange(keyPrefix: StorageKey): Promise<Chunk[]> {
    if (this.#ledger.isDeleted(keyPrefix[0] as DocumentId)) return []
    const chunks = await this.#storage.loadRange(keyPrefix)
    const id = documentOf(keyPrefix)
    if (id && chunks.length > 0 && !this.#ledger.has(id) && this.#isWanted(id)) {
      // Stored before this ledger was kept. What cannot be noted now is noted with the next change.
      await this.#ledger.unsettle(id).catch(() => {})
    }
    if (id) this.#options.changed()
    return chunks
  }

  /** Whether there is any content of this document. */
  async holds(id: DocumentId): Promise<boolean> {
    return (await this.#storage.loadRange([id, "snapshot"])).length > 0
  }

  /** Stores, unless the document was deleted or all is closed: a repo's saves are late. */
  async save(key: StorageKey, data: Uint8Array): Promise<void> {
    if (!this.#isWanted(key[0])) return
    const write = this.#save(key, data)
    this.#writing.add(write)
    try {
      await write
    } finally {
      this.#writing.delete(write)
    }
  }

  // A deleted document is removed by the ledger, step by step.
  async remove(key: StorageKey): Promise<void> {
    if (this.#isWanted(key[0])) await this.#storage.remove(key)
  }

  async removeRange(keyPrefix: StorageKey): Promise<void> {
    if (this.#isWanted(keyPrefix[0])) await this.#storage.removeRange(keyPrefix)
  }

  /** Stores nothing more, and resolves when nothing is being stored. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#writing)
  }

  async #save(key: StorageKey, data: Uint8Array): Promise<void> {
    const id = documentOf(key)
    if (!id) return this.#saveBeside(key, data)
    try {
      await this.#ledger.unsettle(id)
      // While the record was written, the document may have been deleted or everything wiped.
      if (!this.#isWanted(id)) return
      await this.#storage.save(key, data)
      if (this.#ledger.isDeleted(id)) await this.#storage.remove(key)
    } catch (error) {
      this.#options.failed(id, error)
      // The repo must not take it for stored: it would only store what comes behind it.
      throw error
    }
    this.#options.changed()
  }

  /** Stores what is not a document's content. */
  async #saveBeside(key: StorageKey, data: Uint8Array): Promise<void> {
    try {
      await this.#storage.save(key, data)
    } catch (error) {
      // The repo waits for neither, and does without both.
      if (key[1] !== "sync-state" && key[0] !== "storage-adapter-id") throw error
    }
  }

  #isWanted(id: string | undefined): boolean {
    return !this.#isClosed && !this.#ledger.isDeleted(id as DocumentId)
  }
}
