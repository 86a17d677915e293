import type { DocumentId } from "@automerge/automerge-repo/slim"
import type { Conflict } from "./conflict.js"

/** A conflict that was settled on this device, and how it was when that was done. */
interface Settled {
  readonly version: number
  /** The change that settles it; null: the server has settled it itself. */
  readonly change: string | null
}

/** What is known of one document, as it is stored. */
export interface ConflictPage {
  readonly open: readonly Conflict[]
  readonly settled: Readonly<Record<string, Settled>>
}

const EMPTY: readonly Conflict[] = Object.freeze([])

/**
 * The open conflicts that are known here. One that was settled here is left out from then on, until the server has the
 * choice and says that the conflict is open nevertheless, as another version.
 */
export class ConflictBook {
  readonly #pages = new Map<DocumentId, ConflictPage>()
  readonly #shown = new Map<DocumentId, readonly Conflict[]>()
  #all = EMPTY

  /** All that are open, or those of a document; the same array until they change. */
  list(document?: DocumentId): readonly Conflict[] {
    return document === undefined ? this.#all : (this.#shown.get(document) ?? EMPTY)
  }

  find(id: string): Conflict | undefined {
    return this.#all.find(conflict => conflict.id === id)
  }

  documents(): DocumentId[] {
    return [...this.#pages.keys()]
  }

  page(document: DocumentId): ConflictPage | undefined {
    return this.#pages.get(document)
  }

  /** Puts back what was stored. */
  restore(document: DocumentId, page: ConflictPage): void {
    this.#turn(document, page.open, page.settled)
  }

  /** The conflicts of a document that were settled here, and whose choice the server has. */
  arrived(document: DocumentId, isDurable: (change: string) => boolean): Set<string> {
    const settled = Object.entries(this.#pages.get(document)?.settled ?? {})
    return new Set(settled.filter(([, { change }]) => change === null || isDurable(change)).map(([id]) => id))
  }

  /**
   * What the server says is open in a document. `arrived`: whose choices it had when it was asked; of others it does not
   * know better. Tells whether the list is another one.
   */
  read(document: DocumentId, open: readonly Conflict[], arrived: ReadonlySet<string>): boolean {
    const versions = new Map(open.map(({ id, version }) => [id, version]))
    const stays = ([id, { version }]: [string, Settled]) => !arrived.has(id) || versions.get(id) === version
    const settled = Object.entries(this.#pages.get(document)?.settled ?? {}).filter(stays)
    return this.#turn(document, open, Object.fromEntries(settled))
  }

  /** It was settled here. Tells whether the list is another one. */
  settle({ id, document, version }: Conflict, change: string | null): boolean {
    const page = this.#pages.get(document as DocumentId)
    const settled = { ...page?.settled, [id]: { version, change } }
    return this.#turn(document as DocumentId, page?.open ?? [], settled)
  }

  /** The server did not take these choices. Tells whether the list is another one. */
  unsettle(document: DocumentId, isRefused: (change: string) => boolean): boolean {
    const page = this.#pages.get(document)
    if (!page) return false
    const stays = ([, { change }]: [string, Settled]) => change === null || !isRefused(change)
    return this.#turn(document, page.open, Object.fromEntries(Object.entries(page.settled).filter(stays)))
  }

  forget(document: DocumentId): boolean {
    return this.#turn(document, [], {})
  }

  #turn(document: DocumentId, open: readonly Conflict[], settled: ConflictPage["settled"]): boolean {
    const before = this.list(document)
    const shown = open.filter(({ id }) => !Object.hasOwn(settled, id))
    const isEmpty = open.length === 0 && Object.keys(settled).length === 0
    if (isEmpty) this.#pages.delete(document)
    else this.#pages.set(document, { open, settled })
    if (JSON.stringify(shown) === JSON.stringify(before)) return false
    if (shown.length === 0) this.#shown.delete(document)
    else this.#shown.set(document, Object.freeze(shown))
    this.#all = Object.freeze([...this.#shown.values()].flat())
    return true
  }
}
