/** Changes of one device on their way into its storage, kept where a page that is just being left can still write. */

import type { Change } from "@automerge/automerge/slim"
import type { DocumentId } from "@automerge/automerge-repo/slim"
import { forget, remember, remembered } from "./remember.js"

/** What comes beyond is no safer than the storage: a later change without those before it would be of no use. */
const CHANGES_MAX = 1_000

type Entry = readonly [DocumentId, string]

export class Journal {
  readonly #key: string

  constructor(device: string) {
    this.#key = `tiebreak-demo-journal-${device}`
  }

  /** Gives what `drop` is to be told once the changes are stored. */
  keep(id: DocumentId, changes: readonly Change[]): string[] {
    const texts = changes.map(change => btoa(String.fromCharCode(...change)))
    this.#write([...this.#read(), ...texts.map(text => [id, text] as const)].slice(0, CHANGES_MAX))
    return texts
  }

  drop(stored: readonly string[]): void {
    const texts = new Set(stored)
    this.#write(this.#read().filter(([, text]) => !texts.has(text)))
  }

  /** What is kept of one document; `changesIn` reads it. */
  keptOf(id: DocumentId): string[] {
    return this.#read().flatMap(([of, text]) => (of === id ? [text] : []))
  }

  clear(): void {
    forget(this.#key)
  }

  #read(): Entry[] {
    return JSON.parse(remembered(this.#key) ?? "[]") as Entry[]
  }

  #write(entries: readonly Entry[]): void {
    if (entries.length === 0) forget(this.#key)
    else remember(this.#key, JSON.stringify(entries))
  }
}

export function changesIn(texts: readonly string[]): Change[] {
  return texts.map(text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)) as Change)
}
