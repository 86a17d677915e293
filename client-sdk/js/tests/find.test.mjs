import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { until } from "../../../tests/interop/harness/until.mjs"
import { MemoryStorage, NOWHERE, openDevice, SLOW_BACKOFF, untilState } from "./harness/device.mjs"
import { closeWith, ScriptedServer, welcomeAll } from "./harness/scripted_server.mjs"

const ELSEWHERE = "2akvofn6L1o4RMUEMQi7qzwRjKWZ"
const IN_TIME = { timeoutMs: 10_000 }

/** Starts a real server that has one document. */
async function serverWithDocument(t) {
  const server = await Server.start(t)
  const ann = await openDevice(t, { url: server.url })
  const { url } = ann.create({ title: "hello" })
  await ann.waitForUpload(IN_TIME)
  return { server, url }
}

/** Welcomes, and answers every request with these messages. */
const answerWith = (...messages) => (connection, message) => {
  welcomeAll(connection, message)
  if (message.type !== "request") return
  for (const answer of messages) connection.send({ documentId: message.documentId, ...answer })
}

describe("find", () => {
  for (const [kind, storage] of [["with a storage", () => new MemoryStorage()], ["without one", () => undefined]]) {
    test(`right after open waits for the first connection, ${kind}`, async t => {
      const { server, url } = await serverWithDocument(t)
      const bob = await openDevice(t, { url: server.url, storage: storage() })
      assert.notEqual(bob.status.state.kind, "connected")
      assert.equal((await bob.find(url)).doc().title, "hello")
    })
  }

  test("waits for a token that takes its time", async t => {
    const { server, url } = await serverWithDocument(t)
    let giveToken
    const bob = await openDevice(t, { url: server.url, getToken: () => new Promise(give => (giveToken = give)) })
    const found = bob.find(url)
    await until("the token is asked for", () => giveToken)
    giveToken("mine")
    assert.equal((await found).doc().title, "hello")
  })

  test("waits for the next try if the first connection failed", async t => {
    const server = await ScriptedServer.start(t, closeWith(4503))
    const device = await openDevice(t, { url: server.url, backoff: SLOW_BACKOFF })
    const found = device.find(ELSEWHERE)
    await untilState(device, "waiting")
    server.answers = answerWith({ type: "doc-unavailable" })
    device.networkChanged()
    await assert.rejects(found, { code: "not_found" })
  })

  test("is not_found when the server was asked and has nothing", async t => {
    const server = await Server.start(t)
    const device = await openDevice(t, { url: server.url })
    await assert.rejects(device.find(ELSEWHERE), {
      code: "not_found",
      message: `document ${ELSEWHERE} is neither on this device nor on the server`,
    })
  })

  for (const [kind, options] of [
    ["nobody can be reached", async () => ({ url: NOWHERE })],
    ["the server does not answer", async t => ({ url: (await ScriptedServer.start(t, welcomeAll)).url })],
    ["no token comes", async () => ({ getToken: () => new Promise(() => {}) })],
  ]) {
    test(`is offline after findMs when ${kind}`, async t => {
      const device = await openDevice(t, { ...(await options(t)), findMs: 50 })
      await assert.rejects(device.find(ELSEWHERE), { code: "offline", message: /could not be asked: no answer within 50 ms/ })
    })
  }

  test("is offline at once where nobody wants a connection", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const never = await openDevice(t, { url: server.url, autoConnect: false, findMs: 1e9 })
    await assert.rejects(never.find(ELSEWHERE), { code: "offline", message: /not connected/ })
    const signedOut = await openDevice(t, { url: server.url, getToken: async () => null, findMs: 1e9 })
    await assert.rejects(signedOut.find(ELSEWHERE), { code: "offline" })
    const waiting = await openDevice(t, { findMs: 1e9 })
    const found = waiting.find(ELSEWHERE)
    waiting.disconnect()
    await assert.rejects(found, { code: "offline" })
  })

  test("that is aborted says so, and can be done again", async t => {
    const device = await openDevice(t, { getToken: () => new Promise(() => {}), findMs: 1e9 })
    const abort = new AbortController()
    const found = device.find(ELSEWHERE, { signal: abort.signal })
    abort.abort()
    await assert.rejects(found, { code: "aborted" })
    device.disconnect()
    await assert.rejects(device.find(ELSEWHERE), { code: "offline" })
  })

  test("ends when the device is closed", async t => {
    const device = await openDevice(t, { findMs: 1e9 })
    const found = assert.rejects(device.find(ELSEWHERE), { code: "closed" })
    await device.close()
    await found
  })

  test("says why the server does not give a document", async t => {
    const refusal = { type: "x-tiebreak:refused", code: "access_denied", detail: "ask its owner" }
    const server = await ScriptedServer.start(t, answerWith(refusal))
    const device = await openDevice(t, { url: server.url, findMs: 1e9 })
    await assert.rejects(device.find(ELSEWHERE), { code: "refused", message: "ask its owner" })
    assert.equal(device.status.lastError.code, "access_denied")
    await until("nothing is waited for", () => !device.status.downloading)
  })
})
