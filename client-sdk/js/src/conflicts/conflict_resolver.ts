import type { Conflict, Resolution } from "./conflict.js"

/** Decides a conflict; null or nothing leaves it to people. */
export type DecideConflict = (conflict: Conflict) => Resolution | null | undefined

/**
 * How many versions of one conflict are decided by a program. Two devices whose programs decide differently make a new
 * one with each decision, and would never end.
 */
const VERSIONS_MAX = 3

export interface ConflictResolverOptions {
  readonly decide: DecideConflict
  resolve(conflict: Conflict, resolution: Resolution): Promise<void>
  failed(conflict: Conflict, error: unknown): void
}

/** The app's own rule for conflicts: asked once for each version of one. */
export class ConflictResolver {
  readonly #options: ConflictResolverOptions
  readonly #asked = new Map<string, Set<number>>()

  constructor(options: ConflictResolverOptions) {
    this.#options = options
  }

  /** Whatever of these is new is decided. */
  offer(conflicts: readonly Conflict[]): void {
    for (const conflict of conflicts) {
      const versions = this.#asked.get(conflict.id) ?? new Set()
      if (versions.has(conflict.version) || versions.size >= VERSIONS_MAX) continue
      this.#asked.set(conflict.id, versions.add(conflict.version))
      void this.#decide(conflict, versions)
    }
  }

  async #decide(conflict: Conflict, versions: Set<number>): Promise<void> {
    let isDecided = false
    try {
      const resolution = this.#options.decide(conflict)
      isDecided = Boolean(resolution)
      if (resolution) await this.#options.resolve(conflict, resolution)
    } catch (error) {
      // What could not be carried out now is decided again when it is read again; a decision that throws stays as it is.
      if (isDecided) versions.delete(conflict.version)
      this.#options.failed(conflict, error)
    }
  }
}
