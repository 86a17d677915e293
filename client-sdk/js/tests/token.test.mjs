import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { until } from "../../../tests/interop/harness/until.mjs"
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

describe("a token that runs out", () => {
  const WANTED = { type: "x-tiebreak:token-wanted", leftMs: 60_000 }
  const tokensOf = ({ received }) => received.filter(({ type }) => type === "x-tiebreak:token")

  /** A connected device, and its connection as the server sees it. */
  async function connected(t, ...given) {
    const server = await ScriptedServer.start(t, welcomeAll)
    const { reasons, getToken } = tokens(...given)
    const device = await openDevice(t, { url: server.url, getToken })
    await untilState(device, "connected")
    return { server, device, reasons, connection: await server.connection(1) }
  }

  test("is renewed on the same connection when the server wants it", async t => {
    const { server, device, reasons, connection } = await connected(t, "old", "new")
    connection.send(WANTED)
    const [message] = await until("the token has come", () => tokensOf(connection).length > 0 && tokensOf(connection))
    const { senderId } = connection.join
    assert.deepEqual(message, { type: "x-tiebreak:token", senderId, targetId: "scripted-server", token: "new" })
    assert.deepEqual(reasons, ["initial", "expired"])
    assert.equal(server.connections.length, 1)
    assert.equal(device.status.state.kind, "connected")
  })

  test("is asked for once, however often the server wants it meanwhile", async t => {
    let giveToken
    const { device, reasons, connection } = await connected(t, "old", () => new Promise(give => (giveToken = give)))
    for (let time = 1; time <= 3; time++) connection.send(WANTED)
    await untilHeard(device, connection)
    giveToken("new")
    await until("the token has come", () => tokensOf(connection).length > 0)
    assert.deepEqual(reasons, ["initial", "expired"])
  })

  for (const [kind, answer] of [["cannot be had", throwing], ["is null", null]]) {
    test(`and ${kind} is no error until the server closes`, async t => {
      const { server, device, reasons, connection } = await connected(t, "old", answer, "new")
      const statuses = recordStatuses(device)
      connection.send(WANTED)
      await until("it was asked for", () => reasons.length === 2)
      await untilHeard(device, connection)
      assert.deepEqual(tokensOf(connection), [])
      assert.ok(statuses.every(({ lastError }) => lastError === null || lastError.code === "marker"))
      assert.equal(device.status.state.kind, "connected")

      connection.close(4401, "token_expired")
      assert.equal((await server.connection(2)).join.peerMetadata.token, "new")
      assert.deepEqual(reasons, ["initial", "expired", "expired"])
    })
  }

  test("is not sent on a connection that came later", async t => {
    let giveToken
    const { server, device, connection } = await connected(t, "old", () => new Promise(give => (giveToken = give)), "newer")
    connection.send(WANTED)
    await until("it was asked for", () => giveToken)
    connection.close(1012)
    const second = await server.connection(2)
    giveToken("late")
    await untilHeard(device, second)
    assert.deepEqual([...tokensOf(connection), ...tokensOf(second)], [])
  })

  /** The device has dealt with all that came to it before. */
  async function untilHeard(device, connection) {
    const isHeard = new Promise(heard => device.on("refused", heard))
    connection.send({ type: "x-tiebreak:refused", documentId: "marker", code: "marker", detail: "marker" })
    await isHeard
    const pings = () => connection.extensionMessages.length
    const before = pings()
    device.networkChanged()
    await until("what it sent before is here", () => pings() > before)
  }
})

describe("what the server decides about accounts", () => {
  for (const reason of ["token_expired", "signed_out", "unauthorized"]) {
    test(`closes with 4401 ${reason}: one fresh token, then unauthorized with that reason`, async t => {
      const server = await ScriptedServer.start(t, (connection, { type }) => type === "join" && connection.close(4401, reason))
      const { reasons, getToken } = tokens("mine")
      const device = await openDevice(t, { url: server.url, getToken })
      assert.deepEqual(await untilState(device, "unauthorized"), { kind: "unauthorized", reason })
      assert.deepEqual(reasons, ["initial", "expired"])
      await assert.rejects(device.syncOnce({ timeoutMs: 10_000 }), { code: "unauthorized", message: reason })
    })
  }

  for (const code of ["access_denied", "read_only", "actor_taken"]) {
    test(`refuses with ${code}: told, pending, and nobody waits for it`, async t => {
      const server = await ScriptedServer.start(t, (connection, message) => {
        welcomeAll(connection, message)
        if (message.type !== "sync") return
        connection.send({ type: "x-tiebreak:durable", documentId: message.documentId, heads: [] })
        connection.send({ type: "x-tiebreak:refused", documentId: message.documentId, code, detail: "not yours" })
      })
      const device = await openDevice(t, { url: server.url, autoConnect: false })
      const refusals = []
      device.on("refused", refused => refusals.push(refused))
      const { documentId } = device.create({ title: "mine" })
      device.connect()
      await assert.rejects(device.waitForUpload({ timeoutMs: 10_000 }), { code: "refused", message: "not yours" })
      assert.deepEqual(refusals[0], { documentId, code, detail: "not yours" })
      assert.equal(device.pendingOf(documentId), 1)
      assert.equal(device.status.state.kind, "connected")
    })
  }
})
