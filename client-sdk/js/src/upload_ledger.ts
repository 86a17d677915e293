import type { Chunk, DocumentId, Heads, StorageAdapterInterface, StorageKey } from "@automerge/automerge-repo/slim"

const NAMESPACE = "tiebreak-uploads"
/** Holds a tombstone for every document that was deleted on this device. */
const DELETED = "tiebreak-deleted"
const SERVER_KEY: StorageKey = ["tiebreak-server"]
/** Stands where a ledger has been kept since the first document, or what was there before was looked through. */
const MARKER_KEY: StorageKey = ["tiebreak-ledger"]

/** What is remembered of one document across reloads. */
interface UploadRecord {
  /** Everything up to these heads is durable on the server. */
  readonly confirmed: Heads
  /** Whether that is everything this device has stored. */
  readonly settled: boolean
}

const NOTHING_CONFIRMED: UploadRecord = { confirmed: [], settled: false }

interface Entry {
  readonly record: UploadRecord
  /** Resolves once the record is stored. */
  readonly stored: Promise<void>
  hasFailed: boolean
}

/**
 * Which documents this device holds and how much of each the server has. The record of a document is unsettled before
 * anything is stored that the server may lack, and settled only later: whatever a crash leaves, nothing pending is
 * taken for uploaded.
 */
export class UploadLedger {
  readonly #storage: StorageAdapterInterface | undefined
  /** Hears of every write that fails. */
  onFailure: (error: unknown) => void = () => {}
  readonly #entries = new Map<DocumentId, Entry>()
  readonly #deleted = new Set<DocumentId>()
  #server: string | undefined
  /** One write after the other, so that the last one wins. */
  #writes: Promise<void> = Promise.resolve()

  private constructor(storage: StorageAdapterInterface | undefined) {
    this.#storage = storage
  }

  static async load(storage: StorageAdapterInterface | undefined): Promise<UploadLedger> {
    const ledger = new UploadLedger(storage)
    if (!storage) return ledger
    const server = await storage.load(SERVER_KEY)
    if (server) ledger.#server = new TextDecoder().decode(server)
    for (const { key } of await storage.loadRange([DELETED])) ledger.#deleted.add(key[1] as DocumentId)
    for (const { key, data } of await storage.loadRange([NAMESPACE])) {
      if (!key[1] || !data) continue
      const entry = { record: parseRecord(data), stored: Promise.resolve(), hasFailed: false }
      ledger.#entries.set(key[1] as DocumentId, entry)
    }
    if (!(await storage.load(MARKER_KEY))) await ledger.#adopt(storage)
    // A crash has cut these short.
    for (const id of ledger.deleted()) if (ledger.has(id)) ledger.erase(id).catch(() => {})
    return ledger
  }

  documents(): DocumentId[] {
    return [...this.#entries.keys()]
  }

  unsettled(): DocumentId[] {
    return this.documents().filter(id => !this.#entries.get(id)?.record.settled)
  }

  has(id: DocumentId): boolean {
    return this.#entries.has(id)
  }

  /** The documents that were deleted on this device, and do not come back by themselves. */
  deleted(): DocumentId[] {
    return [...this.#deleted]
  }

  isDeleted(id: DocumentId): boolean {
    return this.#deleted.has(id)
  }

  confirmed(id: DocumentId): Heads {
    return this.#entries.get(id)?.record.confirmed ?? []
  }

  /** To be awaited before anything of this document is stored. */
  unsettle(id: DocumentId): Promise<void> {
    return this.#put(id, { confirmed: this.confirmed(id), settled: false })
  }

  /** Remembers what the server has of a document, if this device stores it at all. */
  update(id: DocumentId, confirmed: Heads, isEverything: boolean): void {
    if (this.#entries.has(id)) void this.#put(id, { confirmed, settled: isEverything })
  }

  remove(id: DocumentId): void {
    if (this.#entries.delete(id)) void this.#write(storage => storage.remove([NAMESPACE, id]))
  }

  /** Removes everything of a document but its tombstone. Tells whether any content was stored. */
  async erase(id: DocumentId): Promise<boolean> {
    this.#deleted.add(id)
    this.#entries.delete(id)
    let wasStored = false
    await this.#write(async storage => {
      // The tombstone first and the record last: wherever a crash comes between, the next opening goes on.
      await storage.save([DELETED, id], new Uint8Array([1]))
      wasStored = (await storage.loadRange([id])).some(({ key }) => documentOf(key) !== undefined)
      await storage.removeRange([id])
      await storage.remove([NAMESPACE, id])
    })
    return wasStored
  }

  /** Removes the tombstone. Tells whether there was one. */
  async unerase(id: DocumentId): Promise<boolean> {
    await this.#write(storage => storage.remove([DELETED, id]))
    return this.#deleted.delete(id)
  }

  /** Another server than last time has nothing of what that one confirmed. Tells whether it is another. */
  meetServer(server: string): boolean {
    if (server === this.#server) return false
    this.#server = server
    for (const id of this.documents()) void this.#put(id, NOTHING_CONFIRMED)
    // Behind the records: if this is lost, they are only unsettled once more.
    void this.#write(storage => storage.save(SERVER_KEY, new TextEncoder().encode(server)))
    return true
  }

  /** Resolves when nothing is being written. */
  async flush(): Promise<void> {
    await this.#writes
  }

  /** Removes every document and everything else that this device remembers. */
  async wipe(): Promise<void> {
    const storage = this.#storage
    if (!storage) return
    await this.#writes
    // Another tab may have stored documents of which this one has not heard.
    const stored = (await storage.loadRange([NAMESPACE])).map(({ key }) => key[1])
    for (const id of new Set([...this.documents(), ...stored])) {
      if (id) await storage.removeRange([id])
    }
    // The records last: a wipe that was cut short can be done again.
    await storage.removeRange([NAMESPACE])
    await storage.removeRange([DELETED])
    await storage.remove(SERVER_KEY)
    await storage.remove(MARKER_KEY)
    await storage.remove(["storage-adapter-id"])
    this.#entries.clear()
    this.#deleted.clear()
  }

  /** Takes over what was stored before a ledger was kept. */
  async #adopt(storage: StorageAdapterInterface): Promise<void> {
    let chunks: Chunk[]
    try {
      chunks = await storage.loadRange([])
    } catch {
      // Not every storage can list all it has, as the one for folders: there, documents are taken over when found.
      return
    }
    const ids = new Set(chunks.map(({ key }) => documentOf(key)))
    const adopted = [...ids].filter(id => id && !this.has(id) && !this.isDeleted(id)) as DocumentId[]
    try {
      for (const id of adopted) await this.unsettle(id)
      await this.#write(() => storage.save(MARKER_KEY, new Uint8Array([1])))
    } catch {
      // A full disk can still be read: what could not be noted is looked for again with the next opening.
    }
  }

  #put(id: DocumentId, record: UploadRecord): Promise<void> {
    const known = this.#entries.get(id)
    if (known && !known.hasFailed && isSame(known.record, record)) return known.stored
    const bytes = new TextEncoder().encode(JSON.stringify(record))
    const stored = this.#write(storage => storage.save([NAMESPACE, id], bytes))
    const entry = { record, stored, hasFailed: false }
    stored.catch(() => (entry.hasFailed = true))
    this.#entries.set(id, entry)
    return stored
  }

  #write(write: (storage: StorageAdapterInterface) => Promise<void>): Promise<void> {
    const storage = this.#storage
    if (!storage) return Promise.resolve()
    const written = this.#writes.then(() => write(storage))
    this.#writes = written.catch(error => this.onFailure(error))
    return written
  }
}

function isSame(one: UploadRecord, other: UploadRecord): boolean {
  return one.settled === other.settled && sameHeads(one.confirmed, other.confirmed)
}

export function sameHeads(one: Heads, other: Heads): boolean {
  return one.length === other.length && one.every(head => other.includes(head))
}

/** A record that a crash has torn confirms nothing. */
function parseRecord(bytes: Uint8Array): UploadRecord {
  try {
    const { confirmed, settled } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<UploadRecord>
    return Array.isArray(confirmed) ? { confirmed, settled: settled === true } : NOTHING_CONFIRMED
  } catch {
    return NOTHING_CONFIRMED
  }
}

/** The document whose content is stored under this key, if it is one. */
export function documentOf([id, content]: StorageKey): DocumentId | undefined {
  return content === "snapshot" || content === "incremental" ? (id as DocumentId) : undefined
}
