// Accounts of a server that keeps some, on devices with credentials in memory.

import { Account } from "@tiebreak/client"
import { Server } from "../../../../tests/interop/harness/server.mjs"

export const PASSWORD = "a long enough password"

/** Credentials that outlive the accounts that use them; a write waits for `saving`. */
export class MemoryCredentials {
  text = null
  saving = async () => {}

  async load() {
    return this.text
  }

  async save(text) {
    await this.saving(text)
    this.text = text
  }

  async erase() {
    this.text = null
  }

  get refreshToken() {
    return JSON.parse(this.text).refreshToken
  }

  copy() {
    const copy = new MemoryCredentials()
    copy.text = this.text
    return copy
  }
}

/** A `fetch` that notes what was asked, and can lose requests or their answers. */
export class Net {
  /** Every request that was sent, as `POST sessions/refresh`. */
  asked = []
  /** Decides by a request's name what happens to it: nothing, `no request` or `no answer`. */
  fault = () => undefined
  /** Answers in the server's place, if it gives a status and a problem. */
  answer = () => undefined
  /** How long an answer is on its way. */
  delay = async () => {}

  send = async (url, init) => {
    const name = `${init.method} ${url.pathname.replace("/v1/", "")}`
    this.asked.push(name)
    const fault = this.fault(name)
    if (fault === "no request") throw new TypeError("fetch failed")
    const answer = this.answer(name)
    const response = await (answer ? answering(...answer)() : fetch(url, init))
    await this.delay(name)
    if (fault === "no answer") throw new TypeError("terminated")
    return response
  }

  /** Can be replaced at any time. */
  fetch = (url, init) => this.send(url, init)

  count(name) {
    return this.asked.filter(asked => asked === name).length
  }
}

/** A `fetch` that answers everything alike. */
export function answering(status, body, headers = {}) {
  return async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers })
}

/** Gives this process the locks that a browser has between its tabs, until the test ends. */
export function shareLocks(t, request = takeTurns()) {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator")
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true })
  t.after(() => {
    if (before) Object.defineProperty(globalThis, "navigator", before)
    else delete globalThis.navigator
  })
}

function takeTurns() {
  const lasts = new Map()
  return (name, _options, work) => {
    const mine = (lasts.get(name) ?? Promise.resolve()).then(work)
    lasts.set(name, mine.catch(() => {}))
    return mine
  }
}

export class AccountServerUnderTest {
  static async start(t, flags = []) {
    const server = await Server.start(t, { flags: ["--auth", "accounts", ...flags] })
    return new AccountServerUnderTest(server)
  }

  constructor(server) {
    this.server = server
    this.url = server.url
    this.http = `http://127.0.0.1:${server.port}`
  }

  options({ credentials = new MemoryCredentials(), net = new Net(), ...more } = {}) {
    return { server: this.http, credentials, fetch: (...request) => net.fetch(...request), ...more }
  }

  signUp(username, options) {
    return Account.signUp({ ...this.options(options), username, password: PASSWORD, device: "phone" })
  }

  signIn(username, options) {
    return Account.signIn({ ...this.options(options), username, password: PASSWORD, device: "laptop" })
  }

  resume(options) {
    return Account.resume(this.options(options))
  }
}
