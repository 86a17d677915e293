import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Automerge } from "@automerge/automerge-repo/slim"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { until } from "../../../tests/interop/harness/until.mjs"
import { AccountServerUnderTest } from "./harness/account.mjs"
import { MemoryStorage, openDevice, untilState } from "./harness/device.mjs"

const UPLOAD = { timeoutMs: 20_000 }

/** Two devices with the same document, `{ "@kind": kind, ...content }`. */
async function twoDevices(t, content, { kind = "profile", options = [{}, {}], flags = [] } = {}) {
  const server = await Server.start(t, { flags })
  const [phone, laptop] = [
    await openDevice(t, { url: server.url, ...options[0] }),
    await openDevice(t, { url: server.url, ...options[1] }),
  ]
  const here = phone.create({ "@kind": kind, ...content })
  await phone.waitForUpload(UPLOAD)
  const there = await laptop.find(here.url)
  return { server, phone, laptop, here, there }
}

/** Each does something while it is offline, and comes back after it. */
async function disagree({ phone, laptop, here, there }, edit, otherEdit) {
  await offline(phone)
  await offline(laptop)
  here.change(edit)
  there.change(otherEdit)
  await online(phone)
  await online(laptop)
  await sameEverywhere(here, there)
}

async function offline(device) {
  device.disconnect()
  await untilState(device, "offline")
}

async function online(device) {
  device.connect()
  await untilState(device, "connected")
  await device.waitForUpload(UPLOAD)
}

/** Has every device ask the server anew. */
async function askAgain(...devices) {
  for (const device of devices) {
    await offline(device)
    await online(device)
  }
}

function sameEverywhere(here, there) {
  return until("both have the same", () => String(here.heads()) === String(there.heads()))
}

/** The one conflict that a device shows. */
function theConflict(device) {
  return until("it knows of a conflict", () => {
    const [conflict, ...more] = device.conflicts()
    assert.deepEqual(more, [])
    return conflict
  })
}

async function openOnServer(server) {
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/conflicts?state=open`)
  return (await response.json()).items
}

const rename = name => doc => void (doc.display_name = name)
const sideWith = (conflict, value) => ({ candidate: conflict.candidates.find(side => side.value === value).id })

describe("two devices that disagree", () => {
  test("both learn of it, and one settles it for both, offline", async t => {
    const pair = await twoDevices(t, { display_name: "Ann" })
    const { server, phone, laptop, here, there } = pair
    await disagree(pair, rename("Anna"), rename("Anne"))
    // The server finds it when the second one comes: the first has to ask.
    await askAgain(phone)
    const conflict = await theConflict(phone)
    assert.deepEqual(await theConflict(laptop), conflict)
    assert.deepEqual([conflict.document, conflict.kind, conflict.label], [here.documentId, "profile", "Name"])
    assert.deepEqual([conflict.base, conflict.type], ["Ann", "write_write"])
    assert.deepEqual(new Set(conflict.candidates.map(({ value }) => value)), new Set(["Anna", "Anne"]))

    // What is shown already: the choice is one nevertheless.
    const shown = here.doc().display_name
    await offline(phone)
    let events = 0
    phone.on("conflicts", () => (events += 1))
    await phone.resolve(conflict.id, sideWith(conflict, shown))
    assert.deepEqual([phone.conflicts(), events], [[], 1])
    assert.equal(phone.pendingOf(here.url), 1)
    await online(phone)
    await sameEverywhere(here, there)
    assert.deepEqual([here.doc().display_name, there.doc().display_name], [shown, shown])
    for (const handle of [here, there]) assert.equal(Automerge.getConflicts(handle.doc(), "display_name"), undefined)
    assert.deepEqual(await openOnServer(server), [])
    await askAgain(phone, laptop)
    await until("the laptop has heard", () => laptop.conflicts().length === 0)
    assert.deepEqual(phone.conflicts(), [])
    const settled = await (await fetch(`http://127.0.0.1:${server.port}/v1/conflicts/${conflict.id}`)).json()
    assert.deepEqual([settled.state, settled.settled.how, settled.settled.value], ["settled", "choice", shown])
  })

  test("hear of an edit that came late, which is in conflict with the choice", async t => {
    const pair = await twoDevices(t, { display_name: "Ann" })
    const { server, phone, laptop, here, there } = pair
    await disagree(pair, rename("Anna"), rename("Anne"))
    const conflict = await theConflict(laptop)
    await offline(laptop)
    await laptop.resolve(conflict.id, sideWith(conflict, "Anne"))
    here.change(rename("Annie"))
    await phone.waitForUpload(UPLOAD)
    await online(laptop)
    await sameEverywhere(here, there)
    const again = await theConflict(laptop)
    assert.deepEqual(new Set(again.candidates.map(({ value }) => value)), new Set(["Anne", "Annie"]))
    assert.equal((await openOnServer(server)).length, 1)
    await laptop.resolve(again.id, { value: "Ann B." })
    await laptop.waitForUpload(UPLOAD)
    assert.deepEqual(await openOnServer(server), [])
    await until("the phone has it", () => here.doc().display_name === "Ann B.")
  })

  test("know of it after a reload without a network, and settle it then", async t => {
    const storage = new MemoryStorage()
    const pair = await twoDevices(t, { display_name: "Ann" }, { options: [{}, { storage }] })
    const { server, laptop, phone, here } = pair
    await disagree(pair, rename("Anna"), rename("Anne"))
    const conflict = await theConflict(laptop)
    await laptop.close()
    const reopened = await openDevice(t, { url: server.url, storage, autoConnect: false })
    assert.deepEqual(reopened.conflicts(here.url), [conflict])
    await reopened.resolve(conflict.id, sideWith(conflict, "Anna"))
    await reopened.close()
    const later = await openDevice(t, { url: server.url, storage, autoConnect: false })
    assert.deepEqual(later.conflicts(), [])
    await online(later)
    assert.deepEqual(await openOnServer(server), [])
    await until("the phone has it", () => Automerge.getConflicts(here.doc(), "display_name") === undefined)
    assert.equal(here.doc().display_name, "Anna")
    await askAgain(phone)
    assert.deepEqual(phone.conflicts(), [])
  })
})

describe("a line that one device removes and the other changes", () => {
  const cart = { lines: { bread: { qty: 1, note: "" }, milk: { qty: 1, note: "" } } }
  const remove = doc => void delete doc.lines.bread
  const edit = doc => void (doc.lines.bread.note = "sliced")

  for (const [what, keep, lines] of [
    ["is kept, as it was changed", true, { bread: { qty: 1, note: "sliced" }, milk: { qty: 1, note: "" } }],
    ["is removed", false, { milk: { qty: 1, note: "" } }],
  ]) {
    test(what, async t => {
      const pair = await twoDevices(t, cart, { kind: "cart" })
      const { server, phone, laptop, here, there } = pair
      await disagree(pair, remove, edit)
      const conflict = await theConflict(laptop)
      assert.equal(conflict.type, "delete_edit")
      await offline(laptop)
      await laptop.resolve(conflict.id, { keep })
      assert.deepEqual(there.doc().lines, lines)
      await online(laptop)
      await sameEverywhere(here, there)
      assert.deepEqual(here.doc().lines, lines)
      assert.deepEqual(await openOnServer(server), [])
      await askAgain(phone, laptop)
      assert.deepEqual([phone.conflicts(), laptop.conflicts()], [[], []])
    })
  }
})

describe("the server takes the choice of a device for its own, of", () => {
  const { Counter, ImmutableString } = Automerge
  const set = value => doc => void (doc.x = value)
  const cases = {
    "two texts": ["before", set("one"), set("two"), "write_write"],
    "two fixed strings": [new ImmutableString("before"), set(new ImmutableString("1")), set(new ImmutableString("2")), "write_write"],
    "two objects under one key": [null, set({ a: 1 }), set({ b: ["text"] }), "write_write"],
    "a removed value and another": ["before", doc => void delete doc.x, set("two"), "delete_edit"],
    "an object put in place of one that is edited": [{ a: 1 }, set({ b: 2 }), doc => void (doc.x.a = 3), "replace_edit"],
    "a counter set anew and one that counts on": [new Counter(1), set(new Counter(0)), doc => doc.x.increment(2), "lost_increment"],
    "an element of a list": [["a", "b"], doc => void (doc.x[1] = "one"), doc => void (doc.x[1] = "two"), "write_write"],
    "a removed element": [["a", new ImmutableString("b")], doc => doc.x.pop(), doc => void (doc.x[1] = "two"), "delete_edit"],
    "a removed element with an edit in it": [[{ a: 1 }], doc => doc.x.pop(), doc => void (doc.x[0].a = 2), "delete_edit"],
  }
  for (const [what, [before, edit, otherEdit, type]] of Object.entries(cases)) {
    test(what, async t => {
      for (const side of [0, 1]) {
        const pair = await twoDevices(t, { x: before }, { kind: "plain", flags: ["--plain-documents", "flagged"] })
        const { server, laptop, here, there } = pair
        await disagree(pair, edit, otherEdit)
        const conflict = await theConflict(laptop)
        assert.equal(conflict.type, type)
        await laptop.resolve(conflict.id, { candidate: conflict.candidates[side].id })
        await laptop.waitForUpload(UPLOAD)
        assert.deepEqual(await openOnServer(server), [])
        await sameEverywhere(here, there)
        const settled = await (await fetch(`http://127.0.0.1:${server.port}/v1/conflicts/${conflict.id}`)).json()
        assert.deepEqual([settled.state, settled.settled.value], ["settled", conflict.candidates[side].value])
        await askAgain(laptop)
        assert.deepEqual(laptop.conflicts(), [])
      }
    })
  }
})

describe("a program that decides", () => {
  test("settles what it wants to, and leaves the rest to people", async t => {
    const asked = []
    const conflictResolver = conflict => {
      asked.push(conflict.label)
      return conflict.label === "Name" ? sideWith(conflict, "Anne") : null
    }
    const content = { display_name: "Ann", birthday: "2000-01-01" }
    const pair = await twoDevices(t, content, { options: [{}, { conflictResolver }] })
    const { server, laptop, here, there } = pair
    const edit = (name, birthday) => doc => Object.assign(doc, { display_name: name, birthday })
    await disagree(pair, edit("Anna", "2001-01-01"), edit("Anne", "2002-01-01"))
    await until("both are asked for", () => asked.length === 2)
    await laptop.waitForUpload(UPLOAD)
    await sameEverywhere(here, there)
    assert.equal(here.doc().display_name, "Anne")
    assert.deepEqual(laptop.conflicts().map(({ label }) => label), ["Birthday"])
    await askAgain(laptop)
    assert.deepEqual((await openOnServer(server)).map(({ label }) => label), ["Birthday"])
    assert.deepEqual(asked.sort(), ["Birthday", "Name"])
  })
})

test("a device that lacks a side has the server settle it, and needs it for that", async t => {
  const pair = await twoDevices(t, { display_name: "Ann" })
  const { server, laptop, here, there } = pair
  await disagree(pair, rename("Anna"), rename("Anne"))
  const storage = new MemoryStorage()
  const conflict = await theConflict(laptop)
  // Another device, which has heard of the conflict and lost the document.
  await storage.save(["tiebreak-conflicts", here.documentId], new TextEncoder().encode(JSON.stringify({ open: [conflict], settled: {} })))
  const other = await openDevice(t, { url: server.url, storage, autoConnect: false })
  await server.stop()
  await assert.rejects(other.resolve(conflict.id, { value: "Annie" }), { code: "offline" })
  assert.equal(other.conflicts().length, 1)
  await server.restart()
  await other.resolve(conflict.id, { value: "Annie" })
  assert.deepEqual([other.conflicts(), await openOnServer(server)], [[], []])
  await until("everybody has it", () => [here, there].every(handle => handle.doc().display_name === "Annie"))
})

test("conflicts between accounts say whose the sides are, and a choice does not know what was written beside it", async t => {
  const server = await AccountServerUnderTest.start(t)
  const [ann, bob] = [await server.signUp("ann"), await server.signUp("bob")]
  const anns = await openDevice(t, { url: server.url, account: ann })
  const bobs = await openDevice(t, { url: server.url, account: bob })
  const here = anns.create({ "@kind": "profile", display_name: "Ann" })
  await anns.waitForUpload(UPLOAD)
  await ann.share(here.url, "bob", "editor")
  const there = await until("it is shared", () => bobs.find(here.url))
  await disagree({ phone: anns, laptop: bobs, here, there }, rename("Anna"), rename("Anne"))
  const conflict = await theConflict(bobs)
  const accountOf = value => conflict.candidates.find(side => side.value === value).principal.account
  assert.deepEqual([accountOf("Anna"), accountOf("Anne")], [ann.id, bob.id])
  // The choice follows from the sides, and not from this: automerge makes it under an actor of its own.
  await offline(bobs)
  there.change(doc => void (doc.birthday = "2000-01-01"))
  await bobs.resolve(conflict.id, sideWith(conflict, "Anna"))
  assert.equal(there.doc().birthday, "2000-01-01")
  await online(bobs)
  const actors = Automerge.getChangesMetaSince(there.doc(), []).map(({ actor }) => actor)
  assert.equal(new Set(actors).size, 3)
  await askAgain(anns, bobs)
  await sameEverywhere(here, there)
  assert.deepEqual([anns.conflicts(), bobs.conflicts(), here.doc().display_name], [[], [], "Anna"])
})
