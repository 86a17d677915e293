import type { Logger } from "./logger.js"

export interface Subscription {
  cancel(): void
}

/** Who wants to hear of one kind of event. A listener that throws is logged and keeps nobody else from hearing. */
export class Listeners<T> {
  readonly #listeners = new Set<{ hear: (value: T) => void }>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  subscribe(hear: (value: T) => void): Subscription {
    const listener = { hear }
    this.#listeners.add(listener)
    return { cancel: () => void this.#listeners.delete(listener) }
  }

  /** Tells all, as long as the value is still worth telling. */
  emit(value: T, isCurrent: () => boolean = () => true): void {
    for (const listener of [...this.#listeners]) {
      if (!isCurrent()) return
      // One that was cancelled by a listener before it hears nothing more.
      if (this.#listeners.has(listener)) this.tell(listener.hear, value)
    }
  }

  /** Tells one listener alone. */
  tell(hear: (value: T) => void, value: T): void {
    try {
      hear(value)
    } catch (error) {
      this.#logger.warn("a listener threw", { error })
    }
  }
}
