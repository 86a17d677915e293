// The TypeScript client's accounts in tabs of a real browser: its IndexedDB and its locks.

import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { Server } from "../../interop/harness/server.mjs"
import { openBrowser } from "../harness/browser.mjs"

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../client-sdk/js/dist")
const PASSWORD = "a long enough password"

/** A tab with an empty page of the server's origin, which has the client's own files under /dist/. */
async function openTab(context, origin) {
  assert.ok(fs.existsSync(dist), `${dist} is missing: npm --prefix client-sdk/js run build`)
  await context.route(`${origin}/dist/**`, route => {
    const { pathname } = new URL(route.request().url())
    if (pathname === "/dist/") return route.fulfill({ contentType: "text/html", body: "<!doctype html><title>tab</title>" })
    return route.fulfill({ contentType: "text/javascript", body: fs.readFileSync(path.join(dist, pathname.slice(6))) })
  })
  const tab = await context.newPage()
  await tab.goto(`${origin}/dist/`)
  return tab
}

/** What is kept under a name, as another tab or the next page finds it. */
const stored = (tab, name) =>
  tab.evaluate(async name => {
    const { browserCredentials } = await import("/dist/account/browser_credentials.js")
    return browserCredentials(name).load()
  }, name)

test("credentials are kept by name, for all tabs, and can be erased", async t => {
  const { port } = await Server.start(t)
  const context = (await openBrowser(t)).context()
  const tab = await openTab(context, `http://127.0.0.1:${port}`)
  const other = await openTab(context, `http://127.0.0.1:${port}`)
  assert.equal(await stored(tab, "ann"), null)
  await tab.evaluate(async () => {
    const { browserCredentials } = await import("/dist/account/browser_credentials.js")
    await browserCredentials("ann").save("first")
    await browserCredentials("ann").save("second")
    await browserCredentials("bob").save("bob's")
  })
  await tab.reload()
  for (const page of [tab, other]) assert.deepEqual([await stored(page, "ann"), await stored(page, "bob")], ["second", "bob's"])
  await other.evaluate(async () => {
    const { browserCredentials } = await import("/dist/account/browser_credentials.js")
    await browserCredentials("ann").erase()
  })
  assert.deepEqual([await stored(tab, "ann"), await stored(tab, "bob")], [null, "bob's"])
})

test("tabs that refresh one session at the same time take turns, and none loses it", async t => {
  const { port } = await Server.start(t, { flags: ["--auth", "accounts"] })
  const origin = `http://127.0.0.1:${port}`
  const context = (await openBrowser(t)).context()
  const tabs = await Promise.all([1, 2, 3].map(() => openTab(context, origin)))
  let signIns = 0
  context.on("request", request => (signIns += request.url().endsWith("/v1/sessions") ? 1 : 0))
  await tabs[0].evaluate(signUp, { origin, password: PASSWORD })
  const kinds = await Promise.all(tabs.map(tab => tab.evaluate(refreshOften, { origin, times: 5 })))
  assert.deepEqual(kinds.flat(), Array(15).fill("string"))
  assert.equal(signIns, 1, "nobody had to sign in again")
})

async function signUp({ origin, password }) {
  const [{ AccountServer }, { browserCredentials }, { StoredCredentials }, { register, signIn }] = await Promise.all(
    ["account_server", "browser_credentials", "credentials", "sign_in"].map(name => import(`/dist/account/${name}.js`)),
  )
  const server = new AccountServer({ server: origin })
  const ann = { username: "ann", password, device: "browser" }
  await register(server, ann)
  const { credentials } = await signIn(server, ann)
  await new StoredCredentials(browserCredentials("app")).save(credentials)
}

async function refreshOften({ origin, times }) {
  const [{ AccountServer }, { browserCredentials }, { StoredCredentials }, { Session }] = await Promise.all(
    ["account_server", "browser_credentials", "credentials", "session"].map(name => import(`/dist/account/${name}.js`)),
  )
  const server = new AccountServer({ server: origin })
  const store = new StoredCredentials(browserCredentials("app"))
  const session = new Session(server, store, await store.load(server.address))
  const kinds = []
  for (let time = 1; time <= times; time++) kinds.push(typeof (await session.freshToken()))
  return kinds
}
