import type { DocumentId, StorageAdapterInterface } from "@automerge/automerge-repo/slim"
import type { ConflictPage } from "./conflict_book.js"

const NAMESPACE = "tiebreak-conflicts"

/** Keeps what is known of conflicts on this device, so that it is there without a network. */
export class ConflictStorage {
  readonly #storage: StorageAdapterInterface | undefined
  readonly #failed: (document: DocumentId, error: unknown) => void
  /** What is to be stored, in place of what was there; undefined: nothing. */
  readonly #waiting = new Map<DocumentId, ConflictPage | undefined>()
  readonly #stored = new Set<DocumentId>()
  #writes: Promise<void> | undefined
  #isClosed = false

  constructor(storage: StorageAdapterInterface | undefined, failed: (document: DocumentId, error: unknown) => void) {
    this.#storage = storage
    this.#failed = failed
  }

  async load(): Promise<[DocumentId, ConflictPage][]> {
    const chunks = (await this.#storage?.loadRange([NAMESPACE])) ?? []
    return chunks.flatMap(({ key, data }) => {
      const document = key[1] as DocumentId
      this.#stored.add(document)
      const page = data && pageOf(data)
      return page ? [[document, page] as [DocumentId, ConflictPage]] : []
    })
  }

  /** Stores it behind the caller: if that fails, it is only read again with the next connection. */
  save(document: DocumentId, page: ConflictPage | undefined): void {
    if (!this.#storage || this.#isClosed || (!page && !this.#stored.has(document))) return
    this.#waiting.set(document, page)
    this.#writes ??= this.#writeAll(this.#storage).finally(() => (this.#writes = undefined))
  }

  /** Stores nothing more, once what was given is stored. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writes
  }

  async wipe(): Promise<void> {
    this.#isClosed = true
    this.#waiting.clear()
    await this.#writes
    await this.#storage?.removeRange([NAMESPACE])
  }

  async #writeAll(storage: StorageAdapterInterface): Promise<void> {
    for (const [document, page] of this.#waiting) {
      // A later page of the same document comes behind: the map gives it again.
      this.#waiting.delete(document)
      try {
        const key = [NAMESPACE, document]
        if (page) {
          this.#stored.add(document)
          await storage.save(key, new TextEncoder().encode(JSON.stringify(page)))
        } else {
          await storage.remove(key)
          this.#stored.delete(document)
        }
      } catch (error) {
        this.#failed(document, error)
      }
    }
  }
}

/** A page that a crash has torn, or another version wrote, is read from the server again. */
function pageOf(bytes: Uint8Array): ConflictPage | undefined {
  try {
    const { open, settled } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<ConflictPage>
    return Array.isArray(open) ? { open, settled: Object(settled) } : undefined
  } catch {
    return undefined
  }
}
