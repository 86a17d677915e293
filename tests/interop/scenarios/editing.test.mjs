// Two people, one document; one person, many documents.

import { splice } from "@automerge/automerge-repo"
import assert from "node:assert/strict"
import { test } from "node:test"
import { Client, untilEqual } from "../harness/client.mjs"
import { Server } from "../harness/server.mjs"
import { until } from "../harness/until.mjs"

const DOCUMENTS = 100

test("two stock clients that edit one document converge", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ text: "", counts: {} })
  const bobs = await bob.find(anns.url)
  for (let i = 0; i < 100; i++) {
    anns.change(doc => splice(doc, ["text"], 0, 0, "a"))
    bobs.change(doc => splice(doc, ["text"], 0, 0, "b"))
    anns.change(doc => void (doc.counts[`ann ${i}`] = i))
    bobs.change(doc => void (doc.counts[`bob ${i}`] = i))
  }
  await untilEqual([anns, bobs], doc => doc.text.length === 200 && Object.keys(doc.counts).length === 200)
})

test("a client that comes later gets what was written before it came", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({ title: "before" })
  const bob = await Client.connect(t, server.url)
  const bobs = await bob.find(anns.url)
  assert.equal(bobs.doc().title, "before")
  await ann.close()
  const eve = await Client.connect(t, server.url)
  const eves = await eve.find(anns.url)
  assert.deepEqual(eves.heads(), anns.heads())
})

test("many documents on one socket stay apart", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = Array.from({ length: DOCUMENTS }, (_, i) => ann.repo.create({ number: i, texts: [] }))
  const bobs = await Promise.all(anns.map(handle => bob.find(handle.url)))
  for (const [i, handle] of bobs.entries()) handle.change(doc => void doc.texts.push(`bob in ${i}`))
  for (const [i, handle] of anns.entries()) handle.change(doc => void doc.texts.push(`ann in ${i}`))
  for (const [i, handle] of anns.entries()) await untilEqual([handle, bobs[i]], doc => doc.texts.length === 2)
  for (const [i, handle] of anns.entries()) {
    assert.equal(handle.doc().number, i)
    assert.deepEqual([...handle.doc().texts].sort(), [`ann in ${i}`, `bob in ${i}`])
  }
})

test("a large document and deep, odd and foreign content come through whole", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const content = {
    "": "empty key",
    text: "Zażółć gęślą jaźń 👩‍👩‍👧‍👦 \u202eabc ".repeat(200),
    numbers: [0, -1, 2 ** 53 - 1, 1.5, -0.1, 1e300],
    deep: Array.from({ length: 20 }).reduce(inner => ({ inner }), "bottom"),
    bytes: new Uint8Array([0, 255, 1]),
    date: new Date(0),
    nothing: null,
    truth: [true, false],
  }
  const anns = ann.repo.create(content)
  const bobs = await bob.find(anns.url)
  await untilEqual([anns, bobs])
  assert.deepEqual(bobs.doc(), anns.doc())
  assert.deepEqual(JSON.parse(JSON.stringify(bobs.doc().deep)), content.deep)
})

test("a deletion and an edit of the same thing end alike everywhere", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ things: { pen: { colour: "red" } } })
  const bobs = await bob.find(anns.url)
  await untilEqual([anns, bobs])
  bobs.change(doc => void (doc.things.pen.colour = "blue"))
  anns.change(doc => void delete doc.things.pen)
  await until("both have both changes", () => anns.metrics().numChanges >= 3 && bobs.metrics().numChanges >= 3)
  await untilEqual([anns, bobs])
  assert.deepEqual(anns.doc(), bobs.doc())
})
