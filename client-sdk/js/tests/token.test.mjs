import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { fetchToken } from "../dist/token.js"
import { openDevice, recordStatuses, SLOW_BACKOFF, untilState } from "./harness/device.mjs"
import { closeWith, ScriptedServer, welcomeAll } from "./harness/scripted_server.mjs"

/** Notes why it was asked for tokens, and gives these in turn, the last one for ever; functions are called. */
function tokens(...given) {
  const reasons = []
  const getToken = async ({ reason }) => {
    reasons.push(reason)
    const token = given.length > 1 ? given.shift() : given[0]
    return typeof token === "function" ? token() : token
  }
  return { reasons, getToken }
}

const throwing = () => {
  throw new Error("the sign-in service is away")
}

describe("the token", () => {
  test("that is not there means signed out, whether it is null or nothing at all", async t => {
    for (const nothing of [null, undefined]) {
      const server = await ScriptedServer.start(t, welcomeAll)
      const device = await openDevice(t, { url: server.url, getToken: async () => nothing })
      assert.deepEqual(await untilState(device, "unauthorized"), { kind: "unauthorized", reason: "signed out" })
      assert.equal(server.connections.length, 0)
    }
  })

  test("is asked for afresh before every connection, and travels in the join", async t => {
    const server = await ScriptedServer.start(t, closeWith(4503))
    const { reasons, getToken } = tokens("first", "second")
    const device = await openDevice(t, { url: server.url, getToken })
    await untilState(device, "connected")
    assert.deepEqual(reasons, ["initial", "retry"])
    assert.deepEqual(server.connections.map(({ join }) => join.peerMetadata.token), ["first", "second"])
  })

  test("is refreshed exactly once at 4401, then the device is unauthorized and stops", async t => {
    const server = await ScriptedServer.start(t, closeWith(4401, 4401, 4401))
    const { reasons, getToken } = tokens("old")
    // The refresh is immediate: with this backoff it would not come otherwise.
    const device = await openDevice(t, { url: server.url, getToken, backoff: SLOW_BACKOFF })
    const state = await untilState(device, "unauthorized")
    assert.deepEqual(state, { kind: "unauthorized", reason: "closed with 4401" })
    assert.deepEqual(reasons, ["initial", "expired"])
    assert.equal(device.status.lastError.code, "unauthorized")
    device.networkChanged()
    assert.equal(device.status.state.kind, "unauthorized")
    assert.equal(server.connections.length, 2)
  })

  test("that was refreshed in time lets the device in", async t => {
    const server = await ScriptedServer.start(t, closeWith(4401))
    const { reasons, getToken } = tokens("old", "new")
    const device = await openDevice(t, { url: server.url, getToken })
    await untilState(device, "connected")
    assert.deepEqual(reasons, ["initial", "expired"])
    assert.equal((await server.connection(2)).join.peerMetadata.token, "new")
  })

  test("null means signed out", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url, ...tokens(null) })
    await untilState(device, "unauthorized")
    assert.equal(server.connections.length, 0)
  })

  test("after signing in again, connect asks as at first", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const { reasons, getToken } = tokens(null, "mine")
    const device = await openDevice(t, { url: server.url, getToken })
    await untilState(device, "unauthorized")
    device.connect()
    await untilState(device, "connected")
    assert.deepEqual(reasons, ["initial", "initial"])
  })

  test("that cannot be had now is asked for again later", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const { reasons, getToken } = tokens(throwing, throwing, "there")
    const device = await openDevice(t, { url: server.url, getToken })
    const statuses = recordStatuses(device)
    await untilState(device, "connected")
    assert.deepEqual(reasons, ["initial", "retry", "retry"])
    assert.ok(statuses.some(({ lastError }) => lastError?.message === "the sign-in service is away"))
  })

  test("that does not come in time counts as one that cannot be had now", async () => {
    const never = () => new Promise(() => {})
    await assert.rejects(fetchToken(never, "initial", 10), /no token came in time/)
  })

  test("without anybody to ask, 4401 stops at once", async t => {
    const server = await ScriptedServer.start(t, closeWith(4401))
    const device = await openDevice(t, { url: server.url })
    await untilState(device, "unauthorized")
    assert.equal(server.connections.length, 1)
  })
})
