// Peers that speak oddly, and what the server may never say.

import { decodeHeads } from "@automerge/automerge-repo"
import assert from "node:assert/strict"
import { test } from "node:test"
import { newFolder } from "../harness/afterwards.mjs"
import { Client, untilEqual } from "../harness/client.mjs"
import { RawPeer, oddValues } from "../harness/raw_peer.mjs"
import { Server, isForeign } from "../harness/server.mjs"
import { breathe, never, until } from "../harness/until.mjs"

const EXTENSION = "tiebreak/1"
const EMPTY_SYNC = new Uint8Array([0x42, 0, 0, 1, 0, 0, 0])
const strict = { skip: isForeign && "another server may be more lenient" }

/** The server lives, and serves others as if nothing had happened. */
async function expectService(t, server) {
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({ is: "here" })
  await untilEqual([anns, await bob.find(anns.url)])
  assert(server.isRunning)
}

for (const [what, say] of [
  ["a text frame", peer => peer.socket.send("hello")],
  ["garbage", peer => peer.sendBytes(new Uint8Array([0xff, 0x00, 0x13, 0x37]))],
  ["CBOR that is no map", peer => peer.send([1, 2, 3])],
  ["a message without a type", peer => peer.send({ senderId: peer.id })],
  ["a second join", peer => peer.sendJoin()],
  ["a sync message without data", peer => peer.send({ ...sync(peer), data: undefined })],
  ["a sync message with empty data", peer => peer.send({ ...sync(peer), data: new Uint8Array() })],
  ["a sync message that is none", peer => peer.send({ ...sync(peer), data: new Uint8Array([9, 9, 9]) })],
  ["a document id that is none", peer => peer.send({ ...sync(peer), documentId: "../../etc/passwd" })],
]) {
  test(`${what} is answered with an error and the end of the connection`, strict, async t => {
    const server = await Server.start(t)
    const peer = await RawPeer.join(t, server.url)
    say(peer)
    const error = await peer.expectRefusal()
    assert.equal(typeof error.message, "string")
    assert.notEqual(error.message, "")
    await expectService(t, server)
  })
}

test("data before the join ends the connection with a code and a reason", strict, async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.open(t, server.url)
  peer.send({ ...sync(peer), targetId: "somebody" })
  const { code, reason } = await until("the server closes the connection", () => peer.closed)
  assert(code >= 4000, `the close code is ${code}`)
  assert.notEqual(reason, "")
  await expectService(t, server)
})

test("a join of a version that nobody speaks is answered with an error and the end of the connection", strict, async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.open(t, server.url)
  peer.sendJoin({ supportedProtocolVersions: ["99"] })
  await peer.expectRefusal()
  assert(!peer.received.some(message => message.type === "peer"))
})

test("a join that offers several versions is answered with the one that is spoken", async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.open(t, server.url)
  peer.sendJoin({ supportedProtocolVersions: ["99", "1"] })
  const answer = await peer.expect("peer")
  assert.equal(answer.selectedProtocolVersion, "1")
  assert.equal(answer.targetId, peer.id)
})

test("a join as the protocol's document spells it, with metadata, is understood", strict, async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.open(t, server.url)
  peer.sendJoin({ peerMetadata: undefined, metadata: { isEphemeral: true, extensions: [EXTENSION] } })
  const answer = await peer.expect("peer")
  assert.deepEqual(answer.peerMetadata.extensions, [EXTENSION])
})

test("a silent peer is let go", strict, async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.open(t, server.url)
  await until("the server closes the connection", () => peer.closed, 15_000)
})

test("a message of an unknown type is ignored", async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.join(t, server.url)
  peer.send({ type: "from-the-future", senderId: peer.id, targetId: peer.server.senderId, documentId: "x", more: [1] })
  peer.send({ type: "x-tiebreak:unheard-of", senderId: peer.id })
  const asked = sync(peer, "request")
  peer.send(asked)
  await peer.expect("doc-unavailable", message => message.documentId === asked.documentId)
  assert.equal(peer.closed, null)
})

test("nothing in any answer is beyond what JavaScript holds", async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.join(t, server.url, { storageId: "raw-storage", isEphemeral: false })
  const ann = await Client.connect(t, server.url, { folder: newFolder(), gossips: true })
  const anns = ann.repo.create({ number: 0 })
  peer.send({ type: "remote-subscription-change", senderId: peer.id, targetId: peer.server.senderId,
    add: [await ann.repo.storageId()] })
  await until("the document is sent", async () => {
    peer.send({ ...sync(peer, "request"), documentId: anns.documentId })
    await breathe()
    return peer.received.some(message => message.type === "sync")
  })
  for (let i = 1; i < 20; i++) anns.change(doc => void (doc.number = i))
  anns.broadcast({ cursor: 1 })
  await peer.expect("ephemeral")
  // Its time stamp is a number beyond 32 bits.
  if (!isForeign) await peer.expect("remote-heads-changed")
  for (const message of peer.received) assert.deepEqual(oddValues(message), [], message.type)
})

test("a peer that did not ask for extensions is never sent one", async t => {
  const server = await Server.start(t)
  const peer = await RawPeer.join(t, server.url, { extensions: ["somebody-elses/1"] })
  assert(!(peer.server.peerMetadata?.extensions ?? []).includes(EXTENSION))
  await exchange(t, server, peer)
  await never("an extension arrives", () => peer.received.some(message => message.type.startsWith("x-")))
})

test("a peer that asked is told so, and hears how far its changes are durable", strict, async t => {
  const server = await Server.start(t)
  const client = await Client.connect(t, server.url, { extensions: ["somebody-elses/1", EXTENSION] })
  assert.deepEqual(client.serverMetadata.extensions, [EXTENSION])
  const handle = client.repo.create({ number: 0 })
  handle.change(doc => void (doc.number = 1))
  const heads = decodeHeads(handle.heads())
  const messages = client.adapter.extensionMessages
  await until("the heads are durable", () => messages.some(({ type, documentId, heads: durable }) => {
    return type === "x-tiebreak:durable" && documentId === handle.documentId && durable.join() === heads.join()
  }))
})

/** Lets the peer take part in a document that another client edits. */
async function exchange(t, server, peer) {
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({ number: 0 })
  await (await Client.connect(t, server.url)).find(anns.url)
  peer.send({ ...sync(peer, "request"), documentId: anns.documentId })
  await peer.expect("sync", message => message.documentId === anns.documentId)
  for (let i = 1; i < 5; i++) anns.change(doc => void (doc.number = i))
  anns.broadcast("cursor")
  await peer.expect("ephemeral")
  return anns
}

function sync(peer, type = "sync") {
  return {
    type,
    senderId: peer.id,
    targetId: peer.server?.senderId ?? "nobody",
    documentId: "4NMNnkMhL8jXrdJ9jamS58PAVdXu",
    data: EMPTY_SYNC,
  }
}
