// What people lose when the server dies or forgets: nothing.

import { splice } from "@automerge/automerge-repo"
import assert from "node:assert/strict"
import fs from "node:fs"
import { test } from "node:test"
import { Client, headsOf, untilEqual } from "../harness/client.mjs"
import { Server } from "../harness/server.mjs"
import { breathe, until } from "../harness/until.mjs"

const EDITS = 150

test("clients come back by themselves after kill -9 in the middle of edits, and nothing is lost", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ text: "", edits: {} })
  const bobs = await bob.find(anns.url)
  const writeHalf = async half => {
    for (let i = half * EDITS; i < (half + 1) * EDITS; i++) {
      anns.change(doc => splice(doc, ["text"], 0, 0, "a"))
      bobs.change(doc => void (doc.edits[`bob ${i}`] = i))
      await breathe()
    }
  }
  await writeHalf(0)
  await server.kill()
  await writeHalf(1)
  await server.restart()
  await untilEqual([anns, bobs], doc => doc.text.length === 2 * EDITS && Object.keys(doc.edits).length === 2 * EDITS)
  const eve = await Client.connect(t, server.url)
  const eves = await eve.find(anns.url)
  await untilEqual([anns, eves])
})

test("what a second client has seen survives kill -9", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ number: 0 })
  const bobs = await bob.find(anns.url)
  for (let i = 1; i <= 20; i++) anns.change(doc => void (doc.number = i))
  await until("bob has seen the last edit", () => bobs.doc().number === 20)
  await server.kill()
  // Neither comes back: what the server has is all there is.
  await Promise.all([ann.close(), bob.close()])
  await server.restart()
  const eve = await Client.connect(t, server.url)
  const eves = await eve.find(anns.url)
  assert.equal(eves.doc().number, 20)
})

test("several crashes in a row are survived", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ marks: [] })
  const bobs = await bob.find(anns.url)
  for (let crash = 0; crash < 5; crash++) {
    anns.change(doc => void doc.marks.push(`ann ${crash}`))
    bobs.change(doc => void doc.marks.push(`bob ${crash}`))
    await server.kill()
    await server.restart()
  }
  await untilEqual([anns, bobs], doc => doc.marks.length === 10)
})

test("clients bring back what a server restored from an older backup lacks", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ marks: ["before the backup"] })
  const bobs = await bob.find(anns.url)
  await untilEqual([anns, bobs])
  await server.stop()
  const backup = `${server.data}-backup`
  fs.cpSync(server.data, backup, { recursive: true })
  await server.restart()
  anns.change(doc => void doc.marks.push("ann, after the backup"))
  bobs.change(doc => void doc.marks.push("bob, after the backup"))
  await untilEqual([anns, bobs], doc => doc.marks.length === 3)

  await server.stop()
  fs.rmSync(server.data, { recursive: true })
  fs.renameSync(backup, server.data)
  await server.restart()
  anns.change(doc => void doc.marks.push("ann, after the restore"))
  await untilEqual([anns, bobs], doc => doc.marks.length === 4)
  const eve = await Client.connect(t, server.url)
  const eves = await eve.find(anns.url)
  await until("a new client gets everything", () => headsOf(eves) === headsOf(anns))
})

test("a server that lost everything gets a document back from a client that reconnects", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({ is: "here" })
  const first = await Client.connect(t, server.url)
  await first.find(anns.url)
  await server.stop()
  fs.rmSync(server.data, { recursive: true })
  fs.mkdirSync(server.data)
  await server.restart()
  const eve = await Client.connect(t, server.url)
  const eves = await eve.find(anns.url)
  await untilEqual([anns, eves], doc => doc.is === "here")
})
