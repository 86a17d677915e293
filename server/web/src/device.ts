/** One device of the demo: a client with a storage of its own, and what a person sees of it. */

import { getChangesSince, getHeads, type Heads } from "@automerge/automerge/slim"
import { Tiebreak, type RefusedChange, type Resolution, type Role, type SyncStatus } from "@tiebreak/client"
import type { DocumentId, UrlHeads } from "@automerge/automerge-repo/slim"
import { RememberedCut } from "./cut.js"
import { Disagreements } from "./disagreements.js"
import { idOf, type DeviceOptions } from "./device_options.js"
import { Drafts } from "./drafts.js"
import { FoundDocuments, type Handle } from "./found.js"
import { Arrived, Highlights } from "./highlights.js"
import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { DOCUMENT_MADE } from "./history.js"
import { signed } from "./signature.js"
import { Storing } from "./storing.js"
import { KINDS, initialDocuments, type DocumentIds, type Documents, type Kind } from "./documents.js"

export { DEVICE_TITLES, type DeviceName }

/** How long what came from elsewhere is highlighted. */
const HIGHLIGHT_MS = 4_000

/** A demo is watched: it shall not sleep for half a minute when the server is back. */
const BACKOFF = { minMs: 250, maxMs: 4_000 }

/** What the person of a device may do with the group; `none`: not even know that it is there. */
export type GroupRole = Role | "none"

/** What the server says of a document that is not, or no more, the account's. */
const ACCESS_DENIED = "access_denied"

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
  /** What its person and others wrote apart, as this device knows of it. */
  readonly disagreements: Disagreements
  readonly #cut: RememberedCut
  readonly #storing: Storing
  /** The last change of each document that the server did not take. */
  readonly #refused = new Map<DocumentId, RefusedChange>()
  /** The library does not tell whose change it reports; it reports one's own while one makes it. */
  #isWriting = false
  readonly #found: FoundDocuments
  /** The documents of its person; the others may never come. */
  #own: readonly Kind[] = KINDS
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
    this.#storing = new Storing(tiebreak, this.id, () => this.#update())
    const connected = () => this.#connected()
    this.#found = new FoundDocuments({ tiebreak, connected, found: (kind, handle) => this.#welcome(kind, handle) })
    const newDrafts = () => new Drafts(() => this.#update())
    this.drafts = { profile: newDrafts(), cart: newDrafts(), group: newDrafts() }
    tiebreak.on("status", () => {
      this.statusAt = Date.now()
      this.#update()
    })
    this.disagreements = new Disagreements(this, () => this.#update())
    tiebreak.on("refused", refused => {
      const isGroupLost = refused.code === ACCESS_DENIED && refused.documentId === this.#found.idOf("group")
      if (isGroupLost) this.groupRole = "none"
      else this.#refused.set(refused.documentId, refused)
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
    await Promise.all(kinds.map(kind => this.#storing.store(ids[kind])))
    return ids
  }

  /** Opens the documents of its person, from the own storage or from the server, whenever that has them. */
  findDocuments(ids: Partial<DocumentIds>): void {
    this.#own = KINDS.filter(kind => ids[kind])
    for (const kind of this.#own) void this.#find(kind, ids[kind]!)
  }

  /** Opens a group that somebody else owns, whenever that shares it. */
  findGroup(id: string): void {
    void this.#find("group", id)
  }

  get hasDocuments(): boolean {
    return this.#own.every(kind => this.#found.handle(kind))
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
    return this.#found.handle(kind)?.doc() as Documents[K] | undefined
  }

  /** Since when this device, connected, has found nobody who has one of the documents. */
  get missingSince(): number | undefined {
    return this.status.state.kind === "connected" ? this.#found.missingSince(this.#own) : undefined
  }

  idOf(kind: Kind): DocumentId | undefined {
    return this.#found.handle(kind)?.documentId
  }

  /** What this device has seen of a document. */
  heads(kind: Kind): UrlHeads | undefined {
    return this.#found.handle(kind)?.heads()
  }

  /** Makes one change, described by `what` in the history of the document; as of `since`, if that is given. */
  change<K extends Kind>(kind: K, what: string, edit: (document: Documents[K]) => void, since?: UrlHeads): void {
    const handle = this.#found.handle(kind)
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
    this.#store(handle, before)
  }

  /** Makes one of several values that were written apart the only one. */
  async settle(kind: Kind, conflict: string, resolution: Resolution): Promise<void> {
    const handle = this.#found.handle(kind)
    if (!handle) return
    this.editsCount += 1
    const before = getHeads(handle.doc())
    this.#isWriting = true
    // What this device can write itself is written before anything else happens here.
    const settled = this.tiebreak.resolve(conflict, resolution)
    this.#isWriting = false
    await settled
    this.#store(handle, before)
  }

  #store(handle: Handle<Kind>, before: Heads): void {
    void this.#storing.store(handle.documentId, getChangesSince(handle.doc(), before))
  }

  #create<K extends Kind>(kind: K): DocumentId {
    // A document says what it is in its first change.
    const handle = this.tiebreak.create<Documents[K]>({ "@kind": kind } as Documents[K])
    const initial = initialDocuments(this.options.owner?.displayName)[kind]
    // What the device makes is signed as well: the library's own first change has no name.
    handle.change(document => void Object.assign(document as object, initial), this.#described(DOCUMENT_MADE))
    this.#found.add(kind, handle)
    this.#watch(kind, handle)
    return handle.documentId
  }

  #described(what: string) {
    return { message: signed({ device: this.name, browser: this.options.author }, what) }
  }

  /** Whether a change is on its way into this device's storage: a reload now would lose it. */
  get isStoring(): boolean {
    return this.#storing.isUnderWay
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

  /** Whether it keeps a group that was taken away. */
  get hasLostGroup(): boolean {
    return this.#hasLost("group") && this.#found.handle("group") !== undefined
  }

  /** The client counts all of a group that was taken away as unsent: the server names no change of it any more. */
  #hasLost(kind: Kind): boolean {
    return kind === "group" && this.#groupRole === "none"
  }

  /** The change of this document that the server did not take, for as long as something waits. */
  refusedOf(kind: Kind): RefusedChange | undefined {
    const id = this.#found.idOf(kind)
    if (id && this.#unsentOf(kind) === 0) this.#refused.delete(id)
    return id && this.#refused.get(id)
  }

  /** Why this device could not store its last change of this document, if so. */
  storageFaultOf(kind: Kind): string | undefined {
    const id = this.#found.idOf(kind)
    return id && this.#storing.faultOf(id)
  }

  /** Whether this part of a document, or something in it, came from elsewhere a moment ago. */
  isHighlighted(kind: Kind, path: string): boolean {
    return this.#highlights.has(`${kind}/${path}`)
  }

  /** Forgets everything on this device, and who is signed in. */
  async clear(): Promise<void> {
    this.#end()
    this.#cut.forget()
    this.#storing.clear()
    await this.tiebreak.signOut()
  }

  /** Ends, and leaves everything where it is stored. */
  async close(): Promise<void> {
    this.#end()
    await this.tiebreak.close()
  }

  #end(): void {
    this.#isClosed = true
    this.#found.close()
  }

  #unsentOf(kind: Kind): number {
    const id = this.#found.idOf(kind)
    return id ? this.tiebreak.pendingOf(id) : 0
  }

  async #find(kind: Kind, id: string): Promise<void> {
    await this.#found.find(kind, id)
    this.#update()
  }

  #welcome(kind: Kind, handle: Handle<Kind>): void {
    this.#storing.takeUp(handle)
    this.#watch(kind, handle)
  }

  async #connected(): Promise<void> {
    while (!this.#isClosed && this.status.state.kind !== "connected") {
      await new Promise(resolve => this.addEventListener("update", resolve, { once: true }))
    }
  }

  #watch(kind: Kind, handle: Handle<Kind>): void {
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
