import { within } from "../deadline.js"
import { failingAs, TiebreakError } from "../errors.js"

/** Keeps one text where only this person's apps can read it: a Keychain, IndexedDB, a file. */
export interface CredentialStore {
  /** What was saved last; `null` if nothing was, or it was erased. */
  load(): Promise<string | null>
  /** Resolves when a crash cannot undo it any more. */
  save(credentials: string): Promise<void>
  erase(): Promise<void>
}

/** With what a device stays signed in. */
export interface Credentials {
  readonly server: string
  readonly account: string
  readonly device: string
  readonly username: string
  readonly refreshToken: string
  /** Signs this device in again after its session was lost. */
  readonly deviceKey: string
}

/** How long a store may take for one call; then the call counts as failed. */
const STORE_MS_MAX = 30_000
const FORMAT = 1

/** The app's store, of which every call ends, and fails as `storage`. */
export class StoredCredentials {
  readonly #store: CredentialStore

  constructor(store: CredentialStore) {
    this.#store = store
  }

  /** `null` too for what another server gave, or what cannot be read: only signing in again helps there. */
  async load(server: string): Promise<Credentials | null> {
    const text = await bounded(() => this.#store.load())
    const credentials = typeof text === "string" ? parse(text) : null
    return credentials?.server === server ? credentials : null
  }

  save(credentials: Credentials): Promise<void> {
    return bounded(() => this.#store.save(JSON.stringify({ format: FORMAT, ...credentials })))
  }

  erase(): Promise<void> {
    return bounded(() => this.#store.erase())
  }
}

function bounded<T>(call: () => Promise<T>): Promise<T> {
  const late = () => new TiebreakError("storage", `the credentials' store did not answer within ${STORE_MS_MAX} ms`)
  return failingAs("storage", within(STORE_MS_MAX, async () => call(), late))
}

function parse(text: string): Credentials | null {
  let value: Record<string, unknown>
  try {
    value = Object(JSON.parse(text))
  } catch {
    return null
  }
  const { format, server, account, device, username, refreshToken, deviceKey } = value
  const texts = { server, account, device, username, refreshToken, deviceKey }
  const isWhole = format === FORMAT && Object.values(texts).every(field => typeof field === "string")
  return isWhole ? (texts as unknown as Credentials) : null
}
