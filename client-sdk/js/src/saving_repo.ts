import { Repo } from "@automerge/automerge-repo/slim"
import type { Doc, DocumentId, RepoConfig } from "@automerge/automerge-repo/slim"
import { backoffMs, DEFAULT_BACKOFF } from "./backoff.js"

/**
 * A repo that answers for its saves in the background: the stock one drops their promises, so that one which fails
 * ends a Node process and is not tried again. `flush` still rejects with what goes wrong. And one that
 * survives the deletion of a document in the middle of its sync.
 */
export class SavingRepo extends Repo {
  readonly #save: (id: DocumentId, doc: Doc<unknown>) => Promise<void>
  /** Documents of which something could not be stored in the background. */
  readonly #unsaved = new Set<DocumentId>()
  #failures = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #hasStopped = false

  constructor(config: RepoConfig) {
    super(config)
    this.#passOverDeleted()
    const storage = this.storageSubsystem
    if (!storage) {
      this.#save = () => Promise.resolve()
      return
    }
    this.#save = storage.saveDoc.bind(storage)
    storage.saveDoc = (id, doc) => this.#saveInBackground(id, doc)
  }

  /** Stores what is not stored yet of these documents, without any of all. */
  override async flush(documents: DocumentId[] = Object.keys(this.handles) as DocumentId[]): Promise<void> {
    await Promise.all(documents.map(id => this.#saveNow(id)))
  }

  /** Tries nothing more in the background. */
  stopSaving(): void {
    this.#hasStopped = true
    clearTimeout(this.#retryTimer)
  }

  /** A sync that is late may speak of a document that was deleted meanwhile, of which the stock repo knows nothing. */
  #passOverDeleted(): void {
    const { synchronizer } = this
    const listeners = synchronizer.listeners("sync-state")
    synchronizer.removeAllListeners("sync-state")
    synchronizer.on("sync-state", state => {
      if (this.handles[state.documentId]) for (const listener of listeners) listener(state)
    })
  }

  async #saveNow(id: DocumentId): Promise<void> {
    const handle = this.handles[id]
    if (handle?.isReady()) await this.#save(id, handle.doc())
    this.#unsaved.delete(id)
  }

  async #saveInBackground(id: DocumentId, doc: Doc<unknown>): Promise<void> {
    try {
      await this.#save(id, doc)
      this.#unsaved.delete(id)
    } catch {
      // The storage has told what went wrong.
      this.#unsaved.add(id)
      this.#retryLater()
    }
  }

  #retryLater(): void {
    if (this.#hasStopped || this.#retryTimer !== undefined) return
    this.#retryTimer = setTimeout(() => void this.#retry(), backoffMs(this.#failures, DEFAULT_BACKOFF, Math.random))
    this.#failures += 1
  }

  async #retry(): Promise<void> {
    const results = await Promise.allSettled([...this.#unsaved].map(id => this.#saveNow(id)))
    this.#retryTimer = undefined
    if (results.every(({ status }) => status === "fulfilled")) this.#failures = 0
    if (this.#unsaved.size > 0) this.#retryLater()
  }
}
