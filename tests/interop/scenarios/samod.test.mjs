// Clients of the Rust library, by themselves and among stock JavaScript ones.

import { decodeHeads, splice } from "@automerge/automerge-repo"
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { test } from "node:test"
import { Client, untilEqual } from "../harness/client.mjs"
import { SamodClient } from "../harness/samod.mjs"
import { Server } from "../harness/server.mjs"
import { breathe, until } from "../harness/until.mjs"

const sha256 = text => createHash("sha256").update(text).digest("hex")

test("two samod clients that edit one document converge", async t => {
  const server = await Server.start(t)
  const ann = await SamodClient.start(t, server.url)
  const bob = await SamodClient.start(t, server.url)
  const document = await ann.create(["story", "list"])
  await bob.open(document)
  const letters = letter => Array.from({ length: 100 }, (_, i) => [i, 0, letter])
  await Promise.all([ann.edit(document, "story", letters("a")), bob.edit(document, "list", letters("b"))])
  const state = await until("both have both texts", async () => {
    const [anns, bobs] = [await ann.report(document), await bob.report(document)]
    return anns.heads.join() === bobs.heads.join() && anns.files.list.characters === 100 && anns
  })
  assert.deepEqual(await bob.await(document, state.heads), state)
  assert.equal(state.files.story.sha256, sha256("a".repeat(100)))
  assert.equal(state.files.list.sha256, sha256("b".repeat(100)))
})

test("a samod client and a stock client edit one document over a crash of the server", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const sam = await SamodClient.start(t, server.url)
  const anns = ann.repo.create({ files: { ann: "", sam: "" } })
  await sam.open(anns.documentId)
  for (let round = 0; round < 4; round++) {
    await sam.edit(anns.documentId, "sam", Array.from({ length: 25 }, () => [0, 0, "s"]))
    for (let i = 0; i < 25; i++) anns.change(doc => splice(doc, ["files", "ann"], 0, 0, "a"))
    await breathe()
    if (round === 1) await server.kill()
    if (round === 2) await server.restart()
  }
  await untilEqual([anns], doc => doc.files.sam.length === 100)
  const { files } = await sam.await(anns.documentId, decodeHeads(anns.heads()))
  assert.equal(files.ann.sha256, sha256("a".repeat(100)))
  assert.equal(files.sam.sha256, sha256("s".repeat(100)))
})

test("a samod client outlives messages that only stock clients know", async t => {
  const server = await Server.start(t)
  const sam = await SamodClient.start(t, server.url)
  const ann = await Client.connect(t, server.url, { gossips: true, extensions: ["tiebreak/1"] })
  const anns = ann.repo.create({ files: { text: "" } })
  ann.repo.subscribeToRemotes([ann.serverMetadata.storageId ?? "nobody"])
  await sam.open(anns.documentId)
  anns.broadcast({ cursor: 1 })
  anns.change(doc => splice(doc, ["files", "text"], 0, 0, "still here"))
  const { files } = await sam.await(anns.documentId, decodeHeads(anns.heads()))
  assert.equal(files.text.sha256, sha256("still here"))
})
