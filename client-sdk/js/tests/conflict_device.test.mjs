import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Automerge, cbor } from "@automerge/automerge-repo/slim"
import { TiebreakError } from "@tiebreak/client"
import { breathe, never, until } from "../../../tests/interop/harness/until.mjs"
import { Conflicts } from "../dist/conflicts/conflicts.js"
import { decodeFrame } from "../dist/wire.js"
import { Apart, conflict } from "./harness/conflicts.mjs"
import { MemoryStorage, openDevice, silent } from "./harness/device.mjs"
import { answerAll, ScriptedServer } from "./harness/scripted_server.mjs"

/** The conflicts of a device with one document, on which two sides wrote into `x`, and of which a server tells `open`. */
class Desk {
  apart = new Apart(doc => void (doc.x = 0), doc => void (doc.x = 1), doc => void (doc.x = 2)).merge()
  told = this.apart.conflict(["x"], () => ["_root", "x"])
  open = [this.told]
  reads = 0
  resolved = []
  isDurable = true
  events = 0

  constructor(options = {}) {
    const { handle } = this.apart
    this.conflicts = new Conflicts({
      documents: { isAtRest: () => true, isDurable: () => this.isDurable, open: async () => {} },
      handles: () => ({ [handle.documentId]: handle }),
      isDeleted: () => false,
      server: {
        openOf: async () => ((this.reads += 1), this.open),
        resolve: async (...request) => void this.resolved.push(request),
      },
      logger: silent,
      failed: () => {},
      ...options,
    })
    this.conflicts.changes.subscribe(() => (this.events += 1))
  }

  get document() {
    return this.apart.handle.documentId
  }

  async connect() {
    this.conflicts.connected({ isTiebreak: true })
    this.conflicts.looked()
    await until("it is read", () => this.reads > 0)
    await breathe()
    return this
  }

  async hint() {
    const { reads } = this
    this.conflicts.hear({ kind: "conflict", documentId: this.document })
    await until("it is read", () => this.reads > reads)
    await breathe()
  }
}

describe("a device", () => {
  test("reads what is open after connecting, and after each hint of the server", async () => {
    const desk = await new Desk().connect()
    assert.deepEqual(desk.conflicts.list(), [desk.told])
    desk.open = []
    await desk.hint()
    assert.deepEqual([desk.conflicts.list(), desk.events], [[], 2])
    desk.conflicts.hear({ kind: "conflict", documentId: "one that is not here" })
    assert.equal(desk.reads, 2)
  })

  test("asks no other server than Tiebreak's", async () => {
    const desk = new Desk()
    desk.conflicts.connected({ isTiebreak: false })
    desk.conflicts.looked()
    await breathe()
    assert.equal(desk.reads, 0)
  })

  test("writes a choice before anybody else runs, and shows the conflict no more", async () => {
    const desk = await new Desk().connect()
    desk.isDurable = false
    const written = desk.conflicts.resolve(desk.told.id, { candidate: desk.told.candidates[0].id })
    assert.equal(desk.apart.handle.doc().x, 1)
    assert.equal(Automerge.getConflicts(desk.apart.handle.doc(), "x"), undefined)
    await written
    await desk.hint()
    assert.deepEqual([desk.conflicts.list(), desk.resolved], [[], []])
    desk.isDurable = true
    desk.open = [{ ...desk.told, version: 3 }]
    await desk.hint()
    assert.deepEqual(desk.conflicts.list().map(({ version }) => version), [3])
  })

  test("reads again when the server has a choice", async () => {
    const desk = await new Desk().connect()
    await desk.conflicts.resolve(desk.told.id, { value: 3 })
    assert.equal(desk.reads, 1)
    desk.conflicts.looked()
    assert.equal(desk.reads, 2)
  })

  test("has the server settle what it cannot write itself", async () => {
    const desk = new Desk()
    desk.open = [{ ...desk.told, moreCandidates: 1 }]
    await desk.connect()
    await desk.conflicts.resolve(desk.told.id, { value: 3 })
    assert.deepEqual(desk.resolved, [[desk.open[0], { value: 3 }]])
    assert.equal(desk.apart.handle.doc().x === 3, false)
    assert.deepEqual(desk.conflicts.list(), [])
  })

  test("keeps a conflict in the list when it could not be settled", async () => {
    const server = { openOf: async () => desk.open, resolve: async () => Promise.reject(new TiebreakError("offline", "away")) }
    const desk = new Desk({ server })
    desk.open = [{ ...desk.told, moreCandidates: 1 }]
    desk.conflicts.connected({ isTiebreak: true })
    desk.conflicts.looked()
    await until("it is read", () => desk.conflicts.list().length === 1)
    await assert.rejects(desk.conflicts.resolve(desk.told.id, { value: 3 }), { code: "offline" })
    await assert.rejects(desk.conflicts.resolve(desk.told.id, { value: undefined }), { code: "invalid_argument" })
    await assert.rejects(desk.conflicts.resolve("cnf_2", { value: 3 }), { code: "not_found" })
    assert.equal(desk.conflicts.list().length, 1)
  })

  test("shows a conflict again when the server refuses the choice", async () => {
    const desk = await new Desk().connect()
    desk.isDurable = false
    await desk.conflicts.resolve(desk.told.id, { value: 3 })
    const change = desk.apart.lastChange.hash
    desk.conflicts.hear({ kind: "refused", refused: { documentId: desk.document, change: "another", code: "", detail: "" } })
    assert.equal(desk.conflicts.list().length, 0)
    desk.conflicts.hear({ kind: "refused", refused: { documentId: desk.document, change, code: "", detail: "" } })
    assert.equal(desk.conflicts.list().length, 1)
  })

  test("knows after a reload without a network what was open, and what was settled", async () => {
    const storage = new MemoryStorage()
    const before = await new Desk({ storage }).connect()
    await before.conflicts.close()
    const reload = async () => {
      const desk = new Desk({ storage })
      await desk.conflicts.load()
      return desk.conflicts
    }
    assert.deepEqual((await reload()).list(), [before.told])
    const settling = new Desk({ storage })
    await settling.conflicts.load()
    await settling.conflicts.resolve(before.told.id, { value: 3 })
    await settling.conflicts.close()
    assert.deepEqual((await reload()).list(), [])
    const wiping = await reload()
    await wiping.wipe()
    assert.deepEqual(storage.keys(), [])
  })

  test("has its conflicts decided by a program, after each reading and without a person", async () => {
    const decide = ({ candidates }) => ({ candidate: candidates[1].id })
    const desk = await new Desk({ decide }).connect()
    assert.equal(desk.apart.handle.doc().x, 2)
    assert.deepEqual(desk.conflicts.list(), [])
  })
})

test("the server's hint is a message of the extension", () => {
  const fields = { type: "x-tiebreak:conflict", senderId: "s", targetId: "t", documentId: conflict().document, conflict: "cnf_1", state: "open" }
  assert.deepEqual(decodeFrame(cbor.encode(fields)), { kind: "conflict", documentId: conflict().document })
})

test("a hint that comes on the connection is followed by a look at the same server, over HTTP", async t => {
  const asked = []
  const answer = { items: [], next: null }
  t.mock.method(globalThis, "fetch", async url => {
    asked.push(url.href)
    return new Response(JSON.stringify(answer))
  })
  const server = await ScriptedServer.start(t, answerAll)
  const storage = new MemoryStorage()
  const device = await openDevice(t, { url: server.url, storage })
  const { documentId } = device.create({ display_name: "Ann" })
  let changes = 0
  device.on("conflicts", () => (changes += 1))
  const connection = await server.connection(1)
  answer.items = [conflict({ document: documentId })]
  connection.send({ type: "x-tiebreak:conflict", documentId, conflict: "cnf_1", state: "open" })
  await until("it is told", () => changes === 1)
  assert.deepEqual(asked, [`http://127.0.0.1:${server.port}/v1/conflicts?document=${documentId}&state=open`])
  assert.deepEqual(device.conflicts(documentId).map(({ id }) => id), ["cnf_1"])
  assert.equal(device.conflicts(), device.conflicts(), "the same until it changes")
  await device.delete(documentId)
  assert.deepEqual(device.conflicts(), [])
  const other = device.create({}).documentId
  answer.items = [conflict({ document: other })]
  connection.send({ type: "x-tiebreak:conflict", documentId: other, conflict: "cnf_1", state: "open" })
  await until("it is stored", () => storage.keys().includes(`tiebreak-conflicts/${other}`))
  await device.disconnectAndClear()
  assert.deepEqual(storage.keys(), [])
})

test("a choice that the server has not confirmed is not read away, and one that it has is looked after", async t => {
  const answer = { items: [], next: null }
  let reads = 0
  t.mock.method(globalThis, "fetch", async () => {
    reads += 1
    return new Response(JSON.stringify(answer))
  })
  const server = await ScriptedServer.start(t, answerAll)
  const device = await openDevice(t, { url: server.url })
  const handle = device.create({ display_name: "Ann" })
  const { documentId } = handle
  const connection = await server.connection(1)
  const hint = async () => {
    const before = reads
    connection.send({ type: "x-tiebreak:conflict", documentId, conflict: "cnf_1", state: "open" })
    await until("it is read", () => reads > before)
    await breathe()
  }
  const [[, id]] = Automerge.getBackend(handle.doc()).getAll("_root", "display_name")
  const changes = Automerge.getHeads(handle.doc())
  const told = conflict({ document: documentId, candidates: [{ id, change: changes[0], changes, actor: "aa", value: "Ann" }] })
  answer.items = [told]
  await hint()
  await until("it is told", () => device.conflicts().length === 1)
  await device.resolve("cnf_1", { value: "Anna" })
  assert.equal(handle.doc().display_name, "Anna")
  answer.items = [{ ...told, version: 2 }]
  await hint()
  assert.deepEqual(device.conflicts(), [])
  connection.send({ type: "x-tiebreak:durable", documentId, heads: Automerge.getHeads(handle.doc()) })
  await until("the server is asked what became of it", () => device.conflicts()[0]?.version === 2)
})

test("nothing is asked over HTTP without a connection", async t => {
  let asked = 0
  const answers = []
  t.mock.method(globalThis, "fetch", () => {
    asked += 1
    return new Promise(resolve => answers.push(resolve))
  })
  const server = await ScriptedServer.start(t, answerAll)
  const device = await openDevice(t, { url: server.url })
  const { documentId } = device.create({})
  const connection = await server.connection(1)
  connection.send({ type: "x-tiebreak:conflict", documentId, conflict: "cnf_1", state: "open" })
  await until("it is asked", () => asked === 1)
  device.disconnect()
  answers[0](new Response("{}", { status: 503 }))
  await never("it is tried again", () => asked > 1, 300)
})
