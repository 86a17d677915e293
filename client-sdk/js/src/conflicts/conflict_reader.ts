import type { DocumentId } from "@automerge/automerge-repo/slim"
import { backoffMs, DEFAULT_BACKOFF } from "../backoff.js"
import type { BackoffLimits } from "../backoff.js"
import { hasCode } from "../errors.js"

/** How many documents are read at once. */
const READING_MAX = 4
/** How often a document is tried again on one connection. */
const FAILURES_MAX = 8

export interface ConflictReaderOptions {
  /** Reads one document, and takes note of what is open there. */
  read(document: DocumentId): Promise<void>
  failed(document: DocumentId, error: unknown): void
  readonly backoff?: Partial<BackoffLimits> | undefined
}

/**
 * Reads documents' conflicts while there is a connection. However often one is wanted, it is read once at a time, and
 * once more if it was wanted meanwhile.
 */
export class ConflictReader {
  readonly #options: ConflictReaderOptions
  readonly #backoff: BackoffLimits
  readonly #waiting = new Set<DocumentId>()
  readonly #reading = new Set<DocumentId>()
  readonly #failures = new Map<DocumentId, number>()
  readonly #timers = new Map<DocumentId, ReturnType<typeof setTimeout>>()
  #isConnected = false

  constructor(options: ConflictReaderOptions) {
    this.#options = options
    this.#backoff = { ...DEFAULT_BACKOFF, ...options.backoff }
  }

  /** Nothing is read before this, and all is wanted anew after each. */
  start(): void {
    this.#isConnected = true
    this.#failures.clear()
    this.#next()
  }

  stop(): void {
    this.#isConnected = false
    this.#waiting.clear()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  want(document: DocumentId): void {
    if (!this.#isConnected) return
    clearTimeout(this.#timers.get(document))
    this.#timers.delete(document)
    this.#waiting.add(document)
    this.#next()
  }

  #next(): void {
    for (const document of this.#waiting) {
      if (this.#reading.size >= READING_MAX) return
      if (this.#reading.has(document)) continue
      this.#waiting.delete(document)
      void this.#read(document)
    }
  }

  async #read(document: DocumentId): Promise<void> {
    this.#reading.add(document)
    try {
      await this.#options.read(document)
      this.#failures.delete(document)
    } catch (error) {
      this.#options.failed(document, error)
      // All else is the same when it is tried again; the next connection tries.
      if (hasCode(error, "busy", "offline", "timeout")) this.#retryLater(document)
    } finally {
      this.#reading.delete(document)
    }
    this.#next()
  }

  #retryLater(document: DocumentId): void {
    const failures = this.#failures.get(document) ?? 0
    if (!this.#isConnected || failures >= FAILURES_MAX) return
    this.#failures.set(document, failures + 1)
    const waitMs = backoffMs(failures, this.#backoff, Math.random)
    this.#timers.set(document, setTimeout(() => this.want(document), waitMs))
  }
}
