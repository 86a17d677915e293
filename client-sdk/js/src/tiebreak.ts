import { Automerge, interpretAsDocumentId, isValidAutomergeUrl, parseAutomergeUrl } from "@automerge/automerge-repo/slim"
import type { AnyDocumentId, DocHandle, DocumentId, Repo, StorageAdapterInterface } from "@automerge/automerge-repo/slim"
import { BoundedStorage } from "./bounded_storage.js"
import { Documents } from "./documents.js"
import { failingAs, messageOf, TiebreakError } from "./errors.js"
import type { RefusedChange, SyncError } from "./errors.js"
import { LedgeredStorage } from "./ledgered_storage.js"
import { Listeners } from "./listeners.js"
import type { Subscription } from "./listeners.js"
import { consoleLogger } from "./logger.js"
import { TiebreakNetworkAdapter } from "./network_adapter.js"
import type { NetworkAdapterOptions } from "./network_adapter.js"
import { SavingRepo } from "./saving_repo.js"
import { INITIAL_STATUS, isSyncOver, isUploadLeft, nextStatus } from "./status.js"
import type { SyncStatus } from "./status.js"
import { UploadLedger } from "./upload_ledger.js"
import { obstacle, waitForStatus } from "./wait.js"
import type { Verdict, WaitOptions } from "./wait.js"
import { onPageHide } from "./wake_ups.js"
import { syncMessageHeads } from "./wire.js"
import type { ServerFrame, ServerPeer } from "./wire.js"

/** How long the server may take to send a document that it has. */
const ANSWER_MS_MAX = 60_000
const CONNECT = Symbol("connect")
/** The code of the refusal that no later try changes. */
const DOCUMENT_DELETED = "document_deleted"
const WASM_MISSING =
  'automerge is not initialized: import "@automerge/automerge-repo", or await initializeWasm of "@automerge/automerge-repo/slim"'

export interface TiebreakOptions extends NetworkAdapterOptions {
  /** Where documents are kept on this device; without it they live as long as this object. */
  readonly storage?: StorageAdapterInterface
}

/** This device's documents, and their sync with one server. */
export class Tiebreak {
  readonly repo: Repo
  readonly #repo: SavingRepo
  readonly #adapter: TiebreakNetworkAdapter
  readonly #ledger: UploadLedger
  readonly #storage: LedgeredStorage | undefined
  readonly #documents: Documents
  readonly #statuses: Listeners<SyncStatus>
  readonly #refusals: Listeners<RefusedChange>
  #status = INITIAL_STATUS
  #published = INITIAL_STATUS
  #lastError: SyncError | null = null
  #isPublishing = false
  #isClosed = false
  #isClearing = false
  /** Who wants a connection: `connect()`, and each `syncOnce()` that goes on. The last one to go takes it along. */
  readonly #wants = new Set<symbol>()
  readonly #stopPageHide: () => void

  /** Opens what is stored on this device. Needs no network: connecting goes on behind it. */
  static async open(options: TiebreakOptions): Promise<Tiebreak> {
    if (!Automerge.isWasmInitialized()) throw new TiebreakError("wasm_missing", WASM_MISSING)
    const storage = options.storage && new BoundedStorage(options.storage)
    const ledger = await failingAs("storage", UploadLedger.load(storage))
    const tiebreak = new Tiebreak({ ...options, ...(storage && { storage }) }, ledger)
    await tiebreak.#documents.openUnsettled()
    if (options.autoConnect ?? true) tiebreak.connect()
    return tiebreak
  }

  private constructor(options: TiebreakOptions, ledger: UploadLedger) {
    const logger = options.logger ?? consoleLogger
    this.#statuses = new Listeners(logger)
    this.#refusals = new Listeners(logger)
    this.#ledger = ledger
    this.#storage = options.storage && this.#ledgered(options.storage)
    this.#adapter = new TiebreakNetworkAdapter({ ...options, autoConnect: false })
    this.repo = this.#repo = new SavingRepo({ network: [this.#adapter], ...(this.#storage && { storage: this.#storage }) })
    this.#documents = new Documents({
      repo: this.repo,
      ledger,
      isStored: async id => this.#storage?.holds(id) ?? false,
      changed: () => this.#changed(),
      failed: error => this.#fail(error),
    })
    ledger.onFailure = error => this.#fail({ code: "storage", message: messageOf(error) })
    this.#adapter.states.subscribe(() => this.#changed())
    this.#adapter.errors.subscribe(error => this.#fail(error))
    this.#adapter.servers.subscribe(server => this.#meet(server))
    this.#adapter.frames.subscribe(frame => this.#hear(frame))
    // Who is told of a failure is gone with the page; the storage has noted it.
    this.#stopPageHide = onPageHide(() => void this.flush().catch(() => {}))
  }

  /** How far device and server agree at this moment. */
  get status(): SyncStatus {
    if (this.#isClosed) return this.#status
    this.#status = nextStatus(this.#status, {
      state: this.#adapter.state,
      documents: this.#documents.progress(),
      lastError: this.#lastError,
      nowMs: Date.now(),
    })
    this.#lastError = this.#status.lastError
    return this.#status
  }

  /** `status` gives the present status first, then every other. */
  on(event: "status", listener: (status: SyncStatus) => void): Subscription
  on(event: "refused", listener: (refused: RefusedChange) => void): Subscription
  on(
    ...[event, listener]: ["status", (status: SyncStatus) => void] | ["refused", (refused: RefusedChange) => void]
  ): Subscription {
    if (event === "refused") return this.#refusals.subscribe(listener)
    // Whatever is not published yet is told to those who wait for it already, so that nobody hears it twice.
    this.#publish()
    const subscription = this.#statuses.subscribe(listener)
    this.#statuses.tell(listener, this.#published)
    return subscription
  }

  /** Connects and stays connected, however often the connection is lost. */
  connect(): void {
    this.#mustBeOpen()
    this.#wants.add(CONNECT)
    this.#adapter.resume()
  }

  /** Stays offline, whoever wants to be connected. */
  disconnect(): void {
    this.#wants.clear()
    this.#adapter.disconnect()
  }

  /** To be called where the platform tells that the network is back or another; browsers are listened to already. */
  networkChanged(): void {
    this.#adapter.networkChanged()
  }

  create<T>(initial: T): DocHandle<T> {
    this.#mustBeOpen()
    const handle = this.repo.create<T>(initial)
    this.#documents.touched()
    return handle
  }

  /** A document of this device, else of the server. Fails as `unavailable` if neither has it, or the server is away. */
  async find<T>(id: AnyDocumentId, { signal }: { signal?: AbortSignal } = {}): Promise<DocHandle<T>> {
    this.#mustBeOpen()
    const documentId = documentIdOf(id)
    this.#adapter.unmute(documentId)
    this.#storage?.recall(documentId)
    const found = this.repo.find<T>(id, { allowableStates: ["ready", "unavailable"], ...(signal && { signal }) })
    this.#documents.touched()
    const handle = await failingAs("storage", found.catch(cause => {
      if (signal?.aborted) throw new TiebreakError("aborted", "the search was aborted", { cause: signal.reason })
      throw cause
    }))
    // A handle that was in vain before says so again, though the server may be answering just now.
    const isDecided = (status: SyncStatus) => status.state.kind !== "connected" || !this.#documents.isAwaited(handle)
    const judge = (status: SyncStatus) => (isDecided(status) ? "reached" : "not yet")
    await this.#wait(judge, { timeoutMs: ANSWER_MS_MAX, ...(signal && { signal }) })
    if (!handle.isReady()) throw new TiebreakError("unavailable", `document ${documentId} is not to be had now`)
    return handle
  }

  /** The documents that this device holds, opened or not. */
  list(): DocumentId[] {
    return this.#documents.list()
  }

  /** Removes a document from this device, uploaded or not. Other devices and the server keep theirs. */
  delete(id: AnyDocumentId): void {
    this.#mustBeOpen()
    const documentId = documentIdOf(id)
    this.#adapter.mute(documentId)
    this.repo.delete(documentId)
    this.#storage?.forget(documentId)
    this.#documents.forget(documentId)
  }

  /** How many changes of one document the server has not said to be durable. */
  pendingOf(id: AnyDocumentId): number {
    return this.#documents.pendingOf(documentIdOf(id))
  }

  /** Resolves when every change of this device is durable on the server; rejects when that cannot come by itself. */
  async waitForUpload(options: WaitOptions = {}): Promise<void> {
    this.#mustBeOpen()
    await this.#wait(status => (!isUploadLeft(status) ? "reached" : (obstacle(status) ?? "not yet")), options)
  }

  /**
   * Brings every document of this device up to date, both ways, for background work: connects for as long as that takes,
   * and stays connected only if `connect()` was called.
   */
  async syncOnce(options: WaitOptions & { timeoutMs: number }): Promise<SyncStatus> {
    this.#mustBeOpen()
    const { kind } = this.#adapter.state
    const want = Symbol("syncOnce")
    this.#wants.add(want)
    void this.#documents.open(this.list())
    if (kind === "connecting" || kind === "connected" || kind === "waiting") this.networkChanged()
    else this.#adapter.resume()
    try {
      return await this.#wait(status => (isSyncOver(status) ? "reached" : (obstacle(status) ?? "not yet")), options)
    } finally {
      if (this.#wants.delete(want) && this.#wants.size === 0) this.#adapter.disconnect()
    }
  }

  /** Resolves when every change made so far is stored on this device; without a storage there is nothing to do. */
  async flush(): Promise<void> {
    this.#mustBeOpen()
    await failingAs("storage", this.#repo.flush())
  }

  /** Signs out: removes every document from this device, uploaded or not, and closes. What fails as `storage` can be called again. */
  async disconnectAndClear(): Promise<void> {
    if (!this.#isClearing) {
      this.#mustBeOpen()
      this.#isClearing = true
      this.#end()
    }
    await this.#storage?.close()
    await failingAs("storage", this.#ledger.wipe())
    this.#isClearing = false
  }

  /** Stores what is not stored yet, and ends. What fails as `storage` can be called again. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#adapter.close()
    // Whoever is told that it failed tries again; nothing in the background keeps a process from ending.
    this.#repo.stopSaving()
    await this.flush()
    this.#documents.settle()
    this.#end()
    await this.#storage?.close()
    await this.#ledger.flush()
  }

  #ledgered(storage: StorageAdapterInterface): LedgeredStorage {
    return new LedgeredStorage({
      storage,
      ledger: this.#ledger,
      changed: () => this.#documents.touched(),
      failed: (documentId, error) => this.#fail({ code: "storage", message: messageOf(error), documentId }),
    })
  }

  #end(): void {
    this.#adapter.close()
    this.#repo.stopSaving()
    this.#stopPageHide()
    this.#status = this.status
    this.#isClosed = true
    this.#documents.close()
    // The last word, for those who wait above all.
    this.#statuses.emit(this.#status)
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new TiebreakError("closed", "this Tiebreak was closed")
  }

  #wait(judge: (status: SyncStatus) => Verdict, options: WaitOptions): Promise<SyncStatus> {
    const closed = () => this.#isClosed && new TiebreakError("closed", "this Tiebreak was closed")
    return waitForStatus(listener => this.on("status", listener), status => closed() || judge(status), options)
  }

  #meet(server: ServerPeer): void {
    this.#documents.startOver()
    if (!this.#ledger.meetServer(server.storageId)) return
    this.#documents.forgetConfirmed()
    void this.#documents.openUnsettled()
  }

  #hear(frame: ServerFrame): void {
    if (frame.kind === "durable") this.#documents.announce(frame.documentId, frame.heads)
    else if (frame.kind === "more") this.#documents.expectMore(frame.documentId, frame.heads)
    else if (frame.kind === "refused") this.#refuse(frame.refused)
    else if (frame.kind === "repo") {
      const { type, documentId, data } = frame.message
      if (!documentId) return
      // Tiebreak names no head before it is durable. Of another server this is all that can be known.
      if (type === "sync" && data) this.#documents.receivePart(documentId, syncMessageHeads(data))
      else if (type === "doc-unavailable") this.#documents.receivePart(documentId, [])
    }
  }

  #refuse(refused: RefusedChange): void {
    const { documentId, code, detail } = refused
    if (code === DOCUMENT_DELETED) this.#documents.deletedOnServer(documentId)
    else this.#documents.refuse(documentId)
    this.#fail({ code, message: detail, documentId })
    this.#refusals.emit(refused)
  }

  #fail(error: SyncError): void {
    this.#lastError = error
    this.#changed()
  }

  /** What happens together is told once. */
  #changed(): void {
    if (this.#isPublishing || this.#isClosed) return
    this.#isPublishing = true
    queueMicrotask(() => {
      this.#isPublishing = false
      this.#publish()
    })
  }

  #publish(): void {
    const { status } = this
    if (status === this.#published) return
    this.#published = status
    // A listener that makes another status has told that one to all: whoever has not heard this one must not hear it last.
    this.#statuses.emit(status, () => this.#published === status)
  }
}

function documentIdOf(id: AnyDocumentId): DocumentId {
  try {
    return isValidAutomergeUrl(id) ? parseAutomergeUrl(id).documentId : interpretAsDocumentId(id)
  } catch (cause) {
    throw new TiebreakError("invalid_id", messageOf(cause), { cause })
  }
}
