// Accounts of a server that keeps some, on devices with credentials in memory.

import { Account } from "@tiebreak/client"
import { Server } from "../../../../tests/interop/harness/server.mjs"
import { until } from "../../../../tests/interop/harness/until.mjs"

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

  fetch = async (url, init) => {
    const name = `${init.method} ${url.pathname.replace("/v1/", "")}`
    this.asked.push(name)
    const fault = this.fault(name)
    if (fault === "no request") throw new TypeError("fetch failed")
    const response = await fetch(url, init)
    if (fault === "no answer") throw new TypeError("terminated")
    return response
  }

  count(name) {
    return this.asked.filter(asked => asked === name).length
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
    return { server: this.http, credentials, fetch: net.fetch, ...more }
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

/** Waits until `find` has the document. */
export function untilFound(device, url) {
  return until("the document is found", () => device.find(url))
}
