import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { TiebreakError } from "@tiebreak/client"
import { breathe, until } from "../../../tests/interop/harness/until.mjs"
import { Answer } from "../dist/account/account_server.js"
import { conflictOf } from "../dist/conflicts/conflict.js"
import { ConflictBook } from "../dist/conflicts/conflict_book.js"
import { ConflictReader } from "../dist/conflicts/conflict_reader.js"
import { ConflictResolver } from "../dist/conflicts/conflict_resolver.js"
import { ConflictServer } from "../dist/conflicts/conflict_server.js"
import { httpUrlOf } from "../dist/server_url.js"
import { Net } from "./harness/account.mjs"
import { conflict } from "./harness/conflicts.mjs"
import { FAST_BACKOFF, SLOW_BACKOFF } from "./harness/device.mjs"

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
