import type { AnyDocumentId, DocumentId } from "@automerge/automerge-repo/slim"
import { within } from "../deadline.js"
import { documentIdOf } from "../document_id.js"
import type { GetToken } from "../token.js"
import { AccountServer } from "./account_server.js"
import type { AccountServerOptions, Answer } from "./account_server.js"
import { StoredCredentials } from "./credentials.js"
import type { Credentials, CredentialStore } from "./credentials.js"
import { Session } from "./session.js"
import { register, signIn, signInAsNew } from "./sign_in.js"
import type { SignedIn } from "./sign_in.js"

/** How long signing out waits for the server; then the device is signed out here alone. */
const SIGN_OUT_MS_MAX = 5_000

/** What an account may do with a document: read, write, share and delete; each includes those before it. */
export type Role = "viewer" | "editor" | "owner"

export interface AccountOptions extends AccountServerOptions {
  /** `https://sync.example` */
  readonly server: string
  /** Where this device stays signed in. */
  readonly credentials: CredentialStore
}

export interface SignInOptions extends AccountOptions {
  readonly username: string
  readonly password: string
  /** What people call this device: shown in the list of devices. */
  readonly device: string
}

export interface SignUpOptions extends SignInOptions {
  /** The username, if left out. */
  readonly displayName?: string
}

/** Who has which role on a document. */
export interface Grant {
  /** An account's id. */
  readonly account: string
  readonly role: Role
  /** An account's id; null for who made the document, and for what an operator gave. */
  readonly grantedBy: string | null
  readonly grantedAt: string | null
}

export interface InvitationOptions {
  readonly role: Role
  /** Seconds until it is over; a week unless told. */
  readonly expiresInS?: number
  /** How many accounts it lets in; one unless told. */
  readonly uses?: number
}

export interface Invitation {
  readonly id: string
  /** What to hand over: whoever has it can accept. It is shown this once. */
  readonly secret: string
  readonly expiresAt: string | null
}

export interface DeviceInfo {
  readonly id: string
  readonly name: string
  readonly createdAt: string | null
  /** When it last signed in or refreshed its session. */
  readonly seenAt: string | null
  /** Null while it is signed in. */
  readonly endedAt: string | null
}

/** A person's account at a server, on this device. */
export class Account {
  readonly id: string
  readonly deviceId: string
  readonly username: string
  readonly #session: Session

  /** Makes an account, and signs this device in. */
  static async signUp(options: SignUpOptions): Promise<Account> {
    const server = new AccountServer(options)
    await register(server, options)
    return Account.#keep(server, options, await signInAsNew(server, options))
  }

  /** Signs this device in, as a new one. */
  static async signIn(options: SignInOptions): Promise<Account> {
    const server = new AccountServer(options)
    return Account.#keep(server, options, await signIn(server, options))
  }

  /** The account that this device was left signed in with, if any. Needs no network. */
  static async resume(options: AccountOptions): Promise<Account | null> {
    const server = new AccountServer(options)
    const store = new StoredCredentials(options.credentials)
    const credentials = await store.load(server.address)
    return credentials && new Account(credentials, new Session(server, store, credentials))
  }

  static async #keep(server: AccountServer, options: AccountOptions, signedIn: SignedIn): Promise<Account> {
    const { credentials, access } = signedIn
    const store = new StoredCredentials(options.credentials)
    await store.save(credentials)
    return new Account(credentials, new Session(server, store, credentials, access))
  }

  private constructor({ account, device, username }: Credentials, session: Session) {
    this.id = account
    this.deviceId = device
    this.username = username
    this.#session = session
  }

  /** What `Tiebreak.open({ account })` asks before every connection. */
  readonly getToken: GetToken = ({ reason }) =>
    reason === "expired" ? this.#session.freshToken() : this.#session.token()

  /** Gives an account a role on a document, in place of the one it has. */
  async share(document: AnyDocumentId, username: string, role: Role): Promise<void> {
    await this.#session.request({ method: "PUT", path: grantPath(document, username), body: { role } })
  }

  /** Takes an account's role on a document. What its devices have of it stays there. */
  async unshare(document: AnyDocumentId, username: string): Promise<void> {
    await this.#session.request({ method: "DELETE", path: grantPath(document, username) })
  }

  /** Gives one's own role on a document back. */
  async leave(document: AnyDocumentId): Promise<void> {
    await this.#session.request({ method: "DELETE", path: `documents/${documentIdOf(document)}/grants/own` })
  }

  async grants(document: AnyDocumentId): Promise<Grant[]> {
    const answer = await this.#session.request({ method: "GET", path: `documents/${documentIdOf(document)}/grants` })
    return answer.items().map(grantOf)
  }

  /** Makes a secret that lets others in, whose usernames nobody need know. */
  async invite(document: AnyDocumentId, { role, expiresInS, uses }: InvitationOptions): Promise<Invitation> {
    const answer = await this.#session.request({
      method: "POST",
      path: `documents/${documentIdOf(document)}/invitations`,
      body: { role, expires_in: expiresInS, uses },
    })
    return { id: answer.text("id"), secret: answer.text("secret"), expiresAt: answer.textOrNull("expires_at") }
  }

  /** Takes up an invitation; a greater role that the account has already stays. */
  async accept(secret: string): Promise<{ documentId: DocumentId; role: Role }> {
    const answer = await this.#session.request({ method: "POST", path: "invitations/redeem", body: { secret } })
    return { documentId: answer.text("document") as DocumentId, role: answer.text("role") as Role }
  }

  /** The devices of this account, signed out ones too, last seen first. */
  async devices(): Promise<DeviceInfo[]> {
    const answer = await this.#session.request({ method: "GET", path: "devices" })
    return answer.items().map(deviceOf)
  }

  /** Signs a device out, wherever it is. */
  async revokeDevice(id: string): Promise<void> {
    await this.#session.request({ method: "DELETE", path: `devices/${encodeURIComponent(id)}` })
  }

  /** Signs all other devices out. */
  async changePassword(oldPassword: string, newPassword: string): Promise<void> {
    const body = { old: oldPassword, new: newPassword }
    await this.#session.request({ method: "PUT", path: "account/password", body })
  }

  /** Deletes the account with the documents that nobody else has, and signs out here. */
  async deleteAccount(): Promise<void> {
    await this.#session.request({ method: "DELETE", path: "account" })
    await this.#session.end()
  }

  /**
   * Ends the session at the server if that can be reached now, and erases the credentials in any case. What fails as
   * `storage` can be called again.
   */
  async signOut(): Promise<void> {
    const request = () => this.#session.request({ method: "DELETE", path: "sessions/current" })
    try {
      await within(SIGN_OUT_MS_MAX, request, () => new Error("the server is not there now"))
    } catch {
      // Then the session ends when nobody uses it any more, or with `revokeDevice` elsewhere.
    } finally {
      await this.#session.end()
    }
  }
}

function grantPath(document: AnyDocumentId, username: string): string {
  return `documents/${documentIdOf(document)}/grants/${encodeURIComponent(`@${username}`)}`
}

function grantOf(item: Answer): Grant {
  return {
    account: item.text("account"),
    role: item.text("role") as Role,
    grantedBy: item.textOrNull("granted_by"),
    grantedAt: item.textOrNull("granted_at"),
  }
}

function deviceOf(item: Answer): DeviceInfo {
  return {
    id: item.text("id"),
    name: item.text("name"),
    createdAt: item.textOrNull("created_at"),
    seenAt: item.textOrNull("seen_at"),
    endedAt: item.textOrNull("ended_at"),
  }
}
