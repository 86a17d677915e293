import type { DocHandle, DocumentId, StorageAdapterInterface } from "@automerge/automerge-repo/slim"
import type { BackoffLimits } from "../backoff.js"
import type { Documents } from "../documents.js"
import { messageOf, TiebreakError } from "../errors.js"
import type { RefusedChange, SyncError } from "../errors.js"
import { hasCode } from "../errors.js"
import { Listeners } from "../listeners.js"
import type { Logger } from "../logger.js"
import type { ServerFrame, ServerPeer } from "../wire.js"
import { ConflictBook } from "./conflict_book.js"
import type { Conflict, Resolution } from "./conflict.js"
import { ConflictReader } from "./conflict_reader.js"
import { ConflictResolver } from "./conflict_resolver.js"
import type { DecideConflict } from "./conflict_resolver.js"
import type { ConflictServer } from "./conflict_server.js"
import { ConflictStorage } from "./conflict_storage.js"
import { mustFit, writeChoice } from "./settle.js"

export interface ConflictsOptions {
  readonly documents: Pick<Documents, "isAtRest" | "isDurable" | "open">
  /** The open documents. */
  handles(): Readonly<Record<DocumentId, DocHandle<unknown>>>
  isDeleted(document: DocumentId): boolean
  readonly server: Pick<ConflictServer, "openOf" | "resolve">
  readonly storage: StorageAdapterInterface | undefined
  readonly decide: DecideConflict | undefined
  readonly backoff: Partial<BackoffLimits> | undefined
  readonly logger: Logger
  failed(error: SyncError): void
}

/** What people disagree about in the documents of this device, as the server has found it, and what is made of it here. */
export class Conflicts {
  /** Tells that the list has changed. */
  readonly changes: Listeners<void>
  readonly #options: ConflictsOptions
  readonly #book = new ConflictBook()
  readonly #storage: ConflictStorage
  readonly #reader: ConflictReader
  readonly #resolver: ConflictResolver | undefined
  /** Documents to be read once they have come to rest: the server finds conflicts when it has everything. */
  readonly #restless = new Set<DocumentId>()
  /** Documents of which the server has spoken on this connection. */
  readonly #heard = new Set<DocumentId>()
  #isClosed = false

  constructor(options: ConflictsOptions) {
    const { logger, decide } = options
    this.#options = options
    this.changes = new Listeners(logger)
    this.#storage = new ConflictStorage(options.storage, (documentId, error) =>
      options.failed({ code: "storage", message: messageOf(error), documentId }),
    )
    this.#reader = new ConflictReader({
      read: document => this.#read(document),
      failed: (document, error) => logger.debug("conflicts could not be read", { document, error }),
      backoff: options.backoff,
    })
    this.#resolver =
      decide &&
      new ConflictResolver({
        decide,
        resolve: ({ id }, resolution) => this.resolve(id, resolution),
        failed: (conflict, error) => logger.warn("a conflict could not be decided", { conflict: conflict.id, error }),
      })
  }

  /** What was known before this device was last closed. */
  async load(): Promise<void> {
    for (const [document, page] of await this.#storage.load()) {
      if (this.#options.isDeleted(document)) this.#storage.save(document, undefined)
      else this.#book.restore(document, page)
    }
  }

  list(document?: DocumentId): readonly Conflict[] {
    return this.#book.list(document)
  }

  /** Another connection: whatever happened before it is read. Only Tiebreak's servers know of conflicts. */
  connected({ isTiebreak }: ServerPeer): void {
    this.disconnected()
    if (!isTiebreak) return
    this.#reader.start()
    const open = Object.keys(this.#options.handles()) as DocumentId[]
    for (const document of open) this.#restless.add(document)
    // Of one that is not open, nothing else tells whether its conflicts are still there.
    for (const document of this.#book.documents()) if (!open.includes(document)) this.#reader.want(document)
  }

  disconnected(): void {
    this.#reader.stop()
    this.#restless.clear()
    this.#heard.clear()
  }

  hear(frame: ServerFrame): void {
    if (frame.kind === "conflict") {
      const isHere = this.#options.handles()[frame.documentId] || this.#book.page(frame.documentId)
      if (isHere) this.#reader.want(frame.documentId)
    } else if (frame.kind === "refused") {
      this.#refuse(frame.refused)
    } else if (frame.kind === "repo" || frame.kind === "durable") {
      const documentId = frame.kind === "repo" ? frame.message.documentId : frame.documentId
      if (!documentId || this.#heard.has(documentId)) return
      // One that was opened on this connection.
      this.#heard.add(documentId)
      this.#restless.add(documentId)
    }
  }

  /** Something has happened to the documents. */
  looked(): void {
    for (const document of this.#restless) {
      if (!this.#options.documents.isAtRest(document)) continue
      this.#restless.delete(document)
      this.#reader.want(document)
    }
  }

  /** Settles a conflict: in the document here, and where that cannot be, on the server. */
  async resolve(id: string, resolution: Resolution): Promise<void> {
    const conflict = this.#book.find(id)
    if (!conflict) throw new TiebreakError("not_found", `${id} is no conflict that is known here and open`)
    mustFit(conflict, resolution)
    const document = conflict.document as DocumentId
    // What is open is written before anybody else runs.
    if (!this.#handle(document)) await this.#options.documents.open([document])
    const handle = this.#handle(document)
    const change = handle && this.#write(handle, conflict, resolution)
    if (change === undefined) await this.#options.server.resolve(conflict, resolution).catch(error => this.#stale(error, document))
    this.#turned(document, this.#book.settle(conflict, change ?? null))
    this.#restless.add(document)
  }

  /** The document is not on this device any more. */
  forget(document: DocumentId): void {
    this.#restless.delete(document)
    this.#turned(document, this.#book.forget(document))
  }

  /** Reads and stores nothing more, once what is known is stored. */
  async close(): Promise<void> {
    this.#end()
    await this.#storage.close()
  }

  /** As `close`, and nothing of it is left on this device. */
  async wipe(): Promise<void> {
    this.#end()
    for (const document of this.#book.documents()) this.#book.forget(document)
    await this.#storage.wipe()
  }

  #end(): void {
    this.#isClosed = true
    this.disconnected()
  }

  #handle(document: DocumentId): DocHandle<unknown> | undefined {
    const handle = this.#options.handles()[document]
    return handle?.isReady() ? handle : undefined
  }

  #write(handle: DocHandle<unknown>, conflict: Conflict, resolution: Resolution): string | undefined {
    try {
      return writeChoice(handle, conflict, resolution)
    } catch (cause) {
      if (cause instanceof TiebreakError) throw cause
      // As automerge says it of a value that no document can hold.
      throw new TiebreakError("invalid_argument", messageOf(cause), { cause })
    }
  }

  async #read(document: DocumentId): Promise<void> {
    // What the server has before it is asked is in its answer; what it gets meanwhile may not be.
    const arrived = this.#book.arrived(document, change => this.#options.documents.isDurable(document, change))
    const open = await this.#openOf(document)
    if (this.#isClosed || this.#options.isDeleted(document)) return
    this.#turned(document, this.#book.read(document, open, arrived))
    this.#resolver?.offer(this.#book.list(document))
  }

  /** A document that is not there, or not for this account, has no conflicts that could be told. */
  async #openOf(document: DocumentId): Promise<Conflict[]> {
    try {
      return await this.#options.server.openOf(document)
    } catch (error) {
      if (hasCode(error, "not_found", "not_allowed")) return []
      throw error
    }
  }

  /** The server knows better what is open than this device. */
  #stale(error: unknown, document: DocumentId): never {
    if (hasCode(error, "conflict_changed", "conflict_closed", "not_found")) this.#reader.want(document)
    throw error
  }

  #refuse({ documentId, change }: RefusedChange): void {
    const isRefused = (settling: string) =>
      settling === change || (change === undefined && !this.#options.documents.isDurable(documentId, settling))
    this.#turned(documentId, this.#book.unsettle(documentId, isRefused))
  }

  #turned(document: DocumentId, isChanged: boolean): void {
    this.#storage.save(document, this.#book.page(document))
    if (isChanged) this.changes.emit()
  }
}
