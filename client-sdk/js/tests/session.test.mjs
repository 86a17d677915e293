import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { until } from "../../../tests/interop/harness/until.mjs"
import { AccountServerUnderTest, MemoryCredentials, Net, shareLocks } from "./harness/account.mjs"
import { openDevice, untilState } from "./harness/device.mjs"

const REFRESH = "POST sessions/refresh"
const SIGN_IN = "POST sessions"
const ACCESS_MS = 15 * 60 * 1000

/** A device of `ann` that was just started: what it asks, and with what it is signed in. */
async function started(t) {
  const server = await AccountServerUnderTest.start(t)
  const credentials = new MemoryCredentials()
  await server.signUp("ann", { credentials })
  const net = new Net()
  return { server, credentials, net, account: await server.resume({ credentials, net }) }
}

/** Numbers from 0 to below 1, the same ones for the same seed: a linear congruential generator. */
function chances(seed) {
  return () => (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32
}

const token = (account, reason = "retry") => account.getToken({ reason })

describe("a session", () => {
  test("begins with the token of the sign-in", async t => {
    const server = await AccountServerUnderTest.start(t)
    const net = new Net()
    const account = await server.signUp("ann", { net })
    assert.equal(typeof (await token(account, "initial")), "string")
    assert.equal(net.count(REFRESH), 0)
  })

  test("refreshes once for all who ask at the same time", async t => {
    const { account, net } = await started(t)
    const tokens = await Promise.all([token(account), token(account, "expired"), token(account), account.devices()])
    assert.equal(new Set(tokens.slice(0, 3)).size, 1)
    assert.equal(net.count(REFRESH), 1)
  })

  test("uses a token until shortly before its end", async t => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() })
    const { account, net } = await started(t)
    const first = await token(account)
    t.mock.timers.setTime(Date.now() + ACCESS_MS / 2)
    assert.equal(await token(account), first)
    t.mock.timers.setTime(Date.now() + ACCESS_MS / 2 - 1000)
    await token(account)
    assert.equal(net.count(REFRESH), 2)
  })

  test("refreshes for whoever says that the token is not taken", async t => {
    const { account, net } = await started(t)
    await token(account, "initial")
    await token(account, "expired")
    assert.equal(net.count(REFRESH), 2)
  })

  test("outlives a lost answer", async t => {
    const { account, net, credentials } = await started(t)
    const before = credentials.refreshToken
    net.fault = () => "no answer"
    await assert.rejects(token(account), { code: "offline" })
    assert.equal(credentials.refreshToken, before)
    net.fault = () => undefined
    for (let time = 1; time <= 3; time++) assert.equal(typeof (await token(account, "expired")), "string")
  })

  test("stores the refresh token before anybody has the access token", async t => {
    const { account, credentials } = await started(t)
    const before = credentials.refreshToken
    credentials.saving = async () => {
      throw new Error("the disk is full")
    }
    await assert.rejects(token(account), { code: "storage", message: "the disk is full" })
    assert.equal(credentials.refreshToken, before)
    credentials.saving = async () => {}
    await token(account)
    assert.notEqual(credentials.refreshToken, before)
  })

  test("that was lost begins anew with the device's key", async t => {
    const { account, credentials, net } = await started(t)
    credentials.text = credentials.text.replace(credentials.refreshToken, "tbr_of_another_time")
    assert.equal(typeof (await token(account)), "string")
    assert.deepEqual(net.asked, [REFRESH, SIGN_IN])
    await token(account, "expired")
    assert.equal(net.count(SIGN_IN), 1)
  })

  test("ends where a thief has used it, and the device is told", async t => {
    const { server, account, credentials } = await started(t)
    const stolen = await server.resume({ credentials: credentials.copy() })
    await token(stolen, "expired")
    await token(stolen, "expired")
    const device = await openDevice(t, { url: server.url, account })
    assert.deepEqual(await untilState(device, "unauthorized"), { kind: "unauthorized", reason: "signed out" })
    assert.equal(await token(stolen, "expired"), null)
    await assert.rejects(account.devices(), { code: "signed_out" })
  })

  test("that is revoked elsewhere leaves the device unauthorized, and asking no more", async t => {
    const { server, account, net } = await started(t)
    const device = await openDevice(t, { url: server.url, account })
    await untilState(device, "connected")
    const laptop = await server.signIn("ann")
    await laptop.revokeDevice(account.deviceId)
    await untilState(device, "unauthorized")
    assert.deepEqual(net.asked, [REFRESH, REFRESH, SIGN_IN])
    device.networkChanged()
    assert.equal(device.status.state.kind, "unauthorized")
    assert.equal(net.asked.length, 3)
  })

  test("waits for a server that is away, and goes on", async t => {
    const { server, account } = await started(t)
    await server.server.stop()
    const device = await openDevice(t, { url: server.url, account })
    const state = await untilState(device, "waiting")
    assert.equal(state.kind, "waiting")
    await server.server.restart()
    await untilState(device, "connected")
  })

  test("gets a fresh token for a request whose token is not taken, once", async t => {
    const { account, net } = await started(t)
    await token(account)
    net.answer = name => name === "GET devices" && net.count(name) === 1 && [401, { code: "token_expired" }]
    assert.equal((await account.devices()).length, 1)
    assert.deepEqual(net.asked, [REFRESH, "GET devices", REFRESH, "GET devices"])
    net.answer = name => name === "GET devices" && [401, { code: "token_expired", detail: "it is over" }]
    await assert.rejects(account.devices(), { code: "signed_out" })
    assert.equal(net.count("GET devices"), 4)
  })
})

describe("two tabs on the same credentials", () => {
  /** The account of `ann` in each tab, and what both ask. */
  async function twoTabs(t) {
    const { server, credentials, net, account } = await started(t)
    return { server, credentials, net, tabs: [account, await server.resume({ credentials, net })] }
  }

  test("take turns, and neither signs the other out", async t => {
    shareLocks(t)
    const { net, tabs } = await twoTabs(t)
    for (let round = 1; round <= 5; round++) {
      const tokens = await Promise.all(tabs.map(tab => token(tab, "expired")))
      assert.deepEqual(tokens.map(text => typeof text), ["string", "string"])
    }
    assert.equal(net.count(REFRESH), 10)
    assert.equal(net.count(SIGN_IN), 0, "no session was lost")
  })

  test("stay signed in however many requests, answers and writes are lost", async t => {
    shareLocks(t)
    const { credentials, net, tabs } = await twoTabs(t)
    const chance = chances(20)
    const outcomes = new Set()
    net.fault = () => (chance() < 0.25 ? "no request" : chance() < 0.35 ? "no answer" : undefined)
    credentials.saving = async () => {
      if (chance() < 0.25) throw new Error("the disk is full")
    }
    for (let round = 1; round <= 50; round++) {
      const tries = tabs.map(tab => token(tab, "expired").then(text => typeof text, error => error.code))
      for (const outcome of await Promise.all(tries)) outcomes.add(outcome)
    }
    assert.deepEqual(outcomes, new Set(["string", "offline", "storage"]))
    assert.equal(net.count(SIGN_IN), 0, "no session was lost")
  })

  test("do not wait for ever for one that has come to a standstill", async t => {
    const { tabs, net } = await twoTabs(t)
    shareLocks(t, (_name, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    })
    t.mock.timers.enable({ apis: ["setTimeout"] })
    const waiting = token(tabs[0])
    t.mock.timers.tick(60_000)
    await assert.rejects(waiting, { code: "busy" })
    assert.deepEqual(net.asked, [])
  })

  test("stay signed in where there are no locks between tabs", async t => {
    const { tabs } = await twoTabs(t)
    for (let round = 1; round <= 5; round++) {
      const tokens = await Promise.all(tabs.map(tab => token(tab, "expired")))
      assert.deepEqual(tokens.map(text => typeof text), ["string", "string"])
    }
  })

  test("are both signed out when one is", async t => {
    const { net, tabs } = await twoTabs(t)
    await tabs[0].signOut()
    const asked = net.asked.length
    assert.equal(await token(tabs[1]), null)
    assert.equal(net.asked.length, asked)
  })

  test("stay signed out when one signs out while the other refreshes", async t => {
    const { credentials, net, tabs } = await twoTabs(t)
    await token(tabs[0])
    let answer
    net.delay = name => name === REFRESH && new Promise(resolve => (answer = resolve))
    const late = token(tabs[1])
    await until("the refresh is answered", () => answer)
    await tabs[0].signOut()
    answer()
    assert.equal(await late, null)
    assert.equal(credentials.text, null)
  })

  test("do not share the account of whoever signs in next", async t => {
    const { server, credentials, tabs } = await twoTabs(t)
    await tabs[0].signOut()
    const bob = await server.signUp("bob", { credentials })
    assert.equal(await token(tabs[1]), null)
    await tabs[1].signOut()
    assert.equal((await server.resume({ credentials })).id, bob.id)
  })
})
