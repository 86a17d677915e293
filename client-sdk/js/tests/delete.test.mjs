import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { newFolder } from "../../../tests/interop/harness/afterwards.mjs"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { until } from "../../../tests/interop/harness/until.mjs"
import { MemoryStorage, openDevice, SLOW_BACKOFF, untilState } from "./harness/device.mjs"

const IN_TIME = { timeoutMs: 10_000 }
const NOTE = { title: "private" }

describe("delete", () => {
  for (const [kind, options] of [
    ["with a storage", () => ({ storage: new MemoryStorage() })],
    ["with a folder", () => ({ folder: newFolder() })],
    ["without one", () => ({})],
  ]) {
    test(`answers whether the document was here, ${kind}`, async t => {
      const device = await openDevice(t, { ...options(), autoConnect: false })
      const { url } = device.create(NOTE)
      await device.flush()
      assert.equal(await device.delete(url), true)
      assert.equal(await device.delete(url), false)
      assert.equal(await device.delete("2akvofn6L1o4RMUEMQi7qzwRjKWZ"), false)
    })
  }

  test("hides it for good: find says deleted, and after a reload too", async t => {
    const server = await Server.start(t)
    const folder = newFolder()
    const device = await openDevice(t, { url: server.url, folder })
    const { url } = device.create(NOTE)
    await device.waitForUpload(IN_TIME)
    await device.delete(url)
    await assert.rejects(device.find(url), { code: "deleted", message: /was deleted on this device/ })
    device.disconnect()
    device.connect()
    await untilState(device, "connected")
    await assert.rejects(device.find(url), { code: "deleted" })
    await device.close()

    const reopened = await openDevice(t, { url: server.url, folder })
    await assert.rejects(reopened.find(url), { code: "deleted" })
    assert.deepEqual(reopened.list(), [])
    await reopened.syncOnce(IN_TIME)
    assert.deepEqual(reopened.list(), [])

    assert.equal(await reopened.undelete(url), true)
    assert.equal(await reopened.undelete(url), false)
    assert.deepEqual((await reopened.find(url)).doc(), NOTE)
    await reopened.close()
    const again = await openDevice(t, { folder, autoConnect: false })
    assert.deepEqual((await again.find(url)).doc(), NOTE)
  })

  test("ends a search for the document", async t => {
    const device = await openDevice(t, { backoff: SLOW_BACKOFF, findMs: 1e9 })
    await untilState(device, "waiting")
    const id = "2akvofn6L1o4RMUEMQi7qzwRjKWZ"
    const found = assert.rejects(device.find(id), { code: "deleted" })
    await until("nothing is here", () => device.repo.handles[id].inState(["unavailable"]))
    await device.delete(id)
    await found
  })

  test("that a crash cut short at any write is finished by the next opening, or was not begun", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage, autoConnect: false })
    const { url, documentId } = device.create(NOTE)
    await device.flush()
    const disks = [storage.copy()]
    for (const call of ["remove", "removeRange"]) {
      const act = storage[call].bind(storage)
      storage[call] = async key => {
        disks.push(storage.copy())
        await act(key)
        disks.push(storage.copy())
      }
    }
    await device.delete(url)
    const [before, ...during] = disks
    assert.ok(during.length >= 4)
    const intact = await openDevice(t, { storage: before, autoConnect: false })
    assert.deepEqual((await intact.find(url)).doc(), NOTE)
    for (const disk of during) {
      const reopened = await openDevice(t, { storage: disk, autoConnect: false })
      assert.deepEqual(reopened.list(), [])
      await assert.rejects(reopened.find(url), { code: "deleted" })
      const left = () => disk.keys().filter(key => key.includes(documentId))
      await until("only its tombstone is left", () => left().length === 1 && left()[0].startsWith("tiebreak-deleted"))
    }
  })

  test("that could not be stored fails, and can be called again", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage, autoConnect: false })
    const { url } = device.create(NOTE)
    await device.flush()
    storage.fault = () => new Error("the disk is full")
    await assert.rejects(device.delete(url), { code: "storage", message: "the disk is full" })
    await assert.rejects(device.find(url), { code: "deleted" })
    storage.fault = () => undefined
    assert.equal(await device.delete(url), true)
    assert.equal(storage.keys().some(key => key.includes("snapshot")), false)
  })
})

describe("disconnectAndClear", () => {
  test("answers how many changes were discarded", async t => {
    const server = await Server.start(t)
    const device = await openDevice(t, { url: server.url, storage: new MemoryStorage() })
    const handle = device.create(NOTE)
    await device.waitForUpload(IN_TIME)
    device.disconnect()
    for (const title of ["one", "two"]) handle.change(doc => void (doc.title = title))
    device.create({ title: "three" })
    assert.equal(await device.disconnectAndClear(), 3)
  })

  test("answers none where all was uploaded, and forgets what was deleted", async t => {
    const server = await Server.start(t)
    const storage = new MemoryStorage()
    const device = await openDevice(t, { url: server.url, storage })
    const { url } = device.create(NOTE)
    await device.waitForUpload(IN_TIME)
    await device.delete(url)
    assert.equal(await device.disconnectAndClear(), 0)
    assert.deepEqual(storage.keys(), [])
  })
})
