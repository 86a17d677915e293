/** One device of the demo: a client with a storage of its own, and what a person sees of it. */

import { applyChanges, getChangesSince, getHeads } from "@automerge/automerge/slim"
import { Tiebreak, type RefusedChange, type Role, type SyncStatus } from "@tiebreak/client"
import type { DocHandle, DocumentId, UrlHeads } from "@automerge/automerge-repo/slim"
import { RememberedCut } from "./cut.js"
import { idOf, type DeviceOptions } from "./device_options.js"
import { Drafts } from "./drafts.js"
import { Faults } from "./faults.js"
import { Arrived, Highlights } from "./highlights.js"
import { Journal, changesIn } from "./journal.js"
import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { DOCUMENT_MADE } from "./history.js"
import { signed } from "./signature.js"
import { KINDS, initialDocuments, type DocumentIds, type Documents, type Kind } from "./documents.js"

export { DEVICE_TITLES, type DeviceName }

/** How long what came from elsewhere is highlighted. */
const HIGHLIGHT_MS = 4_000

/** How soon a document that nobody had is asked for again. */
const FIND_AGAIN_MS = 200
const FIND_AGAIN_MS_MAX = 5_000

/** A demo is watched: it shall not sleep for half a minute when the server is back. */
const BACKOFF = { minMs: 250, maxMs: 4_000 }

/** What the person of a device may do with the group; `none`: not even know that it is there. */
export type GroupRole = Role | "none"

/** What the server says of a document that is not, or no more, the account's. */
const ACCESS_DENIED = "access_denied"

type Handles = { [K in Kind]?: DocHandle<Documents[K]> }

/** Says "update" whenever there is something new to show, and "arrived" when it came from elsewhere. */
export class Device extends EventTarget {
  readonly name: DeviceName
  /** Tells it from all other devices of the page, also where something of it is remembered. */
  readonly id: string
  readonly title: string
  /** In the middle of a sentence. */
  readonly called: string
  #groupRole: GroupRole = "owner"
  /** When the present status was reported: its waits count from here. */
  statusAt = Date.now()
  /** Changes made here since the page was opened. */
  editsCount = 0
  /** What is being written here, by document. */
  readonly drafts: Record<Kind, Drafts>
  readonly #cut: RememberedCut
  readonly #journal: Journal
  readonly #faults = new Faults()
  #storingCount = 0
  /** The library does not tell whose change it reports; it reports one's own while one makes it. */
  #isWriting = false
  readonly #handles: Handles = {}
  /** Those of its person; the others may never come. */
  #own: readonly Kind[] = KINDS
  readonly #ids: Partial<DocumentIds> = {}
  readonly #missingSince = new Map<Kind, number>()
  readonly #highlights = new Highlights(HIGHLIGHT_MS, () => this.#update())
  #isClosed = false

  private constructor(
    readonly options: DeviceOptions,
    readonly tiebreak: Tiebreak,
  ) {
    super()
    const { name, owner } = options
    this.name = name
    this.id = idOf(options)
    this.title = owner ? `${owner.displayName}’s ${name}` : DEVICE_TITLES[name]
    this.called = owner ? this.title : `the ${name}`
    this.#cut = new RememberedCut(this.id)
    this.#journal = new Journal(this.id)
    const newDrafts = () => new Drafts(() => this.#update())
    this.drafts = { profile: newDrafts(), cart: newDrafts(), group: newDrafts() }
    tiebreak.on("status", () => {
      this.statusAt = Date.now()
      this.#update()
    })
    tiebreak.on("refused", refused => {
      this.#faults.refused(refused)
      if (refused.code === ACCESS_DENIED && refused.documentId === this.#handles.group?.documentId) this.groupRole = "none"
      this.#update()
    })
  }

  static async open(options: DeviceOptions): Promise<Device> {
    const { owner, storage } = options
    const scheme = location.protocol === "https:" ? "wss:" : "ws:"
    const url = `${scheme}//${location.host}/automerge`
    const autoConnect = !new RememberedCut(idOf(options)).is
    const given = { ...(storage && { storage }), ...(owner && { account: owner.account }) }
    return new Device(options, await Tiebreak.open({ url, autoConnect, backoff: BACKOFF, ...given }))
  }

  get status(): SyncStatus {
    return this.tiebreak.status
  }

  /** Whether its connection was cut on purpose. */
  get isCut(): boolean {
    return this.#cut.is
  }

  cut(): void {
    this.#cut.remember()
    this.tiebreak.disconnect()
    this.#update()
  }

  reconnect(): void {
    this.#cut.forget()
    this.tiebreak.connect()
    this.#update()
  }

  /** Makes documents that all devices of a person are going to edit. */
  async createDocuments<K extends Kind>(kinds: readonly K[]): Promise<Pick<DocumentIds, K>> {
    const ids = Object.fromEntries(kinds.map(kind => [kind, this.#create(kind)])) as Record<K, DocumentId>
    this.#own = kinds
    // Who remembers an id whose document was never stored finds nothing after a reload.
    await Promise.all(kinds.map(kind => this.#store(ids[kind])))
    return ids
  }

  /** Opens the documents of its person, from the own storage or from the server, whenever that has them. */
  findDocuments(ids: Partial<DocumentIds>): void {
    this.#own = KINDS.filter(kind => ids[kind])
    for (const kind of this.#own) void this.#find(kind, ids[kind]!)
  }

  /** Opens a group that somebody else owns, whenever that shares it. */
  findGroup(id: string): void {
    if (this.#ids.group === id) return
    delete this.#handles.group
    void this.#find("group", id)
  }

  get hasDocuments(): boolean {
    return this.#own.every(kind => this.#handles[kind])
  }

  get groupRole(): GroupRole {
    return this.#groupRole
  }

  set groupRole(role: GroupRole) {
    if (role === this.#groupRole) return
    this.#groupRole = role
    this.#update()
  }

  mayWrite(kind: Kind): boolean {
    return kind !== "group" || this.#groupRole === "owner" || this.#groupRole === "editor"
  }

  /** `undefined` until the device has it. */
  document<K extends Kind>(kind: K): Documents[K] | undefined {
    return this.#handles[kind]?.doc() as Documents[K] | undefined
  }

  /** Since when this device, connected, has found nobody who has one of the documents. */
  get missingSince(): number | undefined {
    const times = this.#own.map(kind => this.#missingSince.get(kind)).filter(time => time !== undefined)
    return this.status.state.kind === "connected" ? times.sort()[0] : undefined
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

  #create<K extends Kind>(kind: K): DocumentId {
    const handle = this.tiebreak.create<Documents[K]>({} as Documents[K])
    const initial = initialDocuments(this.options.owner?.displayName)[kind]
    // What the device makes is signed as well: the library's own first change has no name.
    handle.change(document => void Object.assign(document as object, initial), this.#described(DOCUMENT_MADE))
    this.#ids[kind] = handle.documentId
    this.#attach(kind, handle)
    return handle.documentId
  }

  #described(what: string) {
    return { message: signed({ device: this.name, browser: this.options.author }, what) }
  }

  /** Whether a change is on its way into this device's storage: a reload now would lose it. */
  get isStoring(): boolean {
    return this.#storingCount > 0
  }

  /** Changes of one document that only this device is known to have, with what is just being written. */
  pendingOf(kind: Kind): number {
    return this.#hasLost(kind) ? 0 : this.#unsentOf(kind) + this.drafts[kind].count
  }

  /** The same of all documents. */
  get pendingCount(): number {
    const lost = KINDS.filter(kind => this.#hasLost(kind)).reduce((sum, kind) => sum + this.#unsentOf(kind), 0)
    return KINDS.reduce((sum, kind) => sum + this.drafts[kind].count, this.status.pendingChanges - lost)
  }

  /** The client counts all of a group that was taken away as unsent: the server names no change of it any more. */
  #hasLost(kind: Kind): boolean {
    return kind === "group" && this.#groupRole === "none"
  }

  /** The change of this document that the server did not take, for as long as something waits. */
  refusedOf(kind: Kind): RefusedChange | undefined {
    const id = this.#handles[kind]?.documentId
    return id && this.#faults.refusedOf(id, this.#unsentOf(kind))
  }

  /** Why this device could not store its last change of this document, if so. */
  storageFaultOf(kind: Kind): string | undefined {
    const id = this.#handles[kind]?.documentId
    return id && this.#faults.unstoredOf(id)
  }

  /** Whether this part of a document, or something in it, came from elsewhere a moment ago. */
  isHighlighted(kind: Kind, path: string): boolean {
    return this.#highlights.has(`${kind}/${path}`)
  }

  /** Forgets everything on this device. */
  async clear(): Promise<void> {
    this.#forget()
    await this.tiebreak.disconnectAndClear()
  }

  /** The same, and ends its session. */
  async signOut(): Promise<void> {
    this.#forget()
    await this.tiebreak.signOut()
  }

  /** Ends, and leaves everything where it is stored. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.tiebreak.close()
  }

  #forget(): void {
    this.#isClosed = true
    this.#cut.forget()
    this.#journal.clear()
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
      this.#faults.stored(id)
      this.#journal.drop(journaled)
    } catch (error) {
      this.#faults.unstored(id, error)
    }
    this.#storingCount -= 1
    this.#update()
  }

  async #find<K extends Kind>(kind: K, id: string): Promise<void> {
    let pauseMs = FIND_AGAIN_MS
    this.#ids[kind] = id
    while (!this.#isClosed && this.#ids[kind] === id && !this.#handles[kind]) {
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
      const paths = [...new Set(patches.map(patch => patch.path.join("/")))]
      if (!this.#isWriting) {
        for (const path of paths) this.#highlights.add(`${kind}/${path}`)
        this.dispatchEvent(new Arrived(kind, paths))
      }
      this.#update()
    })
  }

  #update(): void {
    this.dispatchEvent(new Event("update"))
  }
}
