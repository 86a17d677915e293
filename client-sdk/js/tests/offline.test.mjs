import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { describe, test } from "node:test"
import { promisify } from "node:util"
import { newFolder } from "../../../tests/interop/harness/afterwards.mjs"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { until } from "../../../tests/interop/harness/until.mjs"
import { BoundedStorage } from "../dist/bounded_storage.js"
import { UploadLedger } from "../dist/upload_ledger.js"
import { damage, MemoryStorage, openDevice, recordStatuses } from "./harness/device.mjs"

describe("without a network", () => {
  test("documents are created, edited, listed, and there again after reopening, and all is pending", async t => {
    const folder = newFolder()
    const before = await openDevice(t, { folder })
    const list = before.create({ title: "shopping" })
    list.change(doc => void (doc.items = ["milk"]))
    const note = before.create({ title: "note" })
    assert.equal(before.status.pendingChanges, 3, "counted at once")
    assert.equal(before.pendingOf(list.url), 2)
    await before.close()

    const after = await openDevice(t, { folder })
    assert.deepEqual(new Set(after.list()), new Set([list.documentId, note.documentId]))
    assert.deepEqual((await after.find(list.url)).doc(), { title: "shopping", items: ["milk"] })
    assert.equal(after.status.pendingDocuments, 2)
    assert.equal(after.status.pendingChanges, 3)
    assert.equal(after.pendingOf(list.documentId), 2)
  })

  test("every edit is counted before anybody else runs", async t => {
    const device = await openDevice(t)
    const handle = device.create({ number: 0 })
    for (let number = 1; number <= 5; number++) {
      handle.change(doc => void (doc.number = number))
      assert.equal(device.status.pendingChanges, number + 1)
    }
  })

  test("edits past this package, on the repo itself, are counted too", async t => {
    const device = await openDevice(t, { storage: new MemoryStorage() })
    const statuses = recordStatuses(device)
    const handle = device.repo.create({ title: "direct" })
    assert.equal(device.status.pendingChanges, 1)
    await until("whoever listens is told", () => statuses.at(-1).pendingChanges === 1)
    handle.change(doc => void (doc.title = "again"))
    await until("whoever listens is told", () => statuses.at(-1).pendingChanges === 2)
  })

  test("a document that is not here is not waited for", async t => {
    const device = await openDevice(t, { autoConnect: false })
    await assert.rejects(device.find("automerge:2akvofn6L1o4RMUEMQi7qzwRjKWZ"), { code: "offline" })
    assert.deepEqual(device.list(), [])
  })

  test("a deleted document is gone, and a late write does not bring it back", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage })
    const handle = device.create({ title: "mistake" })
    await until("it is stored", () => storage.keys().some(key => key.includes("snapshot")))
    handle.change(doc => void (doc.title = "a write that waits"))
    await device.delete(handle.url)
    assert.deepEqual(device.list(), [])
    assert.equal(device.status.pendingChanges, 0)
    await somethingElseIsStored(t)
    const tombstone = `tiebreak-deleted/${handle.documentId}`
    assert.deepEqual(storage.keys().filter(key => key.includes(handle.documentId)), [tombstone])
  })

  test("one that was stored by a plain repo is taken over, counted and wiped with all others", async t => {
    const storage = new MemoryStorage()
    const { Repo } = await import("@automerge/automerge-repo")
    const repo = new Repo({ storage })
    const handle = repo.create({ title: "older than this package" })
    await repo.flush()
    const device = await openDevice(t, { storage })
    assert.deepEqual(device.list(), [handle.documentId])
    assert.equal(device.status.pendingChanges, 1)
    assert.equal((await device.find(handle.url)).doc().title, "older than this package")
    await device.disconnectAndClear()
    assert.deepEqual(storage.keys(), [])
  })
})

test("a page that forgot to initialize automerge is told so", async () => {
  const script = `import { Tiebreak } from "@tiebreak/client"
    await Tiebreak.open({ url: "ws://localhost/automerge" }).catch(error => console.log(error.code, error.message))`
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: import.meta.dirname })
  assert.match((await run).stdout, /^wasm_missing automerge is not initialized: .*two copies of automerge-repo/)
})

describe("a crash", () => {
  test("at any write leaves everything that is stored and not uploaded pending", async t => {
    const server = await Server.start(t)
    const storage = new MemoryStorage()
    const device = await openDevice(t, { url: server.url, storage })
    const handle = device.create({ number: 0 })
    await device.waitForUpload({ timeoutMs: 10_000 })
    await until("the ledger knows it", async () => {
      const [record] = await storage.loadRange(["tiebreak-uploads"])
      return JSON.parse(new TextDecoder().decode(record.data)).settled
    })
    await server.stop()

    const disks = []
    storage.fault = () => void disks.push(storage.copy())
    handle.change(doc => void (doc.number = 1))
    await device.repo.flush([handle.documentId])
    disks.push(storage.copy())
    assert.ok(disks.length >= 3, "the record and the change are written one after the other")
    for (const disk of disks) {
      const isStored = disk.keys().some(key => key.includes("incremental")) || (await number(t, disk, handle)) === 1
      const reopened = await openDevice(t, { storage: disk })
      assert.equal(reopened.status.pendingChanges, isStored ? 1 : 0)
    }
  })

  test("between a record and its document leaves nothing to wait for", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage })
    const handle = device.create({ title: "never stored" })
    storage.fault = ([, content]) => (content === "snapshot" ? new Error("the power went out") : undefined)
    await assert.rejects(device.repo.flush([handle.documentId]), /power/)
    const reopened = await openDevice(t, { storage: storage.copy() })
    assert.deepEqual(reopened.list(), [])
    assert.equal(reopened.status.pendingChanges, 0)
    storage.fault = () => undefined
  })

  test("that tore a record counts as everything pending", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage })
    const handle = device.create({ title: "kept" })
    await device.close()
    await storage.save(["tiebreak-uploads", handle.documentId], new TextEncoder().encode('{"confirmed":["ab'))
    const reopened = await openDevice(t, { storage })
    assert.equal(reopened.status.pendingChanges, 1)
  })
})

describe("a storage that fails", () => {
  test("is told, keeps the change pending, and is tried again", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage })
    storage.fault = ([key]) => (key === "tiebreak-uploads" ? new Error("the disk is full") : undefined)
    const handle = device.create({ title: "kept in memory" })
    await assert.rejects(device.repo.flush([handle.documentId]), /disk is full/)
    assert.equal(device.status.lastError.message, "the disk is full")
    assert.equal(storage.keys().some(key => key.includes("snapshot")), false, "nothing is stored without its record")
    storage.fault = ([, content]) => (content === "snapshot" ? new Error("the disk is worn out") : undefined)
    await assert.rejects(device.repo.flush([handle.documentId]), /worn out/)
    assert.deepEqual(device.status.lastError, {
      code: "storage",
      message: "the disk is worn out",
      documentId: handle.documentId,
    })
    storage.fault = () => undefined
    await device.repo.flush([handle.documentId])
    assert.ok(storage.keys().some(key => key.includes("snapshot")))
  })

  test("in the background ends nothing, is tried again, and is told by flush", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage, autoConnect: false })
    let failures = 0
    storage.fault = ([, content]) => {
      if (content !== "snapshot") return undefined
      failures += 1
      return new Error("the disk is full")
    }
    const handle = device.create({ title: "kept in memory" })
    // Nobody has called flush: this is the repo's own save, and a rejection that nobody catches would end the test.
    await until("it was tried again", () => failures >= 3)
    assert.equal(device.status.lastError.message, "the disk is full")
    await assert.rejects(device.flush(), { code: "storage", message: "the disk is full" })
    storage.fault = () => undefined
    await until("it is stored by itself", () => storage.keys().some(key => key.includes("snapshot")))
    handle.change(doc => void (doc.title = "flushed"))
    const before = storage.keys().length
    await device.flush()
    assert.ok(storage.keys().length >= before)
    const crashed = await openDevice(t, { storage: storage.copy(), autoConnect: false })
    assert.equal((await crashed.find(handle.url)).doc().title, "flushed")
  })

  test("that never answers fails in time, and does not hold up what comes behind", async () => {
    const storage = new MemoryStorage()
    let isStuck = true
    storage.fault = () => (isStuck ? new Promise(() => {}) : undefined)
    const ledger = await UploadLedger.load(new BoundedStorage(storage, 20))
    await assert.rejects(ledger.unsettle("stuck"), /did not answer/)
    isStuck = false
    await ledger.unsettle("next")
    await ledger.flush()
    assert.ok(storage.keys().includes("tiebreak-uploads/next"))
  })

  test("of a document that cannot be read says so, and counts it as pending", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage })
    const handle = device.create({ title: "soon damaged" })
    await device.close()
    await damage(storage)
    const reopened = await openDevice(t, { storage })
    assert.equal(reopened.status.pendingDocuments, 1)
    assert.equal(reopened.pendingOf(handle.documentId), 1)
    assert.equal(reopened.status.lastError.code, "storage")
    assert.equal(reopened.status.lastError.documentId, handle.documentId)
  })
})

describe("disconnectAndClear", () => {
  for (const [call, act] of [
    ["deleted", (device, handle) => device.delete(handle.url)],
    ["wiped", device => device.disconnectAndClear()],
  ]) {
    test(`leaves no content that was waiting for its record when it was ${call}`, async t => {
      const storage = new MemoryStorage()
      const device = await openDevice(t, { storage, autoConnect: false })
      let writeRecord
      const record = new Promise(resolve => (writeRecord = resolve))
      storage.fault = ([key]) => (key === "tiebreak-uploads" ? record : undefined)
      const handle = device.create({ title: "private" })
      const contents = []
      storage.saved = key => contents.push(key)
      const flushed = device.repo.flush([handle.documentId])
      const acted = act(device, handle)
      writeRecord()
      await Promise.all([flushed, acted])
      await until("the record is gone", () => !storage.keys().some(key => key.startsWith("tiebreak-uploads")))
      assert.deepEqual(contents.filter(([, content]) => content === "snapshot"), [])
    })
  }

  test("that failed can be called again", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage, autoConnect: false })
    device.create({ title: "private" })
    await device.flush()
    const removeRange = storage.removeRange
    storage.removeRange = () => Promise.reject(new Error("the disk is away"))
    await assert.rejects(device.disconnectAndClear(), { code: "storage", message: "the disk is away" })
    storage.removeRange = removeRange
    await device.disconnectAndClear()
    assert.deepEqual(storage.keys(), [])
    await assert.rejects(device.disconnectAndClear(), { code: "closed" })
  })

  for (const [kind, makeStorage] of [
    ["a memory storage", () => ({ storage: new MemoryStorage() })],
    ["a folder", () => ({ folder: newFolder() })],
  ]) {
    test(`wipes ${kind}, and a later open finds nothing`, async t => {
      const options = makeStorage()
      const device = await openDevice(t, options)
      const handle = device.create({ title: "private" })
      await device.repo.flush([handle.documentId])
      handle.change(doc => void (doc.title = "a write that waits"))
      await device.disconnectAndClear()
      assert.equal(device.status.state.kind, "offline")
      assert.throws(() => device.create({}), { code: "closed" })
      await assert.rejects(device.find(handle.url), { code: "closed" })
      await somethingElseIsStored(t)
      if (options.storage) assert.deepEqual(options.storage.keys(), [])
      const reopened = await openDevice(t, { ...options, autoConnect: false })
      assert.deepEqual(reopened.list(), [])
      await assert.rejects(reopened.find(handle.url), { code: "offline" })
    })
  }
})

/** Whatever waited to be stored before this is called has had its turn when it ends. */
async function somethingElseIsStored(t) {
  const storage = new MemoryStorage()
  const device = await openDevice(t, { storage })
  device.create({ title: "something else" })
  await until("something else is stored", () => storage.keys().some(key => key.includes("snapshot")))
}

async function number(t, disk, handle) {
  const device = await openDevice(t, { storage: disk.copy(), autoConnect: false })
  return (await device.find(handle.url)).doc().number
}
