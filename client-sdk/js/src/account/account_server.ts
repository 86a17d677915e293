import { within } from "../deadline.js"
import { messageOf, TiebreakError } from "../errors.js"
import { isExposed, parseHttpUrl } from "../server_url.js"
import { errorOf } from "./problem.js"

/** How long the server may take for one answer. */
const ANSWER_MS_MAX = 15_000

export interface AccountRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** Below `/v1/`. */
  readonly path: string
  readonly body?: unknown
  readonly token?: string
  readonly idempotencyKey?: string
  /** The entity tag that what is changed must still have. */
  readonly ifMatch?: string
}

export interface AccountServerOptions {
  readonly server: string
  /**
   * Lets passwords and tokens travel over `http://` to other machines, where everybody on the way can read them: for a
   * server on the developer's own network.
   */
  readonly allowExposedToken?: boolean
  /** Another `fetch` than the platform's. */
  readonly fetch?: typeof globalThis.fetch
}

/** The HTTP interface of a server: every request ends, and fails with a code that a person can act on. */
export class AccountServer {
  /** Written one way, however it was spelled. */
  readonly address: string
  readonly #fetch: typeof globalThis.fetch

  constructor({ server, allowExposedToken, fetch: given = globalThis.fetch }: AccountServerOptions) {
    const url = parseHttpUrl(server)
    if (!allowExposedToken && isExposed(url)) {
      throw new TiebreakError(
        "exposed_token",
        `a password for ${url.host} could be read on the way: use https://, or allowExposedToken where that is meant`,
      )
    }
    this.address = url.href
    // Browsers' fetch does not work as somebody's method.
    this.#fetch = (...request) => given(...request)
  }

  /** The fields of the answer; none if it has no content. */
  async request(request: AccountRequest): Promise<Answer> {
    const late = () => new TiebreakError("offline", `the server did not answer within ${ANSWER_MS_MAX} ms`)
    const response = await within(ANSWER_MS_MAX, signal => this.#send(request, signal), late).catch(cause => {
      throw cause instanceof TiebreakError
        ? cause
        : new TiebreakError("offline", `no answer from ${this.address}: ${messageOf(cause)}`, { cause })
    })
    const { status, retryAfter, content } = response
    if (status < 200 || status > 299) throw errorOf(status, content, retryAfter)
    return new Answer(content)
  }

  async #send({ method, path, body, token, idempotencyKey, ifMatch }: AccountRequest, signal: AbortSignal) {
    const response = await this.#fetch(new URL(`v1/${path}`, this.address), {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
        ...(ifMatch !== undefined && { "if-match": ifMatch }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal,
      cache: "no-store",
      credentials: "omit",
      // What follows a redirect may be another machine, or another scheme.
      redirect: "error",
    })
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      content: parsed(await response.text()),
    }
  }
}

/** A JSON object of which each field is looked at before it is used. */
export class Answer {
  readonly #fields: Record<string, unknown>

  constructor(content: unknown) {
    this.#fields = Object(content)
  }

  text(name: string): string {
    const value = this.#fields[name]
    if (typeof value === "string") return value
    throw strange(name)
  }

  textOrNull(name: string): string | null {
    return this.#fields[name] == null ? null : this.text(name)
  }

  number(name: string): number {
    const value = this.#fields[name]
    if (typeof value === "number") return value
    throw strange(name)
  }

  /** Whether it says so; what it leaves out is not so. */
  flag(name: string): boolean {
    return this.#fields[name] === true
  }

  /** Whatever it is; null where it is left out. */
  value(name: string): unknown {
    return this.#fields[name] ?? null
  }

  list(name: string): unknown[] {
    const value = this.#fields[name]
    if (Array.isArray(value)) return value
    throw strange(name)
  }

  items(name = "items"): Answer[] {
    return this.list(name).map(item => new Answer(item))
  }

  answerOrNull(name: string): Answer | null {
    return this.#fields[name] == null ? null : new Answer(this.#fields[name])
  }
}

/** As a page between here and the server gives, that wants somebody to agree to something first. */
function strange(name: string): TiebreakError {
  return new TiebreakError("server", `the answer is not a Tiebreak server's: it has no ${name}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
