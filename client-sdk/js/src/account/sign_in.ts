import { hasCode, TiebreakError } from "../errors.js"
import type { AccountRequest, AccountServer } from "./account_server.js"
import type { Credentials } from "./credentials.js"
import { accessOf } from "./session.js"
import type { AccessToken } from "./session.js"

const KEY_BYTES = 16

interface NewAccount {
  readonly username: string
  readonly password: string
  readonly displayName?: string
}

interface SignIn {
  readonly username: string
  readonly password: string
  readonly device: string
}

/** A device that has just signed in. */
export interface SignedIn {
  readonly credentials: Credentials
  readonly access: AccessToken
}

/** Makes an account. If the answer is lost, the same request goes again, once: its key lets it have one effect. */
export async function register(server: AccountServer, { username, password, displayName }: NewAccount): Promise<void> {
  const request: AccountRequest = {
    method: "POST",
    path: "accounts",
    body: { username, password, display_name: displayName },
    idempotencyKey: randomKey(),
  }
  await server.request(request).catch(error => {
    if (!hasCode(error, "offline")) throw error
    return server.request(request)
  })
}

/** Makes this device one of the account's. */
export async function signIn(server: AccountServer, { username, password, device }: SignIn): Promise<SignedIn> {
  const body = { username, password, device: { name: device } }
  const answer = await server.request({ method: "POST", path: "sessions", body })
  const access = accessOf(answer)
  const credentials = {
    server: server.address,
    account: answer.text("account"),
    device: answer.text("device"),
    username: await shownName(server, access.text, username),
    refreshToken: answer.text("refresh_token"),
    deviceKey: answer.text("device_key"),
  }
  return { credentials, access }
}

/** Signs in with an account that was just made. */
export async function signInAsNew(server: AccountServer, options: SignIn): Promise<SignedIn> {
  try {
    return await signIn(server, options)
  } catch (cause) {
    if (!(cause instanceof TiebreakError)) throw cause
    const { code, message, retryAfterS } = cause
    const words = `the account is made, but this device could not sign in with it yet: ${message}`
    throw new TiebreakError(code, words, { cause, ...(retryAfterS !== undefined && { retryAfterS }) })
  }
}

/** The name as everybody sees it: `ann`, however it was typed. */
async function shownName(server: AccountServer, token: string, typed: string): Promise<string> {
  try {
    return (await server.request({ method: "GET", path: "account", token })).text("username")
  } catch (error) {
    if (!(error instanceof TiebreakError)) throw error
    // The device is signed in, and what was typed names the same account.
    return typed
  }
}

function randomKey(): string {
  // `randomUUID` is not there on pages of http:.
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("")
}
