// Documents that nobody has, yet.

import assert from "node:assert/strict"
import { test } from "node:test"
import { generateAutomergeUrl, parseAutomergeUrl } from "@automerge/automerge-repo"
import { Client, untilEqual } from "../harness/client.mjs"
import { RawPeer } from "../harness/raw_peer.mjs"
import { Server, isForeign } from "../harness/server.mjs"
import { until } from "../harness/until.mjs"

// An empty sync message: no heads, no needs, one `have` of nothing, no changes.
const EMPTY_SYNC = new Uint8Array([0x42, 0, 0, 1, 0, 0, 0])

test("a document nobody has is unavailable at once, and there when somebody makes it", async t => {
  const server = await Server.start(t)
  const bob = await Client.connect(t, server.url)
  const ann = await Client.connect(t, server.url)
  const url = generateAutomergeUrl()
  await assert.rejects(bob.repo.find(url), /unavailable/)

  const anns = ann.repo.import(await savedDocument({ made: "later" }), { docId: parseAutomergeUrl(url).documentId })
  const bobs = await bob.find(url)
  await untilEqual([anns, bobs], doc => doc.made === "later")
})

test("a peer that still asks is sent the document when it comes into being", { skip: isForeign }, async t => {
  const server = await Server.start(t)
  const { documentId } = parseAutomergeUrl(generateAutomergeUrl())
  const asking = await RawPeer.join(t, server.url)
  asking.send({
    type: "request",
    senderId: asking.id,
    targetId: asking.server.senderId,
    documentId,
    data: EMPTY_SYNC,
  })
  await asking.expect("doc-unavailable", message => message.documentId === documentId)
  const ann = await Client.connect(t, server.url)
  ann.repo.import(await savedDocument({ made: "later" }), { docId: documentId })
  await asking.expect("sync", message => message.documentId === documentId)
})

test("an unavailable document costs the others nothing", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({ is: "here" })
  const bob = await Client.connect(t, server.url)
  const missing = Promise.allSettled(Array.from({ length: 20 }, () => bob.repo.find(generateAutomergeUrl())))
  const found = await bob.find(anns.url)
  assert.equal(found.doc().is, "here")
  const outcomes = await missing
  assert(outcomes.every(outcome => outcome.status === "rejected"))
  await until("the client is still connected", () => bob.repo.peers.length === 1)
})

async function savedDocument(content) {
  const { next } = await import("@automerge/automerge")
  return next.save(next.from(content))
}
