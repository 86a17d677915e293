import { hasCode, TiebreakError } from "../errors.js"
import { AccountServer } from "./account_server.js"
import type { AccountRequest, Answer } from "./account_server.js"
import type { Credentials, StoredCredentials } from "./credentials.js"
import { alone } from "./lock.js"

/** An access token this close to its end is not handed out: it has to get there, and clocks differ. */
const MARGIN_MS = 60_000

export interface AccessToken {
  readonly text: string
  readonly endsAtMs: number
}

/** A device that is signed in: keeps it so, and asks the server in its name. */
export class Session {
  readonly #server: AccountServer
  readonly #store: StoredCredentials
  readonly #lock: string
  readonly #account: string
  readonly #device: string
  #access: AccessToken | undefined
  /** The refresh that goes on; whoever wants a token meanwhile waits for it. */
  #refreshing: Promise<string | null> | undefined
  #saving: Promise<void> | undefined
  #isEnded = false

  /** `access` is there if this device has just signed in. */
  constructor(server: AccountServer, store: StoredCredentials, credentials: Credentials, access?: AccessToken) {
    this.#server = server
    this.#store = store
    this.#access = access
    this.#account = credentials.account
    this.#device = credentials.device
    this.#lock = `tiebreak ${server.address} ${credentials.device}`
  }

  /** A token that holds; `null` if the session is over. */
  async token(): Promise<string | null> {
    const access = this.#access
    // Not the time since the page began, which stands still while a device sleeps. A clock that was set back costs a
    // request more: the server does not take the token, and another one is asked for.
    if (access && Date.now() < access.endsAtMs - MARGIN_MS && !this.#refreshing) return access.text
    return this.freshToken()
  }

  /** One that was just made. */
  freshToken(): Promise<string | null> {
    this.#refreshing ??= alone(this.#lock, () => this.#refresh()).finally(() => (this.#refreshing = undefined))
    return this.#refreshing
  }

  /** Asks in this device's name; once more with a fresh token if the one it had is not taken. */
  async request(request: AccountRequest): Promise<Answer> {
    const token = await this.token()
    if (token === null) throw signedOut()
    try {
      return await this.#server.request({ ...request, token })
    } catch (error) {
      if (!hasCode(error, "signed_out")) throw error
    }
    const isOld = this.#access === undefined || this.#access.text === token
    const fresh = await (isOld ? this.freshToken() : this.token())
    if (fresh === null) throw signedOut()
    return this.#server.request({ ...request, token: fresh })
  }

  /** Erases the credentials; no refresh that goes on brings them back. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#access = undefined
    // Whatever becomes of it.
    await this.#saving?.catch(() => {})
    // Another tab may have signed in anew: those are not this session's.
    if (await this.#stored()) await this.#store.erase()
  }

  async #refresh(): Promise<string | null> {
    // Another tab may have refreshed, or signed out.
    const credentials = await this.#stored()
    if (!credentials) return null
    const answer = (await this.#rotate(credentials)) ?? (await this.#signInAgain(credentials))
    if (!answer) return null
    const access = accessOf(answer)
    const refreshToken = answer.text("refresh_token")
    // Somebody may have signed out meanwhile: what is erased stays so.
    const isStillThere = (await this.#stored()) !== null
    if (this.#isEnded || !isStillThere) return null
    // Before anybody has the access token: the refresh token is stored for whatever comes after it.
    await (this.#saving = this.#store.save({ ...credentials, refreshToken }))
    if (this.#isEnded) return null
    this.#access = access
    return access.text
  }

  /** What the store has of this device. */
  async #stored(): Promise<Credentials | null> {
    const credentials = await this.#store.load(this.#server.address)
    const isOurs = credentials?.account === this.#account && credentials.device === this.#device
    return isOurs ? credentials : null
  }

  async #rotate({ refreshToken }: Credentials): Promise<Answer | undefined> {
    const body = { refresh_token: refreshToken }
    return unlessOver(this.#server.request({ method: "POST", path: "sessions/refresh", body }))
  }

  /** The device may still be welcome: it was away for months, or the server was restored from a backup. */
  async #signInAgain({ deviceKey }: Credentials): Promise<Answer | undefined> {
    return unlessOver(this.#server.request({ method: "POST", path: "sessions", body: { device_key: deviceKey } }))
  }
}

export function accessOf(answer: Answer): AccessToken {
  return { text: answer.text("access_token"), endsAtMs: Date.now() + answer.number("expires_in") * 1000 }
}

async function unlessOver(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (hasCode(error, "signed_out", "wrong_credentials")) return undefined
    throw error
  }
}

function signedOut(): TiebreakError {
  return new TiebreakError("signed_out", "this device's session is over: sign in again")
}
