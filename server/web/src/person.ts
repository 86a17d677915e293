/** One person of the page: an account, with a phone and a laptop that are signed in each for itself. */

import type { DocumentId } from "@automerge/automerge-repo/slim"
import { Account, TiebreakError, type CredentialStore, type DeviceInfo, type Grant } from "@tiebreak/client"
import { storageOf, type Keeping } from "./boot.js"
import { credentialsOf } from "./credentials.js"
import { Device, type GroupRole } from "./device.js"
import { authorOf, forgetPerson, personIn, rememberPerson, type Identity } from "./identity.js"
import type { DocumentIds } from "./documents.js"
import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { forgetRole, rememberRole, rememberedRole } from "./roles.js"
import { displayNameOf, groupRoleOf } from "./server.js"

export const SLOTS = ["first", "second"] as const
export type Slot = (typeof SLOTS)[number]

export const DEVICE_NAMES: readonly DeviceName[] = ["phone", "laptop"]

/** How often a device asks which devices and which role there are: nothing tells it. */
const ASK_EVERY_MS = 2_000

export interface NamePassword {
  username: string
  password: string
}

/** Says "update" whenever there is something new to show. */
export class Person extends EventTarget {
  identity: Identity | null
  /** Those that are signed in here, or were until somebody signed them out elsewhere. */
  readonly devices = new Map<DeviceName, Device>()
  /** The account's devices, wherever they are. */
  sessions: DeviceInfo[] = []
  readonly #credentials: Record<DeviceName, CredentialStore>
  /** Who has which role on this person's group. */
  #grants: Grant[] = []
  /** A group of somebody else. */
  #sharedGroup: string | null = null
  #isAsking = false

  constructor(
    readonly slot: Slot,
    readonly keeping: Keeping,
  ) {
    super()
    this.identity = personIn(slot)
    this.#credentials = {
      phone: credentialsOf(`tiebreak-demo-${slot}-phone`, keeping),
      laptop: credentialsOf(`tiebreak-demo-${slot}-laptop`, keeping),
    }
    setInterval(() => void this.ask(), ASK_EVERY_MS)
  }

  /** The devices that were left signed in. */
  async resume(): Promise<void> {
    if (!this.identity) return
    for (const name of DEVICE_NAMES) {
      const account = await Account.resume({ server: location.origin, credentials: this.#credentials[name] })
      if (account?.id === this.identity.account) await this.#open(name, account)
    }
    if (this.devices.size === 0) this.#leave()
  }

  async signUp(given: NamePassword & { displayName: string }): Promise<void> {
    const device = DEVICE_TITLES.phone
    const credentials = this.#credentials.phone
    const account = await Account.signUp({ ...given, server: location.origin, credentials, device })
    await this.#welcome(account, given.displayName)
    await this.signIn("laptop", given.password)
  }

  /** With an account that was made before, wherever that was. */
  async enter(given: NamePassword): Promise<void> {
    const account = await this.#signedIn("phone", given)
    await this.#welcome(account, await displayNameOf(account))
    await this.signIn("laptop", given.password)
  }

  /** A device that is signed out: what is stored there waits for the same account. */
  async signIn(name: DeviceName, password: string): Promise<void> {
    const { username } = this.identity!
    const account = await this.#signedIn(name, { username, password })
    await this.devices.get(name)?.close()
    await this.#open(name, account)
    await this.ask()
  }

  /** Leaves nothing on this device. Answers how many changes were discarded that nobody else has. */
  async signOut(name: DeviceName): Promise<number> {
    const device = this.devices.get(name)
    const discarded = device?.pendingCount ?? 0
    await device?.clear()
    if (device) forgetRole(device.id)
    this.devices.delete(name)
    if (this.devices.size === 0) this.#leave()
    await this.ask()
    this.#update()
    return discarded
  }

  /** Another device can do so, or the same one: the server ends that session. */
  async signOutElsewhere(deviceId: string): Promise<void> {
    await this.#connected().revokeDevice(deviceId)
    await this.ask()
  }

  /** Whether one of the devices can ask the server for something. */
  get isReachable(): boolean {
    return this.#voice() !== undefined
  }

  /** The group that the other person owns. */
  openGroup(id: string): void {
    if (this.#sharedGroup === id) return
    this.#sharedGroup = id
    for (const device of this.devices.values()) this.#openSharedGroup(device, id)
    void this.ask()
  }

  /** The group that this person owns. */
  get ownGroup(): string | null {
    return this.identity?.ids.group ?? null
  }

  /** What another account may do with this person's group. */
  roleOf(account: string | undefined): GroupRole {
    return this.#grants.find(grant => grant.account === account)?.role ?? "none"
  }

  async share(username: string, role: "viewer" | "editor"): Promise<void> {
    await this.#connected().share(this.ownGroup as DocumentId, username, role)
  }

  async unshare(username: string): Promise<void> {
    await this.#connected().unshare(this.ownGroup as DocumentId, username)
  }

  /** Asks what has changed elsewhere, as far as there is a connection. */
  async ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      await Promise.all([this.#askSessions(), this.#askGrants(), ...[...this.devices.values()].map(device => this.#askRole(device))])
    } catch {
      // Asked again soon; the connection says by itself that it is gone.
    } finally {
      this.#isAsking = false
    }
    this.#update()
  }

  async #askSessions(): Promise<void> {
    const account = this.#voice()
    this.sessions = account ? (await account.devices()).filter(({ endedAt }) => endedAt === null) : this.sessions
  }

  async #askGrants(): Promise<void> {
    // A group that is on its way to the server is nobody's there yet.
    const account = this.#voice(device => device.document("group") !== undefined && device.pendingOf("group") === 0)
    if (account && this.ownGroup) this.#grants = await account.grants(this.ownGroup as DocumentId)
  }

  async #askRole(device: Device): Promise<void> {
    if (!this.#sharedGroup || !isConnected(device)) return
    const group = this.#sharedGroup
    const role = await groupRoleOf(device.options.owner!.account, group)
    if (role === "none" && rememberedRole(device.id, group) === null) return
    rememberRole(device.id, group, role)
    device.groupRole = role
    device.findGroup(group)
  }

  /** Who can speak for the person now. */
  #voice(mayBe: (device: Device) => boolean = () => true): Account | undefined {
    return [...this.devices.values()].find(device => isConnected(device) && mayBe(device))?.options.owner?.account
  }

  #connected(): Account {
    const account = this.#voice()
    if (account) return account
    throw new TiebreakError("offline", "None of these devices is connected: only the server can do that.")
  }

  async #signedIn(name: DeviceName, given: NamePassword): Promise<Account> {
    const credentials = this.#credentials[name]
    return Account.signIn({ ...given, server: location.origin, credentials, device: DEVICE_TITLES[name] })
  }

  async #welcome(account: Account, displayName: string): Promise<void> {
    this.identity = rememberPerson(this.slot, { account: account.id, username: account.username, displayName })
    await this.#open("phone", account)
  }

  async #open(name: DeviceName, account: Account): Promise<void> {
    const identity = this.identity!
    const { slot, keeping } = this
    const storage = storageOf(`tiebreak-demo-${account.id}-${name}`, keeping)
    const owner = { slot, displayName: identity.displayName, account }
    const device = await Device.open({ name, storage, author: authorOf(identity), owner })
    await this.#openDocuments(device, identity)
    this.#follow(device)
    this.devices.set(name, device)
    if (this.#sharedGroup) this.#openSharedGroup(device, this.#sharedGroup)
    this.dispatchEvent(new CustomEvent<Device>("opened", { detail: device }))
    this.#update()
  }

  async #openDocuments(device: Device, identity: Identity): Promise<void> {
    if (Object.keys(identity.ids).length > 0) return device.findDocuments(identity.ids)
    const kinds = this.slot === "first" ? (["profile", "cart", "group"] as const) : (["profile", "cart"] as const)
    const ids: Partial<DocumentIds> = await device.createDocuments(kinds)
    this.identity = rememberPerson(this.slot, { ...identity, ids })
  }

  /** What changed while it was away is asked as soon as it is back. */
  #follow(device: Device): void {
    let wasConnected = false
    device.addEventListener("update", () => {
      const isBack = isConnected(device) && !wasConnected
      wasConnected = isConnected(device)
      if (isBack) void this.ask()
      this.#update()
    })
  }

  #openSharedGroup(device: Device, id: string): void {
    const role = rememberedRole(device.id, id)
    device.groupRole = role ?? "none"
    if (role !== null) device.findGroup(id)
  }

  #leave(): void {
    forgetPerson(this.slot)
    this.identity = null
    this.sessions = []
  }

  #update(): void {
    this.dispatchEvent(new Event("update"))
  }
}

export function isConnected(device: Device): boolean {
  return device.status.state.kind === "connected"
}
