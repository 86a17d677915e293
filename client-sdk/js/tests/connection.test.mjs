import { cbor, Repo } from "@automerge/automerge-repo"
import { TiebreakNetworkAdapter } from "@tiebreak/client"
import assert from "node:assert/strict"
import { describe, test } from "node:test"
import WebSocket from "ws"
import { afterwards } from "../../../tests/interop/harness/afterwards.mjs"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { never, until } from "../../../tests/interop/harness/until.mjs"
import { Connection } from "../dist/connection.js"
import {
  FAST_BACKOFF,
  NOWHERE,
  openDevice,
  recordStatuses,
  silent,
  SLOW_BACKOFF,
  statesOf,
  untilState,
} from "./harness/device.mjs"
import { answerAll, closeWith, ScriptedServer, welcomeAll } from "./harness/scripted_server.mjs"

describe("a connection that ends", () => {
  test("with a 44xx is not tried again", async t => {
    const server = await ScriptedServer.start(t, closeWith(4403))
    const device = await openDevice(t, { url: server.url })
    assert.deepEqual(await untilState(device, "rejected"), { kind: "rejected", code: 4403, reason: "closed with 4403" })
    device.networkChanged()
    assert.equal(device.status.state.kind, "rejected")
  })

  test("in any other way is tried again, at growing attempts", async t => {
    const server = await ScriptedServer.start(t, closeWith(4503, 1012, 4507, 1000))
    const device = await openDevice(t, { url: server.url })
    const statuses = recordStatuses(device)
    await untilState(device, "connected")
    assert.equal(server.connections.length, 5)
    const waits = statuses.map(({ state }) => state).filter(({ kind }) => kind === "waiting")
    assert.deepEqual(waits.map(({ attempt }) => attempt), [1, 2, 3, 4])
    const { minMs, maxMs } = FAST_BACKOFF
    for (const { attempt, retryInMs } of waits) assert.ok(retryInMs <= Math.min(maxMs, minMs * 2 ** (attempt - 1)))
  })

  test("while the first one was never made is the same", async t => {
    const device = await openDevice(t, { url: NOWHERE })
    const statuses = recordStatuses(device)
    await until("three tries are made", () => device.status.state.attempt >= 3)
    assert.deepEqual(statesOf(statuses).slice(0, 4), ["connecting", "waiting", "connecting", "waiting"])
    assert.equal(device.status.lastError.code, "connection")
  })

  test("is tried at once when the network changes", async t => {
    const server = await ScriptedServer.start(t, closeWith(4503))
    const device = await openDevice(t, { url: server.url, backoff: SLOW_BACKOFF })
    await untilState(device, "waiting")
    device.networkChanged()
    await untilState(device, "connected")
  })

  test("is tried at once when the browser is online again", async t => {
    const page = { window: new EventTarget(), document: new EventTarget() }
    Object.assign(globalThis, page)
    const server = await ScriptedServer.start(t, closeWith(4503))
    const device = await openDevice(t, { url: server.url, backoff: SLOW_BACKOFF })
    delete globalThis.window
    delete globalThis.document
    await untilState(device, "waiting")
    page.window.dispatchEvent(new Event("online"))
    await untilState(device, "connected")
  })

  test("because the server says nothing is given up in time", async t => {
    const server = await ScriptedServer.start(t, () => {})
    const peer = { peerId: "alone", peerMetadata: {}, token: undefined }
    const end = await new Promise(ended => {
      const timing = { heartbeatMs: 1_000, handshakeMsMax: 50 }
      new Connection({ webSocket: WebSocket, url: new URL(server.url), ...peer, ...timing, ended })
    })
    assert.deepEqual(end, { code: 1006, reason: "the server did not answer in time", livedMs: 0 })
  })

  test("with an error message shows what it says", async t => {
    const server = await ScriptedServer.start(t, (connection, { type }) => {
      if (type !== "join") return
      connection.send({ type: "error", message: "no common protocol version" })
      connection.close(4400)
    })
    const device = await openDevice(t, { url: server.url })
    assert.equal((await untilState(device, "rejected")).reason, "no common protocol version")
    assert.deepEqual(device.status.lastError, { code: "rejected", message: "no common protocol version" })
  })

  test("is never tried again after disconnect", async t => {
    const server = await ScriptedServer.start(t, closeWith(4503))
    const device = await openDevice(t, { url: server.url, backoff: { minMs: 30, maxMs: 30 } })
    const statuses = recordStatuses(device)
    device.on("status", ({ state }) => state.kind === "waiting" && device.disconnect())
    await untilState(device, "offline")
    // Another device's tries show that the time has passed in which this one would have come back.
    const other = await openDevice(t, { url: NOWHERE, backoff: { minMs: 30, maxMs: 30 } })
    await until("another device has tried ten times", () => other.status.state.attempt >= 10)
    assert.equal(server.connections.length, 1)
    assert.deepEqual(statesOf(statuses), ["connecting", "waiting", "offline"])
  })
})

describe("disconnect", () => {
  test("while a token is fetched makes no connection", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    let give
    const getToken = () => new Promise(resolve => (give = resolve))
    const device = await openDevice(t, { url: server.url, getToken })
    await until("the token is asked for", () => give)
    device.disconnect()
    give("late")
    device.connect()
    await until("the token is asked for again", () => device.status.state.kind === "connecting")
    give("in time")
    await untilState(device, "connected")
    assert.deepEqual(server.connections.map(({ join }) => join.peerMetadata.token), ["in time"])
  })

  test("in the middle closes the socket, and connect makes another", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url })
    await untilState(device, "connected")
    device.disconnect()
    assert.equal(device.status.state.kind, "offline")
    await until("the server sees it", () => !server.connections[0].isOpen)
    device.connect()
    await untilState(device, "connected")
  })
})

describe("a server that is there no more", () => {
  const heartbeatMs = 40

  test("is given up after two silent heartbeats, and another connection is made", async t => {
    const server = await ScriptedServer.start(t, answerAll)
    const device = await openDevice(t, { url: server.url, heartbeatMs })
    const statuses = recordStatuses(device)
    const first = await server.connection(1)
    await until("it has answered pings", () => first.extensionMessages.length >= 3)
    assert.deepEqual(statesOf(statuses).at(-1), "connected", "a server that answers is kept")
    server.answers = (connection, message) => connection !== first && answerAll(connection, message)
    await server.connection(2)
    await untilState(device, "connected")
    assert.deepEqual(statesOf(statuses), ["connecting", "connected", "waiting", "connecting", "connected"])
    await until("the first socket is closed", () => !first.isOpen)
  })

  test("is looked for when the network changes, before the heartbeat is due", async t => {
    const server = await ScriptedServer.start(t, answerAll)
    const device = await openDevice(t, { url: server.url })
    const connection = await server.connection(1)
    await until("the first ping has come", () => connection.extensionMessages.length === 1)
    device.networkChanged()
    await until("another ping comes", () => connection.extensionMessages.length === 2)
    assert.deepEqual(connection.extensionMessages.map(({ nonce }) => nonce), [1, 2])
  })

  test("is given up though it never answered a ping", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url, heartbeatMs })
    await server.connection(2)
    assert.equal(server.connections[0].extensionMessages.length, 2, "at the second beat")
    assert.ok(device.status.lastError === null || device.status.lastError.message === "the server has fallen silent")
  })

  test("is kept if it does not speak the extension", async t => {
    const server = await ScriptedServer.start(t, (connection, { type }) => {
      if (type === "join") connection.welcome({ storageId: "stock" })
    })
    const device = await openDevice(t, { url: server.url, heartbeatMs: 5 })
    await untilState(device, "connected")
    device.networkChanged()
    await never("another connection is made", () => server.connections.length > 1, 200)
  })
})

describe("extension messages", () => {
  test("are not sent to a server that did not announce them", async t => {
    const server = await ScriptedServer.start(t, (connection, { type }) => {
      if (type === "join") connection.welcome({ storageId: "stock" })
    })
    const device = await openDevice(t, { url: server.url, heartbeatMs: 10 })
    device.create({ title: "hello" })
    const connection = await server.connection(1)
    await until("automerge-repo has spoken", () => connection.received.some(({ type }) => type === "sync"))
    device.networkChanged()
    assert.deepEqual(connection.extensionMessages, [])
  })

  test("do not reach automerge-repo, known or unknown", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const adapter = new TiebreakNetworkAdapter({ url: server.url, webSocket: WebSocket, logger: silent })
    afterwards(t, () => adapter.close())
    const messages = []
    const frames = []
    adapter.on("message", message => messages.push(message.type))
    adapter.frames.subscribe(frame => frames.push(frame.kind))
    adapter.connect("alone", {})
    const connection = await server.connection(1)
    connection.send({ type: "x-tiebreak:durable", documentId: "doc", heads: [] })
    connection.send({ type: "x-tiebreak:from-the-future", size: 2n ** 60n })
    connection.send({ type: "x-other:thing" })
    connection.send({ type: "doc-unavailable", documentId: "doc" })
    await until("the last one has come", () => messages.length > 0)
    assert.deepEqual(messages, ["doc-unavailable"])
    assert.deepEqual(frames, ["durable", "unknown", "unknown", "repo"])
  })
})

describe("the adapter", () => {
  test("serves a stock repo, which waits for it before it looks for a document", async t => {
    const server = await Server.start(t)
    const repos = [1, 2].map(() => {
      const adapter = new TiebreakNetworkAdapter({ url: server.url, webSocket: WebSocket, logger: silent })
      afterwards(t, () => adapter.close())
      return () => new Repo({ network: [adapter] })
    })
    const anns = repos[0]().create({ title: "hello" })
    await until("the server has it", async () => {
      return (await fetch(`http://127.0.0.1:${server.port}/v1/documents/${anns.documentId}`)).ok
    })
    assert.equal((await repos[1]().find(anns.url)).doc().title, "hello")
  })

  test("passes over what is sent while it is not connected", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const adapter = new TiebreakNetworkAdapter({ url: server.url, webSocket: WebSocket, backoff: FAST_BACKOFF })
    afterwards(t, () => adapter.close())
    const ephemeral = { type: "ephemeral", senderId: "alone", targetId: "scripted-server", data: new Uint8Array(1) }
    adapter.send(ephemeral)
    adapter.connect("alone", {})
    await Promise.resolve()
    adapter.send(ephemeral)
    const connection = await server.connection(1)
    await until("it is connected", () => adapter.state.kind === "connected")
    adapter.send({ ...ephemeral, documentId: "the one that is sent" })
    await until("it arrives", () => connection.received.some(({ type }) => type === "ephemeral"))
    const sent = connection.received.filter(({ type }) => type === "ephemeral")
    assert.deepEqual(sent.map(({ documentId }) => documentId), ["the one that is sent"])
  })

  test("closes a connection on which it cannot read", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url })
    const statuses = recordStatuses(device)
    await untilState(device, "connected")
    for (const [number, bytes] of [[1, "text"], [2, cbor.encode([1])], [3, new Uint8Array([0xff])]]) {
      const connection = await server.connection(number)
      connection.sendBytes(bytes)
      await server.connection(number + 1)
    }
    await untilState(device, "connected")
    assert.ok(statuses.some(({ lastError }) => lastError?.message.startsWith("unreadable:")))
  })

  for (const [host, isHere] of [
    ["localhost:8080", true],
    ["127.0.0.1", true],
    ["127.8.8.8", true],
    ["[::1]:8080", true],
    ["sync.example", false],
    ["192.168.1.2:8080", false],
    ["127.0.0.1.example", false],
    ["localhost.example", false],
  ]) {
    test(`${isHere ? "takes" : "refuses"} a token for ws://${host}`, async () => {
      const getToken = async () => "secret"
      const make = options => () => new TiebreakNetworkAdapter({ webSocket: WebSocket, getToken, ...options }).close()
      const url = `ws://${host}/automerge`
      if (isHere) make({ url })()
      else assert.throws(make({ url }), { code: "exposed_token", message: /wss:/ })
      make({ url, allowExposedToken: true })()
      make({ url, getToken: undefined })()
      make({ url: `wss://${host}/automerge` })()
    })
  }

  test("takes no URL but a WebSocket's", () => {
    for (const url of ["http://localhost/automerge", "nonsense"]) {
      assert.throws(() => new TiebreakNetworkAdapter({ url, webSocket: WebSocket }), { code: "invalid_url" })
    }
  })
})
