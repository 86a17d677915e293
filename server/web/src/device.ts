/** One device of the demo: a client with a storage of its own, and what a person sees of it. */

import { applyChanges, getChangesSince, getHeads } from "@automerge/automerge/slim"
import { Tiebreak, type RefusedChange, type SyncStatus } from "@tiebreak/client"
import type { DocHandle, DocumentId, StorageAdapterInterface, UrlHeads } from "@automerge/automerge-repo/slim"
import { Drafts } from "./drafts.js"
import { Journal, changesIn } from "./journal.js"
import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { DOCUMENT_MADE } from "./history.js"
import { forget, remember, remembered } from "./remember.js"
import { signed, thisBrowser } from "./signature.js"
import { KINDS, initialDocuments, type DocumentIds, type Documents, type Kind } from "./documents.js"

export { DEVICE_TITLES, type DeviceName }

/** How long what came from elsewhere is highlighted. */
const HIGHLIGHT_MS = 4_000

/** How soon a document that nobody had is asked for again. */
const FIND_AGAIN_MS = 200
const FIND_AGAIN_MS_MAX = 5_000

/** A demo is watched: it shall not sleep for half a minute when the server is back. */
const BACKOFF = { minMs: 250, maxMs: 4_000 }

/** Parts of a document that came from elsewhere, as paths. */
export class Arrived extends Event {
  constructor(
    readonly kind: Kind,
    readonly paths: string[],
  ) {
    super("arrived")
  }
}

type Handles = { [K in Kind]?: DocHandle<Documents[K]> }

/** Says "update" whenever there is something new to show, and "arrived" when it came from elsewhere. */
export class Device extends EventTarget {
  readonly title: string
  /** When the present status was reported: its waits count from here. */
  statusAt = Date.now()
  /** Changes made here since the page was opened. */
  editsCount = 0
  /** What is being written here, by document. */
  readonly drafts: Record<Kind, Drafts>
  readonly #journal: Journal
  /** The last change of each document that the server did not take. */
  readonly #refused = new Map<DocumentId, RefusedChange>()
  /** Why this device could not store a document, by document. */
  readonly #storageFaults = new Map<DocumentId, string>()
  #storingCount = 0
  /** The library does not tell whose change it reports; it reports one's own while one makes it. */
  #isWriting = false
  readonly #handles: Handles = {}
  readonly #missingSince = new Map<Kind, number>()
  readonly #highlights = new Map<string, ReturnType<typeof setTimeout>>()
  #isClosed = false

  private constructor(
    readonly name: DeviceName,
    readonly tiebreak: Tiebreak,
  ) {
    super()
    this.title = DEVICE_TITLES[name]
    this.#journal = new Journal(name)
    const newDrafts = () => new Drafts(() => this.#update())
    this.drafts = { profile: newDrafts(), cart: newDrafts(), group: newDrafts() }
    tiebreak.on("status", () => {
      this.statusAt = Date.now()
      this.#update()
    })
    tiebreak.on("refused", refused => {
      this.#refused.set(refused.documentId, refused)
      this.#update()
    })
  }

  static async open(name: DeviceName, storage: StorageAdapterInterface | undefined): Promise<Device> {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:"
    const url = `${scheme}//${location.host}/automerge`
    const stored = storage ? { storage } : {}
    const autoConnect = !isRememberedAsCut(name)
    return new Device(name, await Tiebreak.open({ url, autoConnect, backoff: BACKOFF, ...stored }))
  }

  get status(): SyncStatus {
    return this.tiebreak.status
  }

  /** Whether its connection was cut on purpose. */
  get isCut(): boolean {
    return isRememberedAsCut(this.name)
  }

  cut(): void {
    remember(cutKey(this.name), "yes")
    this.tiebreak.disconnect()
    this.#update()
  }

  reconnect(): void {
    forget(cutKey(this.name))
    this.tiebreak.connect()
    this.#update()
  }

  /** Makes the documents that all devices are going to edit. */
  async createDocuments(): Promise<DocumentIds> {
    const initial = initialDocuments()
    const create = <K extends Kind>(kind: K) => {
      const handle = this.tiebreak.create<Documents[K]>({} as Documents[K])
      // What the device makes is signed as well: the library's own first change has no name.
      handle.change(document => void Object.assign(document as object, initial[kind]), this.#described(DOCUMENT_MADE))
      this.#attach(kind, handle)
      return handle.documentId
    }
    const ids = { profile: create("profile"), cart: create("cart"), group: create("group") }
    // Who remembers an id whose document was never stored finds nothing after a reload.
    await Promise.all(KINDS.map(kind => this.#store(ids[kind])))
    return ids
  }

  /** Opens the documents, from the own storage or from the server, whenever that has them. */
  findDocuments(ids: DocumentIds): void {
    for (const kind of KINDS) void this.#find(kind, ids[kind])
  }

  get hasDocuments(): boolean {
    return KINDS.every(kind => this.#handles[kind])
  }

  /** `undefined` until the device has it. */
  document<K extends Kind>(kind: K): Documents[K] | undefined {
    return this.#handles[kind]?.doc() as Documents[K] | undefined
  }

  /** Since when this device, connected, has found nobody who has one of the documents. */
  get missingSince(): number | undefined {
    return this.status.state.kind === "connected" ? [...this.#missingSince.values()].sort()[0] : undefined
  }

  /** What this device has seen of a document. */
  heads(kind: Kind): UrlHeads | undefined {
    return this.#handles[kind]?.heads()
  }

  /** Makes one change, described by `what` in the history of the document; as of `since`, if that is given. */
  change<K extends Kind>(kind: K, what: string, edit: (document: Documents[K]) => void, since?: UrlHeads): void {
    const handle = this.#handles[kind] as DocHandle<Documents[K]> | undefined
    if (!handle) return
    this.editsCount += 1
    const before = getHeads(handle.doc())
    this.#isWriting = true
    try {
      const options = this.#described(what)
      const apply = (document: unknown) => edit(document as Documents[K])
      if (since) handle.changeAt(since, apply, options)
      else handle.change(apply, options)
    } finally {
      this.#isWriting = false
    }
    const journaled = this.#journal.keep(handle.documentId, getChangesSince(handle.doc(), before))
    void this.#store(handle.documentId, journaled)
  }

  #described(what: string) {
    return { message: signed({ device: this.name, browser: thisBrowser() }, what) }
  }

  /** Whether a change is on its way into this device's storage: a reload now would lose it. */
  get isStoring(): boolean {
    return this.#storingCount > 0
  }

  /** Changes of one document that only this device is known to have, with what is just being written. */
  pendingOf(kind: Kind): number {
    return this.#unsentOf(kind) + this.drafts[kind].count
  }

  /** The same of all documents. */
  get pendingCount(): number {
    return KINDS.reduce((sum, kind) => sum + this.drafts[kind].count, this.status.pendingChanges)
  }

  /** The change of this document that the server did not take, for as long as something waits. */
  refusedOf(kind: Kind): RefusedChange | undefined {
    const id = this.#handles[kind]?.documentId
    if (id && this.#unsentOf(kind) === 0) this.#refused.delete(id)
    return id && this.#refused.get(id)
  }

  /** Why this device could not store its last change of this document, if so. */
  storageFaultOf(kind: Kind): string | undefined {
    const id = this.#handles[kind]?.documentId
    return id && this.#storageFaults.get(id)
  }

  /** Whether this part of a document, or something in it, came from elsewhere a moment ago. */
  isHighlighted(kind: Kind, path: string): boolean {
    const key = `${kind}/${path}`
    return [...this.#highlights.keys()].some(other => other === key || other.startsWith(`${key}/`))
  }

  /** Forgets everything on this device. */
  async clear(): Promise<void> {
    this.#isClosed = true
    forget(cutKey(this.name))
    this.#journal.clear()
    await this.tiebreak.disconnectAndClear()
  }

  #unsentOf(kind: Kind): number {
    const handle = this.#handles[kind]
    return handle ? this.tiebreak.pendingOf(handle.documentId) : 0
  }

  /** At once: the library would gather changes for a moment, in which a person can close the page. */
  async #store(id: DocumentId, journaled: readonly string[] = []): Promise<void> {
    this.#storingCount += 1
    try {
      await this.tiebreak.repo.flush([id])
      this.#storageFaults.delete(id)
      this.#journal.drop(journaled)
    } catch (error) {
      this.#storageFaults.set(id, error instanceof Error ? error.message : String(error))
    }
    this.#storingCount -= 1
    this.#update()
  }

  async #find<K extends Kind>(kind: K, id: string): Promise<void> {
    let pauseMs = FIND_AGAIN_MS
    while (!this.#isClosed && !this.#handles[kind]) {
      try {
        const handle = await this.tiebreak.find<Documents[K]>(id as DocumentId)
        this.#takeUp(handle)
        this.#attach(kind, handle)
        this.#missingSince.delete(kind)
      } catch {
        if (!this.#missingSince.has(kind)) this.#missingSince.set(kind, Date.now())
        await new Promise(resolve => setTimeout(resolve, pauseMs))
        await this.#connected()
        pauseMs = Math.min(2 * pauseMs, FIND_AGAIN_MS_MAX)
      }
    }
    this.#update()
  }

  /** What the page before this one wrote without having stored it. A change that is there already is not made twice. */
  #takeUp(handle: DocHandle<Documents[Kind]>): void {
    const kept = this.#journal.keptOf(handle.documentId)
    if (kept.length === 0) return
    handle.update(document => applyChanges(document, changesIn(kept))[0])
    void this.#store(handle.documentId, kept)
  }

  async #connected(): Promise<void> {
    while (!this.#isClosed && this.status.state.kind !== "connected") {
      await new Promise(resolve => this.addEventListener("update", resolve, { once: true }))
    }
  }

  #attach<K extends Kind>(kind: K, handle: DocHandle<Documents[K]>): void {
    this.#handles[kind] = handle as Handles[K]
    handle.on("change", ({ patches }) => {
      if (!this.#isWriting)
        this.#arrived(
          kind,
          patches.map(patch => patch.path.join("/")),
        )
      this.#update()
    })
  }

  #arrived(kind: Kind, paths: string[]): void {
    const distinct = [...new Set(paths)]
    for (const path of distinct) {
      const key = `${kind}/${path}`
      clearTimeout(this.#highlights.get(key))
      const fade = () => this.#highlights.delete(key) && this.#update()
      this.#highlights.set(key, setTimeout(fade, HIGHLIGHT_MS))
    }
    this.dispatchEvent(new Arrived(kind, distinct))
  }

  #update(): void {
    this.dispatchEvent(new Event("update"))
  }
}

function cutKey(name: DeviceName): string {
  return `tiebreak-demo-cut-${name}`
}

function isRememberedAsCut(name: DeviceName): boolean {
  return remembered(cutKey(name)) !== null
}
