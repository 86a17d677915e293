import type { DocumentId } from "@automerge/automerge-repo/slim"
import { AccountServer } from "../account/account_server.js"
import type { AccountRequest, Answer } from "../account/account_server.js"
import { hasCode, TiebreakError } from "../errors.js"
import { fetchToken } from "../token.js"
import type { GetToken, TokenReason } from "../token.js"
import { conflictOf } from "./conflict.js"
import type { Conflict, Resolution } from "./conflict.js"

/** Of a document with more conflicts than these pages hold, the first ones are shown until some are settled. */
const PAGES_MAX = 10
const TOKEN_MS_MAX = 30_000

export interface ConflictServerOptions {
  /** `https://host/` */
  readonly server: string
  readonly getToken?: GetToken | undefined
  readonly fetch?: typeof globalThis.fetch
}

/** What the server says of conflicts, over HTTP. */
export class ConflictServer {
  readonly #server: AccountServer
  readonly #getToken: GetToken | undefined
  /** Kept until the server does not take it any more: an app may have to ask somebody for each one. */
  #token: string | undefined

  constructor({ server, getToken, fetch }: ConflictServerOptions) {
    // Whether a token may travel in the open was decided for the WebSocket, which goes the same way.
    this.#server = new AccountServer({ server, allowExposedToken: true, ...(fetch && { fetch }) })
    this.#getToken = getToken
  }

  /** What is open in a document, the last opened first. */
  async openOf(document: DocumentId): Promise<Conflict[]> {
    const found: Conflict[] = []
    let after: string | null = null
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const query = new URLSearchParams({ document, state: "open", ...(after !== null && { after }) })
      const answer: Answer = await this.#request({ method: "GET", path: `conflicts?${query}` })
      found.push(...answer.items().map(conflictOf))
      after = answer.textOrNull("next")
      if (after === null) break
    }
    return found
  }

  /** Settles it there, if it still is as it was read. */
  async resolve({ id, version }: Conflict, resolution: Resolution): Promise<void> {
    const path = `conflicts/${encodeURIComponent(id)}/resolution`
    await this.#request({ method: "POST", path, body: resolution, ifMatch: `"${version}"` })
  }

  /** Asks with the token at hand, once more with a fresh one if that is not taken. */
  async #request(request: AccountRequest): Promise<Answer> {
    if (!this.#getToken) return this.#server.request(request)
    const token = this.#token ?? (await this.#freshToken("initial"))
    try {
      return await this.#server.request({ ...request, token })
    } catch (error) {
      if (!hasCode(error, "signed_out")) throw error
    }
    return this.#server.request({ ...request, token: await this.#freshToken("expired") })
  }

  async #freshToken(reason: TokenReason): Promise<string> {
    this.#token = undefined
    const token = await fetchToken(this.#getToken, reason, TOKEN_MS_MAX)
    if (typeof token !== "string") throw new TiebreakError("signed_out", "nobody is signed in")
    return (this.#token = token)
  }
}
