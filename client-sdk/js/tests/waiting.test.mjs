import { Automerge } from "@automerge/automerge-repo/slim"
import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { newFolder } from "../../../tests/interop/harness/afterwards.mjs"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { MemoryStorage, openDevice, untilState } from "./harness/device.mjs"
import { ScriptedServer, welcomeAll } from "./harness/scripted_server.mjs"

const IN_TIME = { timeoutMs: 20_000 }

describe("waiting", () => {
  test("for an upload ends with the time or the signal, and what is pending stays so", async t => {
    const device = await openDevice(t)
    device.create({ title: "stays here" })
    await assert.rejects(device.waitForUpload({ timeoutMs: 20 }), { name: "TiebreakError", code: "timeout" })
    const controller = new AbortController()
    const wait = device.waitForUpload({ signal: controller.signal })
    controller.abort(new Error("the user left"))
    await assert.rejects(wait, error => error.code === "aborted" && error.cause.message === "the user left")
    await assert.rejects(device.waitForUpload({ signal: AbortSignal.abort() }), { code: "aborted" })
    assert.equal(device.status.pendingChanges, 1)
  })

  test("for an upload ends when the server does not let the device in", async t => {
    const server = await ScriptedServer.start(t, (connection, { type }) => type === "join" && connection.close(4403, "no"))
    const device = await openDevice(t, { url: server.url })
    device.create({ title: "stays here" })
    await assert.rejects(device.waitForUpload(IN_TIME), { code: "rejected", message: "no" })
  })

  test("for an upload ends when the device is closed", async t => {
    const device = await openDevice(t)
    device.create({ title: "stays here" })
    const rejected = assert.rejects(device.waitForUpload(), { code: "closed" })
    await device.close()
    await rejected
  })

  test("for a sync connects, brings both ways what is new, and disconnects", async t => {
    const server = await Server.start(t)
    const folder = newFolder()
    const phone = await openDevice(t, { url: server.url, folder })
    const laptop = await openDevice(t, { url: server.url })
    const shared = phone.create({ from: "phone" })
    const quiet = phone.create({ unchanged: true })
    await phone.waitForUpload(IN_TIME)
    await phone.close()
    const laptops = await laptop.find(shared.url)
    laptops.change(doc => void (doc.from = "laptop"))
    await laptop.waitForUpload(IN_TIME)

    const background = await openDevice(t, { url: server.url, folder, autoConnect: false })
    const added = background.create({ offline: true })
    const status = await background.syncOnce(IN_TIME)
    assert.equal(status.pendingChanges, 0)
    assert.ok(status.hasSynced)
    assert.equal(background.status.state.kind, "offline")
    assert.equal((await background.find(shared.url)).doc().from, "laptop", "what was not opened before is synced too")
    assert.deepEqual(new Set(background.list()), new Set([shared, quiet, added].map(handle => handle.documentId)))
    assert.deepEqual((await laptop.find(added.url)).doc(), { offline: true })
  })

  test("for a sync is over at once when everything is in sync", async t => {
    const server = await Server.start(t)
    const device = await openDevice(t, { url: server.url })
    device.create({ title: "hello" })
    const first = await device.syncOnce(IN_TIME)
    assert.equal(await device.syncOnce(IN_TIME), first)
    assert.equal(device.status.state.kind, "connected", "a connection that was there before is kept")
  })

  test("for a sync in vain ends in time and leaves the device offline", async t => {
    const device = await openDevice(t, { autoConnect: false })
    await assert.rejects(device.syncOnce({ timeoutMs: 50 }), { code: "timeout" })
    assert.equal(device.status.state.kind, "offline")
    const controller = new AbortController()
    const sync = device.syncOnce({ timeoutMs: 60_000, signal: controller.signal })
    controller.abort()
    await assert.rejects(sync, { code: "aborted" })
    assert.equal(device.status.state.kind, "offline")
  })

  test("for a sync leaves the connection to whoever else wants it", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url, autoConnect: false })
    const handle = device.create({ title: "not confirmed yet" })
    const first = new AbortController()
    const syncs = [first.signal, undefined].map(signal => device.syncOnce({ ...IN_TIME, ...(signal && { signal }) }))
    const connection = await server.connection(1)
    await untilState(device, "connected")
    first.abort()
    await assert.rejects(syncs[0], { code: "aborted" })
    assert.equal(device.status.state.kind, "connected", "the other sync goes on")
    device.connect()
    const heads = Automerge.getHeads(handle.doc())
    connection.send({ type: "x-tiebreak:durable", documentId: handle.documentId, heads })
    await syncs[1]
    assert.equal(device.status.state.kind, "connected", "connect() was called")
    assert.equal(server.connections.length, 1)
  })
})

describe("what goes wrong", () => {
  test("has a code that a caller can branch on", async t => {
    const device = await openDevice(t, { autoConnect: false })
    const signal = AbortSignal.abort(new Error("the user left"))
    const somewhere = "automerge:2akvofn6L1o4RMUEMQi7qzwRjKWZ"
    await assert.rejects(device.find(somewhere, { signal }), { name: "TiebreakError", code: "aborted" })
    await assert.rejects(device.find("nonsense"), { name: "TiebreakError", code: "invalid_id" })
    assert.throws(() => device.pendingOf("nonsense"), { code: "invalid_id" })
    await assert.rejects(device.delete("nonsense"), { code: "invalid_id" })
    const storage = new MemoryStorage()
    storage.load = storage.loadRange = () => Promise.reject(new Error("the disk is away"))
    await assert.rejects(openDevice(t, { storage }), { code: "storage", message: "the disk is away" })
  })
})
