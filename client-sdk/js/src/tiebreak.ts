import type { AnyDocumentId, DocHandle, DocumentId, Repo, StorageAdapterInterface } from "@automerge/automerge-repo/slim"
import { BoundedStorage } from "./bounded_storage.js"
import type { Conflict, Resolution } from "./conflicts/conflict.js"
import { ConflictServer } from "./conflicts/conflict_server.js"
import { Conflicts } from "./conflicts/conflicts.js"
import { documentIdOf } from "./document_id.js"
import { Documents } from "./documents.js"
import { deleted, failingAs, messageOf, TiebreakError } from "./errors.js"
import type { RefusedChange } from "./errors.js"
import { hear } from "./hearing.js"
import { LedgeredStorage } from "./ledgered_storage.js"
import { Listeners } from "./listeners.js"
import type { Subscription } from "./listeners.js"
import { consoleLogger } from "./logger.js"
import { TiebreakNetworkAdapter } from "./network_adapter.js"
import { tokensOf } from "./options.js"
import type { TiebreakOptions } from "./options.js"
import { SavingRepo } from "./saving_repo.js"
import { FIND_MS, standingOf, untilFound } from "./search.js"
import type { Search } from "./search.js"
import { httpUrlOf } from "./server_url.js"
import { StatusBoard } from "./status_board.js"
import { isSyncOver, isUploadLeft } from "./status.js"
import type { SyncStatus } from "./status.js"
import { UploadLedger } from "./upload_ledger.js"
import { obstacle, waitForStatus } from "./wait.js"
import type { Verdict, WaitOptions } from "./wait.js"
import { onPageHide } from "./wake_ups.js"
import { mustBeInitialized } from "./wasm.js"
import type { ServerFrame, ServerPeer } from "./wire.js"

const CONNECT = Symbol("connect")

/** This device's documents, and their sync with one server. */
export class Tiebreak {
  readonly repo: Repo
  readonly #repo: SavingRepo
  readonly #adapter: TiebreakNetworkAdapter
  readonly #ledger: UploadLedger
  readonly #storage: LedgeredStorage | undefined
  readonly #documents: Documents
  readonly #conflicts: Conflicts
  readonly #board: StatusBoard
  readonly #refusals: Listeners<RefusedChange>
  readonly #options: TiebreakOptions
  #isClosed = false
  #isClearing = false
  #discarded: number | undefined
  /** Who wants a connection: `connect()`, and each `syncOnce()` that goes on. The last one to go takes it along. */
  readonly #wants = new Set<symbol>()
  readonly #stopPageHide: () => void

  /** Opens what is stored on this device. Needs no network: connecting goes on behind it. */
  static async open(options: TiebreakOptions): Promise<Tiebreak> {
    mustBeInitialized()
    const storage = options.storage && new BoundedStorage(options.storage)
    const ledger = await failingAs("storage", UploadLedger.load(storage))
    const tiebreak = new Tiebreak({ ...options, ...(storage && { storage }) }, ledger)
    await failingAs("storage", tiebreak.#conflicts.load())
    await tiebreak.#documents.openUnsettled()
    if (options.autoConnect ?? true) tiebreak.connect()
    return tiebreak
  }

  private constructor(options: TiebreakOptions, ledger: UploadLedger) {
    const logger = options.logger ?? consoleLogger
    this.#board = new StatusBoard(
      () => ({ state: this.#adapter.state, documents: this.#documents.progress() }),
      logger,
    )
    this.#refusals = new Listeners(logger)
    this.#options = options
    this.#ledger = ledger
    this.#storage = options.storage && this.#ledgered(options.storage)
    this.#adapter = new TiebreakNetworkAdapter({ ...options, ...tokensOf(options), autoConnect: false })
    this.repo = this.#repo = new SavingRepo({ network: [this.#adapter], ...(this.#storage && { storage: this.#storage }) })
    this.#documents = new Documents({
      repo: this.repo,
      ledger,
      isStored: async id => this.#storage?.holds(id) ?? false,
      changed: () => this.#board.changed(),
      failed: error => this.#board.fail(error),
    })
    this.#conflicts = this.#conflictsOf(options)
    for (const id of ledger.deleted()) this.#adapter.mute(id)
    ledger.onFailure = error => this.#board.fail({ code: "storage", message: messageOf(error) })
    this.#adapter.states.subscribe(({ kind }) => {
      if (kind !== "connected") this.#conflicts.disconnected()
      this.#board.changed()
    })
    this.#adapter.errors.subscribe(error => this.#board.fail(error))
    this.#adapter.servers.subscribe(server => this.#meet(server))
    this.#adapter.frames.subscribe(frame => this.#hear(frame))
    this.#board.subscribeToMoments(() => this.#conflicts.looked())
    // Who is told of a failure is gone with the page; the storage has noted it.
    this.#stopPageHide = onPageHide(() => void this.flush().catch(() => {}))
  }

  /** How far device and server agree at this moment. */
  get status(): SyncStatus {
    return this.#board.status
  }

  /** `status` gives the present status first, then every other; `conflicts` tells that the list is another one. */
  on(event: "status", listener: (status: SyncStatus) => void): Subscription
  on(event: "refused", listener: (refused: RefusedChange) => void): Subscription
  on(event: "conflicts", listener: () => void): Subscription
  on(
    ...[event, listener]:
      | ["status", (status: SyncStatus) => void]
      | ["refused", (refused: RefusedChange) => void]
      | ["conflicts", () => void]
  ): Subscription {
    if (event === "refused") return this.#refusals.subscribe(listener)
    return event === "conflicts" ? this.#conflicts.changes.subscribe(listener) : this.#board.subscribe(listener)
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

  /**
   * A document of this device, else of the server, which is waited for as long as `findMs`. Fails as `not_found` if
   * neither has it, and as `offline` if the server could not be asked: at once where nobody wants a connection.
   */
  async find<T>(id: AnyDocumentId, { signal }: { signal?: AbortSignal } = {}): Promise<DocHandle<T>> {
    this.#mustBeOpen()
    const documentId = documentIdOf(id)
    if (this.#ledger.isDeleted(documentId)) throw deleted(documentId)
    let failure: TiebreakError | undefined
    // Not aborted with the search: the repo would remember that as a failure of the document.
    const looked = failingAs("storage", this.repo.find<T>(id, { allowableStates: ["ready", "unavailable"] }))
    looked.catch(error => (failure = error)).finally(() => this.#board.changed())
    const handle = this.repo.handles[documentId]!
    const standing = () => {
      if (handle.isReady()) return "here"
      if (this.#ledger.isDeleted(documentId)) return deleted(documentId)
      const refusal = this.#documents.refusalOf(documentId)
      if (refusal !== undefined) return new TiebreakError("refused", refusal)
      return failure ?? standingOf(handle, this.#adapter.state, this.#documents.answerOf(documentId))
    }
    const wait: Search["wait"] = (judge, options) =>
      waitForStatus(listener => this.#board.subscribeToMoments(listener), () => this.#closed() ?? judge(), options)
    await untilFound({ documentId, findMs: this.#options.findMs ?? FIND_MS, signal, standing, wait })
    return this.repo.find<T>(id)
  }

  /** The documents that this device holds, opened or not. */
  list(): DocumentId[] {
    return this.#documents.list()
  }

  /**
   * Removes a document from this device, uploaded or not; other devices and the server keep theirs. It is gone from here
   * at once, and does not come back until `undelete`. Answers, when that is stored, whether it was here.
   */
  async delete(id: AnyDocumentId): Promise<boolean> {
    this.#mustBeOpen()
    const documentId = documentIdOf(id)
    const isListed = this.list().includes(documentId)
    this.#adapter.mute(documentId)
    const erased = this.#ledger.erase(documentId)
    this.repo.delete(documentId)
    this.#documents.forget(documentId)
    this.#conflicts.forget(documentId)
    return (await failingAs("storage", erased)) || isListed
  }

  /** Lets `find` have a deleted document again, from the server. Answers whether it was deleted. */
  async undelete(id: AnyDocumentId): Promise<boolean> {
    this.#mustBeOpen()
    const documentId = documentIdOf(id)
    const wasDeleted = await failingAs("storage", this.#ledger.unerase(documentId))
    this.#adapter.unmute(documentId)
    return wasDeleted
  }

  /** How many changes of one document the server has not said to be durable. */
  pendingOf(id: AnyDocumentId): number {
    return this.#documents.pendingOf(documentIdOf(id))
  }

  /**
   * What is open between people, in one document or all, as far as it is known here: offline too, and without what was
   * settled here. The same array until it changes.
   */
  conflicts(id?: AnyDocumentId): readonly Conflict[] {
    return this.#conflicts.list(id === undefined ? undefined : documentIdOf(id))
  }

  /**
   * Settles a conflict: writes the choice into the document at once, offline too. What cannot be written here, because
   * this device lacks a side of it, is settled by the server, and fails as `offline` if that is away.
   */
  async resolve(conflictId: string, resolution: Resolution): Promise<void> {
    this.#mustBeOpen()
    await this.#conflicts.resolve(conflictId, resolution)
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

  /** `disconnectAndClear`, whose answer it gives, and the account's `signOut`; offline too. */
  async signOut(): Promise<number> {
    // In this order: who signs in here next, after a crash in between, must not find these documents.
    this.#discarded ??= await this.disconnectAndClear()
    await this.#options.account?.signOut()
    return this.#discarded
  }

  /**
   * Removes every document from this device, and closes. Answers how many changes were discarded that the
   * server does not have. What fails as `storage` can be called again.
   */
  async disconnectAndClear(): Promise<number> {
    if (!this.#isClearing) {
      this.#mustBeOpen()
      this.#isClearing = true
      this.#end()
    }
    await this.#storage?.close()
    await failingAs("storage", this.#conflicts.wipe())
    await failingAs("storage", this.#ledger.wipe())
    this.#isClearing = false
    return this.status.pendingChanges
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
    await this.#conflicts.close()
    await this.#ledger.flush()
  }

  #ledgered(storage: StorageAdapterInterface): LedgeredStorage {
    return new LedgeredStorage({
      storage,
      ledger: this.#ledger,
      changed: () => this.#documents.touched(),
      failed: (documentId, error) => this.#board.fail({ code: "storage", message: messageOf(error), documentId }),
    })
  }

  #conflictsOf({ url, storage, conflictResolver, backoff, logger, ...options }: TiebreakOptions): Conflicts {
    return new Conflicts({
      documents: this.#documents,
      handles: () => this.repo.handles,
      isDeleted: document => this.#ledger.isDeleted(document),
      server: new ConflictServer({ server: httpUrlOf(url), ...tokensOf({ url, ...options }) }),
      storage,
      decide: conflictResolver,
      backoff,
      logger: logger ?? consoleLogger,
      failed: error => this.#board.fail(error),
    })
  }

  #end(): void {
    this.#adapter.close()
    this.#repo.stopSaving()
    this.#stopPageHide()
    this.#isClosed = true
    this.#board.close()
    this.#documents.close()
  }

  #mustBeOpen(): void {
    const closed = this.#closed()
    if (closed) throw closed
  }

  #closed(): TiebreakError | undefined {
    return this.#isClosed ? new TiebreakError("closed", "this Tiebreak was closed") : undefined
  }

  #wait(judge: (status: SyncStatus) => Verdict, options: WaitOptions): Promise<SyncStatus> {
    return waitForStatus(listener => this.on("status", listener), status => this.#closed() ?? judge(status), options)
  }

  #hear(frame: ServerFrame): void {
    hear(frame, this.#documents, refused => this.#refuse(refused))
    this.#conflicts.hear(frame)
  }

  #meet(server: ServerPeer): void {
    this.#documents.startOver()
    this.#conflicts.connected(server)
    if (!this.#ledger.meetServer(server.storageId)) return
    this.#documents.forgetConfirmed()
    void this.#documents.openUnsettled()
  }

  #refuse(refused: RefusedChange): void {
    const { code, detail, documentId } = refused
    this.#board.fail({ code, message: detail, documentId })
    this.#refusals.emit(refused)
  }
}
