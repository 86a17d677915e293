// Two stock clients disagree: the server says so, over HTTP, and what is chosen there stands on both.

import { getConflicts } from "@automerge/automerge"
import { Counter, ImmutableString, splice } from "@automerge/automerge-repo"
import assert from "node:assert/strict"
import { test } from "node:test"
import { Client, untilEqual } from "../harness/client.mjs"
import { isForeign, Server } from "../harness/server.mjs"

const profile = () => ({ "@kind": "profile", display_name: "Ann", bio: "walks", units: "metric" })
const cart = () => ({ "@kind": "cart", lines: { tent: { qty: new Counter(1), note: "" } } })
const group = () => ({ "@kind": "group", name: "Walkers", events: { lake: { title: "To the lake", place: "Sea" } } })
const plain = () => ({ steps: new Counter(1), list: ["a", "b"] })

const named = name => doc => void (doc.display_name = name)
const removeTent = doc => void delete doc.lines.tent
const twoMore = doc => doc.lines.tent.qty.increment(2)
const stove = note => doc => void (doc.lines.stove = { qty: new Counter(1), note })

/** What two people do apart, what the server calls it, how it is settled, and what stands then. */
const DISAGREEMENTS = [
  ["two names", profile, named("Anna"), named("Anne"), "write_write", { value: "Annie" }, doc => doc.display_name === "Annie"],
  [
    "two names as values",
    profile,
    doc => void (doc.display_name = new ImmutableString("Anna")),
    doc => void (doc.display_name = new ImmutableString("Anne")),
    "write_write",
    { pick: "Anna" },
    doc => String(doc.display_name) === "Anna",
  ],
  ["a name put down and typed in", profile, named("Bob"), doc => splice(doc, ["display_name"], 3, 0, "a"), "replace_edit", { pick: "Anna" }, doc => doc.display_name === "Anna"],
  ["a line removed while more are wanted, kept", cart, removeTent, twoMore, "delete_edit", { keep: true }, doc => Number(doc.lines.tent.qty) === 3],
  ["more wanted while the line is removed, removed", cart, twoMore, removeTent, "delete_edit", { keep: false }, doc => !("tent" in doc.lines)],
  ["one line made twice", cart, stove("gas"), stove("wood"), "write_write", { value: { qty: 2, note: "both" } }, doc => doc.lines.stove.note === "both" && Number(doc.lines.stove.qty) === 2],
  [
    "a field deep inside",
    group,
    doc => void (doc.events.lake.place = "Lake"),
    doc => void (doc.events.lake.place = "Shore"),
    "write_write",
    { pick: "Shore" },
    doc => doc.events.lake.place === "Shore",
  ],
  ["a counter counted and written over", plain, doc => doc.steps.increment(5), doc => void (doc.steps = 0), "lost_increment", { value: 6 }, doc => doc.steps === 6],
  ["an element written twice", plain, doc => void (doc.list[0] = "x"), doc => void (doc.list[0] = "y"), "write_write", { pick: "x" }, doc => doc.list[0] === "x"],
  ["an element removed and written", plain, doc => doc.list.splice(0, 1), doc => void (doc.list[0] = "y"), "delete_edit", { keep: false }, doc => doc.list.length === 1 && doc.list[0] === "b"],
]

const AGREEMENTS = [
  ["the same name", profile, named("Anna"), named("Anna")],
  ["typing in one text", profile, doc => splice(doc, ["bio"], 0, 0, "Ann "), doc => splice(doc, ["bio"], 5, 0, " far")],
  ["a field for the last one", profile, doc => void (doc.locale = "de"), doc => void (doc.locale = "fr")],
  ["counting", cart, twoMore, twoMore],
  ["different fields", profile, named("Anna"), doc => void (doc.height_cm = 170)],
]

/** Two people with one document who do these things without knowing of each other. */
async function apart(server, [ann, bob], [make, first, second]) {
  const anns = ann.repo.create(make())
  const bobs = await bob.find(anns.url)
  await untilEqual([anns, bobs])
  // Nothing travels before both have written.
  anns.change(first)
  bobs.change(second)
  await untilEqual([anns, bobs], doc => doc !== undefined && anns.heads().length > 1)
  return { handles: [anns, bobs], id: anns.documentId, server }
}

async function conflictsOf({ server, id }) {
  const answer = await fetch(`${server.http}/v1/conflicts?document=${id}`)
  assert.equal(answer.status, 200)
  return (await answer.json()).items
}

async function settle(server, conflict, choice) {
  const picked = conflict.candidates.find(({ value }) => value === choice.pick)
  const body = choice.pick === undefined ? choice : { candidate: picked.id }
  const headers = { "content-type": "application/json", "if-match": `"${conflict.version}"` }
  const url = `${server.http}/v1/conflicts/${conflict.id}/resolution`
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })
  assert.equal(answer.status, 200, await answer.clone().text())
  return answer.json()
}

test("stock clients that disagree are recorded, and what is chosen stands on both", { skip: isForeign }, async t => {
  const server = await Server.start(t, { flags: ["--plain-documents", "flagged"] })
  const people = [await Client.connect(t, server.url), await Client.connect(t, server.url)]
  for (const [what, make, first, second, type, choice, isRight] of DISAGREEMENTS) {
    const story = await apart(server, people, [make, first, second])
    const [conflict, ...more] = await conflictsOf(story)
    assert.deepEqual([conflict?.type, conflict?.state, more.length], [type, "open", 0], what)
    assert.equal(conflict.candidates.length, 2, what)
    const settled = await settle(server, conflict, choice)
    assert.deepEqual([settled.state, settled.settled.how], ["settled", "choice"], what)
    await untilEqual(story.handles, isRight)
    assert.deepEqual((await conflictsOf(story)).map(({ state }) => state), ["settled"], what)
  }
})

test("stock clients whose edits merge are not bothered", { skip: isForeign }, async t => {
  const server = await Server.start(t)
  const people = [await Client.connect(t, server.url), await Client.connect(t, server.url)]
  for (const [what, make, first, second] of AGREEMENTS) {
    assert.deepEqual(await conflictsOf(await apart(server, people, [make, first, second])), [], what)
  }
})

test("a stock client settles by writing the field once it has seen both sides", { skip: isForeign }, async t => {
  const server = await Server.start(t)
  const people = [await Client.connect(t, server.url), await Client.connect(t, server.url)]
  const story = await apart(server, people, [profile, named("Anna"), named("Anne")])
  const [anns] = story.handles
  assert.equal(Object.keys(getConflicts(anns.doc(), "display_name")).length, 2)
  anns.change(named("Annabel"))
  await untilEqual(story.handles, doc => doc.display_name === "Annabel")
  const [conflict] = await conflictsOf(story)
  assert.deepEqual([conflict.state, conflict.settled.how, conflict.settled.value], ["overtaken", "write", "Annabel"])
})
