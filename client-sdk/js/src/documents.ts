import type { Doc, DocHandle, DocumentId, Heads, Repo } from "@automerge/automerge-repo/slim"
import { messageOf } from "./errors.js"
import type { SyncError } from "./errors.js"
import { PendingChanges } from "./pending.js"
import type { ServerAnswer } from "./search.js"
import type { DocumentProgress } from "./status.js"
import { sameHeads } from "./upload_ledger.js"
import type { UploadLedger } from "./upload_ledger.js"

/** How many stored documents are opened at once. */
const OPENING_MAX = 8
/** How long a document is left alone before the ledger learns how far it got: each lesson is a write. */
const SETTLE_MS = 250
/** What an unread document may hold is taken for one change. */
const UNREAD_CHANGES = 1
const OPENING: DocumentProgress = { pendingChanges: 0, isStuck: false, isDeleted: false, isBehind: true }

/** What was found of one state of a document. */
interface Finding {
  readonly doc: Doc<unknown>
  readonly progress: DocumentProgress
}

export interface DocumentsOptions {
  readonly repo: Repo
  readonly ledger: UploadLedger
  /** Whether this device has any content of a document. */
  isStored(id: DocumentId): Promise<boolean>
  /** Called when something may have changed. */
  changed(): void
  failed(error: SyncError): void
}

/** How far each document of the repo has got, whoever opened it. */
export class Documents {
  readonly #repo: Repo
  readonly #ledger: UploadLedger
  readonly #options: DocumentsOptions
  readonly #pending = new Map<DocumentId, PendingChanges>()
  readonly #watched = new WeakSet<DocHandle<unknown>>()
  /** Documents of which the server has spoken on this connection. */
  readonly #heard = new Set<DocumentId>()
  /** The server's words on what it does not give or take, on this connection. */
  readonly #refused = new Map<DocumentId, string>()
  /** Those that this account may not see: kept apart, for the refusals of what is uploaded are forgotten. */
  readonly #denied = new Set<DocumentId>()
  /** Documents that the server has said to be deleted, on this connection. */
  readonly #deleted = new Set<DocumentId>()
  /** What the part names behind which more parts follow. */
  readonly #more = new Map<DocumentId, Heads>()
  /** To ask every document anew with each status would cost as much as there are documents. */
  readonly #findings = new Map<DocumentId, Finding>()
  readonly #opening = new Set<DocumentId>()
  readonly #unreadable = new Set<DocumentId>()
  #settleTimer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(options: DocumentsOptions) {
    this.#repo = options.repo
    this.#ledger = options.ledger
    this.#options = options
  }

  /** The documents that this device holds. */
  list(): DocumentId[] {
    return [...new Set([...this.#ledger.documents(), ...this.#readyHandles().map(handle => handle.documentId)])]
  }

  progress(): DocumentProgress[] {
    const handles = Object.values(this.#repo.handles)
    for (const handle of handles) this.#watch(handle)
    const opening = [...this.#opening].map(() => OPENING)
    const unopened = this.#unopened().map(id => this.#progressOfUnopened(id))
    return [...handles.map(handle => this.#progressOf(handle)), ...unopened, ...opening]
  }

  pendingOf(id: DocumentId): number {
    const handle = this.#repo.handles[id]
    if (handle?.isReady()) return this.#pendingOf(handle).in(handle.doc())
    return this.#unopened().includes(id) ? UNREAD_CHANGES : 0
  }

  /** Whether the server has all that it takes of an open document, and this device all that the server has. */
  isAtRest(id: DocumentId): boolean {
    const handle = this.#repo.handles[id]
    const { pendingChanges, isStuck, isBehind } = handle?.isReady() ? this.#progressOf(handle) : OPENING
    return !isBehind && (pendingChanges === 0 || isStuck)
  }

  /** Whether the server has said that it has this change of this device. */
  isDurable(id: DocumentId, change: string): boolean {
    const handle = this.#repo.handles[id]
    if (handle?.isReady()) return this.#pendingOf(handle).isDurable(handle.doc(), change)
    return !this.#unopened().includes(id)
  }

  /** What the server has said, on this connection, of a document that is not here. */
  answerOf(id: DocumentId): ServerAnswer {
    if (!this.#heard.has(id)) return "none yet"
    return this.#pending.get(id)?.isAnnounced ? "has it" : "has nothing"
  }

  /** Why the server does not give or take a document, if it said so on this connection. */
  refusalOf(id: DocumentId): string | undefined {
    return this.#refused.get(id)
  }

  /** Opens what is stored and not known to be uploaded, so that it is counted and synced. */
  async openUnsettled(): Promise<void> {
    await this.open(this.#unopened())
  }

  /** Opens those that are not open yet. Until all are, something is downloading. */
  async open(ids: readonly DocumentId[]): Promise<void> {
    const waiting = ids.filter(id => !this.#repo.handles[id]?.isReady())
    for (const id of waiting) this.#opening.add(id)
    const openAll = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        await this.#open(id)
        this.#opening.delete(id)
        this.touched()
      }
    }
    await Promise.all(Array.from({ length: OPENING_MAX }, openAll))
  }

  /** The server's document is durably at these heads. */
  announce(id: DocumentId, heads: Heads): void {
    this.#findings.delete(id)
    this.#heard.add(id)
    // A right may be given back at any moment.
    if (this.#denied.delete(id)) this.#refused.delete(id)
    this.#pendingAt(id).announce(heads)
    this.touched()
  }

  /** The next part of a document names these heads, and is not the last one. */
  expectMore(id: DocumentId, heads: Heads): void {
    this.#findings.delete(id)
    this.#more.set(id, heads)
    this.touched()
  }

  /** The server has sent what it has, or the next part of it; no heads: it has nothing, whatever it had confirmed. */
  receivePart(id: DocumentId, heads: Heads): void {
    const more = this.#more.get(id)
    if (more && !sameHeads(more, heads)) this.#more.delete(id)
    this.announce(id, heads)
  }

  /** The server has nothing of it, or says so to who may not see it: then what it had, it still has. */
  unavailable(id: DocumentId): void {
    if (!this.#denied.has(id)) this.receivePart(id, [])
  }

  /** This account may not see it. */
  deny(id: DocumentId, detail: string): void {
    this.#denied.add(id)
    this.#heard.add(id)
    this.#more.delete(id)
    this.refuse(id, detail)
    // What was confirmed is not going to be told again, on no later connection.
    this.settle()
  }

  refuse(id: DocumentId, detail: string): void {
    this.#findings.delete(id)
    this.#refused.set(id, detail)
    this.touched()
  }

  /** What this device has of it stays and counts, but can go nowhere. */
  deletedOnServer(id: DocumentId): void {
    this.#findings.delete(id)
    this.#heard.add(id)
    this.#deleted.add(id)
    this.#more.delete(id)
    this.touched()
  }

  /** A new connection: nothing has been said on it. */
  startOver(): void {
    this.#findings.clear()
    this.#heard.clear()
    this.#refused.clear()
    this.#denied.clear()
    this.#deleted.clear()
    this.#more.clear()
  }

  /** What was confirmed was confirmed by another server. */
  forgetConfirmed(): void {
    this.#findings.clear()
    this.#pending.clear()
  }

  forget(id: DocumentId): void {
    this.#findings.delete(id)
    this.#pending.delete(id)
    this.#heard.delete(id)
    this.#refused.delete(id)
    this.#denied.delete(id)
    this.#deleted.delete(id)
    this.#more.delete(id)
    this.#options.changed()
  }

  /** Something was changed, loaded or stored. */
  touched(): void {
    if (this.#isClosed) return
    this.#settleTimer ??= setTimeout(() => this.settle(), SETTLE_MS)
    this.#options.changed()
  }

  /** Tells the ledger how far each document has got. */
  settle(): void {
    clearTimeout(this.#settleTimer)
    this.#settleTimer = undefined
    if (this.#isClosed) return
    for (const handle of this.#readyHandles()) {
      const pending = this.#pendingOf(handle)
      const isEverything = pending.in(handle.doc()) === 0
      this.#ledger.update(handle.documentId, pending.confirmed, isEverything)
    }
  }

  /** Tells the ledger nothing more. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#settleTimer)
  }

  async #open(id: DocumentId): Promise<void> {
    try {
      const handle = await this.#repo.find(id, { allowableStates: ["ready", "unavailable"] })
      if (handle.isReady()) this.#unreadable.delete(id)
      // A record without content: the device crashed between the two.
      else if (!(await this.#options.isStored(id))) this.#ledger.remove(id)
    } catch (error) {
      this.#unreadable.add(id)
      // What is damaged here may be whole on the server.
      this.#repo.handles[id]?.request()
      this.#options.failed({ code: "storage", message: messageOf(error), documentId: id })
    }
  }

  /** Stored documents that may hold something the server lacks, but were not opened yet or cannot be. */
  #unopened(): DocumentId[] {
    return this.#ledger.unsettled().filter(id => !this.#repo.handles[id]?.isReady())
  }

  #progressOfUnopened(id: DocumentId): DocumentProgress {
    return { pendingChanges: UNREAD_CHANGES, isStuck: this.#unreadable.has(id), isDeleted: false, isBehind: false }
  }

  #progressOf(handle: DocHandle<unknown>): DocumentProgress {
    const id = handle.documentId
    if (!handle.isReady()) {
      const isAsked = handle.inState(["requesting", "unavailable"]) && !this.#refused.has(id)
      const isBehind = isAsked && this.answerOf(id) !== "has nothing"
      return { pendingChanges: 0, isStuck: false, isDeleted: false, isBehind }
    }
    // Every change makes another document object.
    const doc = handle.doc()
    const known = this.#findings.get(id)
    if (known?.doc === doc) return known.progress
    const progress = this.#progressOfReady(id, doc)
    this.#findings.set(id, { doc, progress })
    return progress
  }

  #progressOfReady(id: DocumentId, doc: Doc<unknown>): DocumentProgress {
    const pending = this.#pendingAt(id)
    const pendingChanges = pending.in(doc)
    if (pendingChanges === 0) this.#refused.delete(id)
    const isDeleted = this.#deleted.has(id)
    const isBehind = !isDeleted && (!this.#heard.has(id) || this.#more.has(id) || pending.isBehind(doc))
    return { pendingChanges, isStuck: isDeleted || this.#refused.has(id), isDeleted, isBehind }
  }

  #pendingOf(handle: DocHandle<unknown>): PendingChanges {
    return this.#pendingAt(handle.documentId)
  }

  #pendingAt(id: DocumentId): PendingChanges {
    let pending = this.#pending.get(id)
    if (!pending) this.#pending.set(id, (pending = new PendingChanges(this.#ledger.confirmed(id))))
    return pending
  }

  #readyHandles(): DocHandle<unknown>[] {
    return Object.values(this.#repo.handles).filter(handle => handle.isReady())
  }

  #watch(handle: DocHandle<unknown>): void {
    if (this.#watched.has(handle)) return
    this.#watched.add(handle)
    handle.on("heads-changed", () => {
      this.#findings.delete(handle.documentId)
      this.touched()
    })
  }
}
