import { Repo } from "@automerge/automerge-repo"
import { Automerge } from "@automerge/automerge-repo/slim"
import { WebSocketServerAdapter } from "@automerge/automerge-repo-network-websocket"
import assert from "node:assert/strict"
import { once } from "node:events"
import { describe, test } from "node:test"
import { WebSocketServer } from "ws"
import { afterwards, newFolder } from "../../../tests/interop/harness/afterwards.mjs"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { until } from "../../../tests/interop/harness/until.mjs"
import { damage, MemoryStorage, openDevice, recordStatuses, statesOf, untilState } from "./harness/device.mjs"
import { ScriptedServer, welcomeAll } from "./harness/scripted_server.mjs"

const IN_TIME = { timeoutMs: 20_000 }

describe("with the server", () => {
  test("what is uploaded is no longer pending, here and after reopening, and another device has it", async t => {
    const server = await Server.start(t)
    const folder = newFolder()
    const phone = await openDevice(t, { url: server.url, folder })
    const handle = phone.create({ title: "hello" })
    await phone.waitForUpload(IN_TIME)
    assert.equal(phone.status.pendingChanges, 0)
    const laptop = await openDevice(t, { url: server.url })
    assert.equal((await laptop.find(handle.url)).doc().title, "hello")
    await phone.close()
    const reopened = await openDevice(t, { folder })
    assert.equal(reopened.status.pendingChanges, 0)
    assert.deepEqual(reopened.list(), [handle.documentId])
  })

  test("only what is new since the last upload is pending after an offline reopening", async t => {
    const server = await Server.start(t)
    const folder = newFolder()
    const device = await openDevice(t, { url: server.url, folder })
    const handle = device.create({ items: [] })
    for (let i = 0; i < 10; i++) handle.change(doc => void doc.items.push(i))
    await device.waitForUpload(IN_TIME)
    device.disconnect()
    handle.change(doc => void doc.items.push("offline"))
    assert.equal(device.status.pendingChanges, 1)
    await device.close()

    const reopened = await openDevice(t, { url: server.url, folder, autoConnect: false })
    assert.equal(reopened.status.pendingChanges, 1)
    reopened.connect()
    await reopened.waitForUpload(IN_TIME)
    const other = await openDevice(t, { url: server.url })
    assert.equal((await other.find(handle.url)).doc().items.at(-1), "offline")
  })

  test("changes of others are downloaded and never pending", async t => {
    const server = await Server.start(t)
    const ann = await openDevice(t, { url: server.url })
    const bob = await openDevice(t, { url: server.url })
    const anns = ann.create({ number: 0 })
    await ann.waitForUpload(IN_TIME)
    const bobs = await bob.find(anns.url)
    const statuses = recordStatuses(bob)
    for (let number = 1; number <= 20; number++) anns.change(doc => void (doc.number = number))
    await until("bob has them", () => bobs.doc().number === 20)
    assert.deepEqual(new Set(statuses.map(({ pendingChanges }) => pendingChanges)), new Set([0]))
    await until("both are in sync", () => !bob.status.downloading && bob.status.lastError === null)
    assert.ok(bob.status.hasSynced)
  })

  test("a document that was looked for in vain is found as soon as the server is there", async t => {
    const server = await Server.start(t)
    const ann = await openDevice(t, { url: server.url })
    const anns = ann.create({ title: "hello" })
    await ann.waitForUpload(IN_TIME)
    const bob = await openDevice(t, { url: server.url, autoConnect: false })
    await assert.rejects(bob.find(anns.url), { code: "offline" })
    const found = new Promise(resolve => {
      bob.on("status", ({ state }) => state.kind === "connected" && resolve(bob.find(anns.url)))
    })
    bob.connect()
    assert.equal((await found).doc().title, "hello")
  })

  test("a document that nobody has is not found, and there when somebody brings it", async t => {
    const server = await Server.start(t)
    const ann = await openDevice(t, { url: server.url, autoConnect: false })
    const anns = ann.create({ title: "late" })
    const bob = await openDevice(t, { url: server.url })
    await assert.rejects(bob.find(anns.url), { code: "not_found" })
    ann.connect()
    await until("bob can have it", async () => (await bob.find(anns.url)).doc().title === "late")
  })

  test("another server than before has nothing: all is pending again, and goes there", async t => {
    const folder = newFolder()
    const first = await Server.start(t)
    const device = await openDevice(t, { url: first.url, folder })
    const handle = device.create({ title: "well travelled" })
    await device.waitForUpload(IN_TIME)
    await device.close()

    const second = await Server.start(t)
    const moved = await openDevice(t, { url: second.url, folder })
    const statuses = recordStatuses(moved)
    await until("it is in sync with the second", () => moved.status.hasSynced && moved.status.pendingChanges === 0)
    assert.ok(statuses.some(({ pendingChanges }) => pendingChanges > 0))
    const other = await openDevice(t, { url: second.url })
    assert.equal((await other.find(handle.url)).doc().title, "well travelled")
  })

  test("a document that is damaged on the device is fetched again", async t => {
    const server = await Server.start(t)
    const storage = new MemoryStorage()
    const device = await openDevice(t, { url: server.url, storage })
    const handle = device.create({ title: "whole" })
    await device.waitForUpload(IN_TIME)
    await device.close()
    await damage(storage)
    await storage.save(["tiebreak-uploads", handle.documentId], new Uint8Array())
    const reopened = await openDevice(t, { url: server.url, storage })
    await until("the server's copy is here", async () => (await reopened.find(handle.url)).doc().title === "whole")
  })

  test("a refused change is told, stays pending, and nobody waits for it", async t => {
    const server = await Server.start(t, { flags: ["--change-bytes-max", "2000"] })
    const device = await openDevice(t, { url: server.url })
    const refusals = []
    device.on("refused", refused => refusals.push(refused))
    const handle = device.create({ title: "small" })
    await device.waitForUpload(IN_TIME)
    handle.change(doc => void (doc.title = "large ".repeat(1_000)))
    await assert.rejects(device.waitForUpload(IN_TIME), { code: "refused" })
    assert.equal(refusals[0].code, "change_too_large")
    assert.equal(refusals[0].documentId, handle.documentId)
    assert.equal(device.status.lastError.code, "change_too_large")
    assert.equal(device.status.lastError.documentId, handle.documentId)
    assert.equal(device.status.pendingChanges, 1)
    assert.equal(device.status.uploading, false)
    const other = device.create({ title: "unhindered" })
    await until("other documents go up", () => device.pendingOf(other.url) === 0)
    assert.equal(device.pendingOf(handle.url), 1)
  })

  test("a deleted document stays away though others go on writing it, and can be had again", async t => {
    const server = await Server.start(t)
    const ann = await openDevice(t, { url: server.url })
    const bob = await openDevice(t, { url: server.url })
    const anns = ann.create({ number: 0 })
    await ann.waitForUpload(IN_TIME)
    await bob.find(anns.url)
    const marker = ann.create({ isBehind: true })
    await ann.waitForUpload(IN_TIME)
    const bobsMarker = await bob.find(marker.url)
    assert.equal(await bob.delete(anns.url), true)
    anns.change(doc => void (doc.number = 1))
    await ann.waitForUpload(IN_TIME)
    marker.change(doc => void (doc.isBehind = false))
    await until("bob hears of what was written later", () => bobsMarker.doc().isBehind === false)
    assert.deepEqual(bob.list(), [marker.documentId])
    await assert.rejects(bob.find(anns.url), { code: "deleted" })
    assert.equal(await bob.undelete(anns.url), true)
    assert.equal((await bob.find(anns.url)).doc().number, 1)
  })
})

describe("killed and restarted", () => {
  test("in the middle of edits the server loses nothing, and the states come in order", async t => {
    const server = await Server.start(t)
    const ann = await openDevice(t, { url: server.url })
    const bob = await openDevice(t, { url: server.url })
    const anns = ann.create({ edits: {} })
    await ann.waitForUpload(IN_TIME)
    const bobs = await bob.find(anns.url)
    const statuses = recordStatuses(ann)
    const write = from => {
      for (let i = from; i < from + 50; i++) {
        anns.change(doc => void (doc.edits[`ann ${i}`] = i))
        bobs.change(doc => void (doc.edits[`bob ${i}`] = i))
      }
    }
    write(0)
    await server.kill()
    await untilState(ann, "waiting")
    write(50)
    assert.ok(ann.status.pendingChanges >= 50)
    await server.restart()
    await Promise.all([ann.waitForUpload(IN_TIME), bob.waitForUpload(IN_TIME)])
    await until("both have all 200", () => [anns, bobs].every(handle => Object.keys(handle.doc().edits).length === 200))
    assert.deepEqual(anns.doc(), bobs.doc())
    assert.match(statesOf(statuses).join(" "), /^connected( waiting connecting)+ connected$/)
    // What was said to be uploaded is: neither device is asked again.
    await server.kill()
    await Promise.all([ann.close(), bob.close()])
    await server.restart()
    const eve = await openDevice(t, { url: server.url })
    assert.deepEqual((await eve.find(anns.url)).doc(), anns.doc())
  })

  test("at the very moment it is said that nothing is pending, the server has everything afterwards", async t => {
    const server = await Server.start(t)
    const device = await openDevice(t, { url: server.url })
    const handle = device.create({ number: 0 })
    let killing
    device.on("status", ({ pendingChanges, hasSynced }) => {
      if (pendingChanges === 0 && hasSynced && server.isRunning) killing ??= server.kill().then(() => true)
    })
    for (let number = 1; number <= 8; number++) {
      handle.change(doc => void (doc.number = number))
      await until("the server was killed", () => killing)
      // Nobody is there to bring anything back.
      device.disconnect()
      await server.restart()
      const other = await openDevice(t, { url: server.url })
      assert.equal((await other.find(handle.url)).doc().number, number)
      await other.close()
      killing = undefined
      device.connect()
    }
  })
})

describe("a server that does not confirm", () => {
  test("leaves everything pending however long it listens", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url })
    const handle = device.create({ title: "unheard" })
    const connection = await server.connection(1)
    await until("it was sent", () => connection.received.some(({ type }) => type === "sync"))
    assert.equal(device.status.pendingChanges, 1)
    assert.equal(device.status.uploading, true)
    connection.send({ type: "x-tiebreak:durable", documentId: handle.documentId, heads: ["ab".repeat(32)] })
    await until("heads that nobody knows are a download", () => device.status.downloading)
    assert.equal(device.status.pendingChanges, 1)
    connection.send({ type: "x-tiebreak:durable", documentId: handle.documentId, heads: Automerge.getHeads(handle.doc()) })
    await until("the right heads are believed", () => device.status.pendingChanges === 0)
    assert.equal(device.status.downloading, false)
    connection.close(1012)
    await server.connection(2)
    await untilState(device, "connected")
    assert.equal(device.status.downloading, true, "the server has not said on this connection what it has")
  })
})

describe("a server that sends a document in parts", () => {
  test("leaves it downloading until the last part has come", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url })
    let doc = Automerge.from({ number: 0 })
    const part = heads => ({ heads, need: [], have: [], changes: [] })
    const connection = await server.connection(1)
    const handle = device.repo.import(Automerge.save(doc))
    const documentId = handle.documentId
    const send = (type, fields) => connection.send({ type, documentId, ...fields })
    const first = Automerge.getHeads(handle.doc())
    const bytes = Automerge.encodeSyncMessage(part(first))
    send("x-tiebreak:more", { heads: first })
    send("sync", { data: bytes })
    await until("the part is known to be durable", () => device.status.pendingChanges === 0)
    assert.equal(device.status.downloading, true)
    doc = Automerge.change(doc, draft => void (draft.number = 1))
    const second = Automerge.getHeads(doc)
    handle.update(known => Automerge.merge(known, doc))
    send("sync", { data: Automerge.encodeSyncMessage(part(second)) })
    await until("the last part ends it", () => !device.status.downloading)
  })
})

describe("a document that the server has no more", () => {
  test("is pending again when the server answers that it has nothing", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url })
    const handle = device.create({ title: "lost there" })
    const connection = await server.connection(1)
    const documentId = handle.documentId
    connection.send({ type: "x-tiebreak:durable", documentId, heads: Automerge.getHeads(handle.doc()) })
    await until("it is uploaded", () => device.status.hasSynced)
    connection.send({ type: "doc-unavailable", documentId })
    await until("it is not", () => device.status.pendingChanges === 1)
  })

  test("because it was deleted stays pending, and nobody waits for it", async t => {
    const server = await ScriptedServer.start(t, welcomeAll)
    const device = await openDevice(t, { url: server.url })
    const handle = device.create({ title: "deleted there" })
    const other = device.create({ title: "welcome" })
    const connection = await server.connection(1)
    const refused = { code: "document_deleted", detail: "the document was deleted" }
    connection.send({ type: "x-tiebreak:refused", documentId: handle.documentId, ...refused })
    await until("it is told", () => device.status.lastError?.code === "document_deleted")
    const uploaded = device.waitForUpload(IN_TIME)
    const synced = device.syncOnce(IN_TIME)
    assert.equal(device.status.uploading, true, "the other one")
    connection.send({ type: "x-tiebreak:durable", documentId: other.documentId, heads: Automerge.getHeads(other.doc()) })
    await uploaded
    const { pendingChanges, deletedChanges, uploading, downloading, hasSynced } = await synced
    const expected = { pendingChanges: 1, deletedChanges: 1, uploading: false, downloading: false, hasSynced: false }
    assert.deepEqual({ pendingChanges, deletedChanges, uploading, downloading, hasSynced }, expected)
    handle.change(doc => void (doc.title = "still edited"))
    assert.equal(device.status.deletedChanges, 2)
  })
})

describe("a listener that changes something", () => {
  test("lets nobody hear the statuses in another order", async t => {
    const device = await openDevice(t, { autoConnect: false })
    device.create({ title: "first" })
    let hasReacted = false
    device.on("status", ({ pendingChanges }) => {
      if (pendingChanges !== 2 || hasReacted) return
      hasReacted = true
      device.create({ title: "third" })
      device.on("status", () => {})
    })
    const heard = recordStatuses(device)
    device.create({ title: "second" })
    await until("all are told", () => heard.some(({ pendingChanges }) => pendingChanges === 3))
    assert.equal(heard.at(-1).pendingChanges, 3)
    assert.deepEqual(heard.map(({ pendingChanges }) => pendingChanges), [1, 3])
  })
})

describe("a stock automerge-repo sync server", () => {
  test("takes what is uploaded, and its heads count as far as it can be known", async t => {
    const sockets = new WebSocketServer({ host: "127.0.0.1", port: 0 })
    await once(sockets, "listening")
    const stock = new Repo({
      network: [new WebSocketServerAdapter(sockets)],
      storage: new MemoryStorage(),
      sharePolicy: async () => false,
    })
    afterwards(t, async () => {
      sockets.close()
      for (const client of sockets.clients) client.terminate()
      await stock.shutdown().catch(() => {})
    })
    const url = `ws://127.0.0.1:${sockets.address().port}`
    const ann = await openDevice(t, { url })
    const anns = ann.create({ title: "hello" })
    await ann.waitForUpload(IN_TIME)
    const bob = await openDevice(t, { url })
    const bobs = await bob.find(anns.url)
    bobs.change(doc => void (doc.title = "changed"))
    assert.equal(bob.status.pendingChanges, 1)
    await bob.waitForUpload(IN_TIME)
    await until("ann has it", () => anns.doc().title === "changed")
    await until("ann is in sync", () => ann.status.pendingChanges === 0 && !ann.status.downloading)
  })
})
