import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Automerge, cbor } from "@automerge/automerge-repo/slim"
import { TiebreakError } from "@tiebreak/client"
import { breathe, never, until } from "../../../tests/interop/harness/until.mjs"
import { Answer } from "../dist/account/account_server.js"
import { conflictOf } from "../dist/conflicts/conflict.js"
import { ConflictBook } from "../dist/conflicts/conflict_book.js"
import { ConflictReader } from "../dist/conflicts/conflict_reader.js"
import { ConflictResolver } from "../dist/conflicts/conflict_resolver.js"
import { ConflictServer } from "../dist/conflicts/conflict_server.js"
import { Conflicts } from "../dist/conflicts/conflicts.js"
import { httpUrlOf } from "../dist/server_url.js"
import { decodeFrame } from "../dist/wire.js"
import { Net } from "./harness/account.mjs"
import { Apart, conflict } from "./harness/conflicts.mjs"
import { FAST_BACKOFF, MemoryStorage, openDevice, silent, SLOW_BACKOFF } from "./harness/device.mjs"
import { answerAll, ScriptedServer } from "./harness/scripted_server.mjs"

const D = conflict().document
const NONE = new Set()

describe("the list of conflicts", () => {
  const book = (...open) => {
    const book = new ConflictBook()
    book.read(D, open, NONE)
    return book
  }

  test("is the same object until it changes", () => {
    const known = book(conflict())
    const [all, ofDocument] = [known.list(), known.list(D)]
    assert.equal(known.read(D, [conflict()], NONE), false)
    assert.equal(known.list(), all)
    assert.equal(known.list(D), ofDocument)
    assert.ok(Object.isFrozen(all) && Object.isFrozen(ofDocument))
    assert.equal(known.read(D, [conflict({ version: 2 })], NONE), true)
    assert.equal(known.list()[0].version, 2)
    assert.deepEqual(known.list("another document"), [])
  })

  test("lacks what was settled here, whatever is read before the server has the choice", () => {
    const known = book(conflict())
    assert.equal(known.settle(conflict(), "change"), true)
    assert.deepEqual(known.list(), [])
    for (const version of [1, 2, 3]) known.read(D, [conflict({ version })], known.arrived(D, () => false))
    assert.deepEqual(known.list(), [])
    known.read(D, [], known.arrived(D, () => false))
    known.read(D, [conflict()], known.arrived(D, () => false))
    assert.deepEqual(known.list(), [], "an answer without it, of before, does not make it forget")
  })

  test("has it again when the server has the choice, and says that it is open as another version", () => {
    const known = book(conflict())
    known.settle(conflict(), "change")
    const arrived = () => known.arrived(D, change => change === "change")
    known.read(D, [conflict()], arrived())
    assert.deepEqual(known.list(), [], "the same version")
    known.read(D, [conflict({ version: 3 })], arrived())
    assert.deepEqual(known.list().map(({ version }) => version), [3])
  })

  test("has it again when the server refuses the choice", () => {
    const known = book(conflict(), conflict({ id: "cnf_2" }))
    known.settle(conflict(), "change")
    known.settle(conflict({ id: "cnf_2" }), "another change")
    assert.equal(known.unsettle(D, change => change === "change"), true)
    assert.deepEqual(known.list().map(({ id }) => id), ["cnf_1"])
  })

  test("remembers nothing of a document in which nothing is open", () => {
    const known = book(conflict())
    known.settle(conflict(), "change")
    known.read(D, [], known.arrived(D, () => true))
    assert.deepEqual(known.documents(), [])
  })
})

describe("reading", () => {
  function reader(read = async () => {}, backoff = SLOW_BACKOFF) {
    const [asked, answers, failures] = [[], [], []]
    const made = new ConflictReader({
      backoff,
      read: document => {
        asked.push(document)
        return new Promise((resolve, reject) => answers.push({ resolve, reject })).then(() => read(document))
      },
      failed: (_, error) => failures.push(error),
    })
    made.start()
    return { made, asked, answers, failures }
  }

  test("goes once at a time for each document, and once more for whatever was wanted meanwhile", async () => {
    const { made, asked, answers } = reader()
    for (let time = 0; time < 5; time += 1) made.want("one")
    made.want("two")
    assert.deepEqual(asked, ["one", "two"])
    answers[0].resolve()
    await until("it is read again", () => asked.length === 3)
    answers[2].resolve()
    answers[1].resolve()
    await breathe()
    assert.deepEqual(asked, ["one", "two", "one"])
  })

  test("of many documents goes for a few at once", async () => {
    const { made, asked, answers } = reader()
    for (let number = 0; number < 20; number += 1) made.want(`document ${number}`)
    assert.equal(asked.length, 4)
    for (let number = 0; number < 20; number += 1) {
      answers[number].resolve()
      await breathe()
    }
    assert.equal(asked.length, 20)
  })

  test("that fails for now is tried again, and what fails for good is not", async () => {
    const { made, asked, answers, failures } = reader(undefined, FAST_BACKOFF)
    made.want("one")
    answers[0].reject(new TiebreakError("busy", "later"))
    await until("it is read again", () => asked.length === 2)
    answers[1].reject(new TiebreakError("server", "what is that"))
    await until("it is told", () => failures.length === 2)
    assert.equal(asked.length, 2)
    made.stop()
  })

  test("ends with the connection", async () => {
    const { made, asked, answers } = reader()
    made.want("one")
    made.want("one")
    made.stop()
    answers[0].resolve()
    await breathe()
    made.want("two")
    assert.deepEqual(asked, ["one"])
    made.start()
    made.want("two")
    assert.deepEqual(asked, ["one", "two"])
  })
})

describe("over HTTP", () => {
  const server = net => new ConflictServer({ server: "https://sync.example/", fetch: net.fetch, getToken: net.getToken })
  const page = (items, next) => [200, { items, next }]
  const item = id => ({ id, document: D, path: [], label: "", type: "write_write", version: 1, candidates: [] })

  test("the address is the WebSocket's", () => {
    assert.equal(httpUrlOf("wss://sync.example/automerge"), "https://sync.example/")
    assert.equal(httpUrlOf("ws://127.0.0.1:1234/below/automerge?x"), "http://127.0.0.1:1234/below/")
  })

  test("all pages are read, up to a number", async () => {
    const net = new Net()
    const pages = [page([item("cnf_1")], "second"), page([item("cnf_2")], null)]
    net.answer = () => pages.shift() ?? page([item("cnf_3")], "another")
    assert.deepEqual((await server(net).openOf(D)).map(({ id }) => id), ["cnf_1", "cnf_2"])
    assert.equal((await server(net).openOf(D)).length, 10)
  })

  test("a token is asked for once, and again when it is not taken", async () => {
    const net = new Net()
    const reasons = []
    net.getToken = async ({ reason }) => {
      reasons.push(reason)
      return `token ${reasons.length}`
    }
    let isOver = false
    net.answer = () => (isOver ? ((isOver = false), [401, { code: "token_expired" }]) : page([], null))
    const asked = server(net)
    await asked.openOf(D)
    await asked.openOf(D)
    assert.deepEqual(reasons, ["initial"])
    isOver = true
    await asked.openOf(D)
    assert.deepEqual(reasons, ["initial", "expired"])
    net.getToken = async () => null
    await assert.rejects(server(net).openOf(D), { code: "signed_out" })
  })

  test("a resolution holds for the version that was read", async () => {
    let sent
    const fetch = async (url, init) => ((sent = { url: url.href, ...init }), new Response("{}"))
    const resolving = new ConflictServer({ server: "https://sync.example/", fetch })
    await resolving.resolve(conflict({ version: 7 }), { keep: true })
    assert.equal(sent.url, "https://sync.example/v1/conflicts/cnf_1/resolution")
    assert.equal(sent.headers["if-match"], '"7"')
    assert.equal(sent.body, '{"keep":true}')
    const answers = { conflict_closed: [409, "conflict_closed"], precondition_failed: [412, "conflict_changed"] }
    for (const [problem, [status, code]] of Object.entries(answers)) {
      const net = new Net()
      net.answer = () => [status, { code: problem }]
      await assert.rejects(server(net).resolve(conflict(), { value: 1 }), { code })
    }
  })

  test("a conflict is read as it is told, and what another version adds is passed over", () => {
    const told = conflictOf(
      new Answer({
        ...item("cnf_1"),
        kind: "profile",
        base: "Ann",
        later: true,
        more_candidates: 2,
        candidates: [
          { id: "1@aa", removed: true, value: null, change: "c", changes: ["c"], actor: "aa", principal: { account: "acc_1", name: null } },
          { id: "2@bb", removed: false, value: null, secret: true, change: "d", changes: ["d"], actor: "bb", device_time: "then" },
        ],
      }),
    )
    assert.deepEqual([told.base, told.moreCandidates, told.openedAt], ["Ann", 2, null])
    const [one, other] = told.candidates
    assert.deepEqual([one.removed, one.secret, one.principal], [true, false, { account: "acc_1", name: null }])
    assert.deepEqual([other.secret, other.truncated, other.deviceTime, other.principal], [true, false, "then", null])
    assert.throws(() => conflictOf(new Answer({ id: "cnf_1" })), { code: "server" })
  })
})

describe("a program that decides", () => {
  test("is asked once for each version, and three times at most", () => {
    const asked = []
    const resolver = new ConflictResolver({ decide: ({ version }) => void asked.push(version) })
    for (const version of [1, 1, 2, 2, 3, 4, 5, 1]) resolver.offer([conflict({ version })])
    assert.deepEqual(asked, [1, 2, 3])
  })

  test("is asked again for what could not be carried out, but not when it throws", async () => {
    const [asked, failures] = [[], []]
    const decide = each => {
      asked.push(each.id)
      if (each.id === "cnf_2") throw new Error("a mistake")
      return { keep: true }
    }
    const resolve = async () => {
      if (asked.length < 3) throw new TiebreakError("offline", "away")
    }
    const resolver = new ConflictResolver({ decide, resolve, failed: (_, error) => failures.push(error) })
    for (let time = 0; time < 3; time += 1) {
      resolver.offer([conflict(), conflict({ id: "cnf_2" })])
      await breathe()
    }
    assert.deepEqual(asked, ["cnf_1", "cnf_2", "cnf_1"])
    assert.equal(failures.length, 2)
  })
})

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
  const fields = { type: "x-tiebreak:conflict", senderId: "s", targetId: "t", documentId: D, conflict: "cnf_1", state: "open" }
  assert.deepEqual(decodeFrame(cbor.encode(fields)), { kind: "conflict", documentId: D })
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
