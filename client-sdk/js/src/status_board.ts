import type { SyncError } from "./errors.js"
import { Listeners } from "./listeners.js"
import type { Subscription } from "./listeners.js"
import type { Logger } from "./logger.js"
import { INITIAL_STATUS, nextStatus } from "./status.js"
import type { StatusFacts, SyncStatus } from "./status.js"

export type Facts = Pick<StatusFacts, "state" | "documents">

/** Works out the status when somebody asks, and tells it to whoever listens. */
export class StatusBoard {
  readonly #facts: () => Facts
  readonly #statuses: Listeners<SyncStatus>
  readonly #moments: Listeners<SyncStatus>
  #status = INITIAL_STATUS
  #published = INITIAL_STATUS
  #lastError: SyncError | null = null
  #isPublishing = false
  #isClosed = false

  constructor(facts: () => Facts, logger: Logger) {
    this.#facts = facts
    this.#statuses = new Listeners(logger)
    this.#moments = new Listeners(logger)
  }

  get status(): SyncStatus {
    if (this.#isClosed) return this.#status
    this.#status = nextStatus(this.#status, { ...this.#facts(), lastError: this.#lastError, nowMs: Date.now() })
    this.#lastError = this.#status.lastError
    return this.#status
  }

  /** Tells the present status first, then every other. */
  subscribe(listener: (status: SyncStatus) => void): Subscription {
    // Whatever is not published yet is told to those who wait for it already, so that nobody hears it twice.
    this.#publish()
    const subscription = this.#statuses.subscribe(listener)
    this.#statuses.tell(listener, this.#published)
    return subscription
  }

  /** As `subscribe`, but tells also when something has happened that leaves the status as it was. */
  subscribeToMoments(listener: (status: SyncStatus) => void): Subscription {
    const subscription = this.#moments.subscribe(listener)
    this.#moments.tell(listener, this.status)
    return subscription
  }

  fail(error: SyncError): void {
    this.#lastError = error
    this.changed()
  }

  /** What happens together is told once. */
  changed(): void {
    if (this.#isPublishing || this.#isClosed) return
    this.#isPublishing = true
    queueMicrotask(() => {
      this.#isPublishing = false
      this.#publish()
      this.#moments.emit(this.#status)
    })
  }

  /** Keeps the status as it is from now on, and tells it as the last word, for those who wait above all. */
  close(): void {
    this.#status = this.status
    this.#isClosed = true
    this.#statuses.emit(this.#status)
    this.#moments.emit(this.#status)
  }

  #publish(): void {
    const { status } = this
    if (status === this.#published) return
    this.#published = status
    // A listener that makes another status has told that one to all: whoever has not heard this one must not hear it last.
    this.#statuses.emit(status, () => this.#published === status)
  }
}
