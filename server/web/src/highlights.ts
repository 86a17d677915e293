/** What came to a device from elsewhere. */

import type { Kind } from "./kinds.js"

/** Parts of a document that came from elsewhere, as paths. */
export class Arrived extends Event {
  constructor(
    readonly kind: Kind,
    readonly paths: string[],
  ) {
    super("arrived")
  }
}

/** Parts of documents that came from elsewhere a moment ago, as `kind/path`. */
export class Highlights {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(
    private readonly lastMs: number,
    private readonly changed: () => void,
  ) {}

  add(key: string): void {
    clearTimeout(this.#timers.get(key))
    const fade = () => this.#timers.delete(key) && this.changed()
    this.#timers.set(key, setTimeout(fade, this.lastMs))
  }

  /** Whether it is highlighted, or something in it. */
  has(key: string): boolean {
    return [...this.#timers.keys()].some(other => other === key || other.startsWith(`${key}/`))
  }
}
