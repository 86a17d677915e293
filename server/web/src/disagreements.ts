/** What one device knows of values that were written apart, and how its person settles it. */

import { inspectChange } from "@automerge/automerge/slim"
import type { Conflict, ConflictCandidate, Resolution } from "@tiebreak/client"
import type { Device } from "./device.js"
import { DEVICE_TITLES, KINDS, type Kind } from "./kinds.js"
import { placeWords } from "./labels.js"
import { signatureOf } from "./signature.js"

/** A sentence for people who do not see the page. */
export class Told extends Event {
  constructor(readonly sentence: string) {
    super("told")
  }
}

export class Disagreements {
  /** Why one could not be settled, by its id. */
  readonly #faults = new Map<string, string>()
  #known = new Set<string>()

  constructor(
    private readonly device: Device,
    private readonly changed: () => void,
  ) {
    device.tiebreak.on("conflicts", () => this.#listChanged())
  }

  of(kind: Kind): readonly Conflict[] {
    const id = this.device.idOf(kind)
    return id === undefined ? [] : this.device.tiebreak.conflicts(id)
  }

  faultOf(conflict: Conflict): string | undefined {
    return this.#faults.get(conflict.id)
  }

  /** Answers whether it is settled. */
  async settle(kind: Kind, conflict: Conflict, resolution: Resolution): Promise<boolean> {
    this.#faults.delete(conflict.id)
    try {
      await this.device.settle(kind, conflict.id, resolution)
    } catch (error) {
      this.#faults.set(conflict.id, error instanceof Error ? error.message : String(error))
      this.changed()
      return false
    }
    this.#tell(`${placeWords(kind, conflict.path.join("/"))} is settled.`)
    this.changed()
    return true
  }

  /** Who wrote a side, as this page knows people: its own devices, those of other browsers, accounts. */
  whoWrote(kind: Kind, { change, principal }: ConflictCandidate): string {
    const document = this.device.document(kind)
    const message = document && inspectChange(document, change)?.message
    const signature = message ? signatureOf(message) : null
    const title = signature && DEVICE_TITLES[signature.device]
    if (title && signature.browser === this.device.options.author) return title
    return principal?.name ?? (title ? `${title} ${signature.browser}` : "Another app")
  }

  #listChanged(): void {
    const open = KINDS.flatMap(kind => this.of(kind).map(conflict => ({ kind, conflict })))
    for (const { kind, conflict } of open) {
      const place = placeWords(kind, conflict.path.join("/"))
      if (!this.#known.has(conflict.id)) this.#tell(`${place} was written apart: choose what stands.`)
    }
    this.#known = new Set(open.map(({ conflict }) => conflict.id))
    this.changed()
  }

  #tell(sentence: string): void {
    this.device.dispatchEvent(new Told(sentence))
  }
}
