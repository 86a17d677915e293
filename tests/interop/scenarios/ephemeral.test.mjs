// Presence and cursors: relayed, forgotten, never doubled.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Client } from "../harness/client.mjs"
import { RawPeer } from "../harness/raw_peer.mjs"
import { Server } from "../harness/server.mjs"
import { never, until } from "../harness/until.mjs"

test("an ephemeral message reaches every other client once and never its sender", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({})
  const others = []
  for (let i = 0; i < 3; i++) others.push(await (await Client.connect(t, server.url)).find(anns.url))
  const heard = [anns, ...others].map(handle => {
    const messages = []
    handle.on("ephemeral-message", ({ message }) => messages.push(message))
    return messages
  })
  const said = Array.from({ length: 20 }, (_, number) => ({ cursor: number }))
  for (const message of said) anns.broadcast(message)
  await until("the others have heard all", () => heard.slice(1).every(messages => messages.length >= said.length))
  await never("a message comes twice, or back", () => heard[0].length > 0 || heard.some(m => m.length > said.length))
  for (const messages of heard.slice(1)) assert.deepEqual(messages, said)
})

test("both directions work at once", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const anns = ann.repo.create({})
  const bobs = await bob.find(anns.url)
  const heard = { ann: [], bob: [] }
  anns.on("ephemeral-message", ({ message }) => heard.ann.push(message))
  bobs.on("ephemeral-message", ({ message }) => heard.bob.push(message))
  anns.broadcast("from ann")
  bobs.broadcast("from bob")
  await until("each has heard the other", () => heard.ann.length === 1 && heard.bob.length === 1)
  assert.deepEqual(heard, { ann: ["from bob"], bob: ["from ann"] })
})

test("a message that comes again over another way is not passed on again", async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({})
  const bob = await Client.connect(t, server.url)
  const bobs = await bob.find(anns.url)
  const heard = []
  bobs.on("ephemeral-message", ({ message }) => heard.push(message))
  const raw = await RawPeer.join(t, server.url)
  raw.send({ type: "request", senderId: raw.id, targetId: raw.server.senderId, documentId: anns.documentId,
    data: new Uint8Array([0x42, 0, 0, 1, 0, 0, 0]) })
  await raw.expect("sync")
  const message = (count, data) => ({
    type: "ephemeral", senderId: raw.id, targetId: raw.server.senderId, documentId: anns.documentId,
    sessionId: "one", count, data,
  })
  // The data of an ephemeral message is CBOR of its own: here the texts "a" and "b".
  raw.send(message(1, new Uint8Array([0x61, 0x61])))
  raw.send(message(1, new Uint8Array([0x61, 0x61])))
  raw.send(message(2, new Uint8Array([0x61, 0x62])))
  await until("the last one is here", () => heard.includes("b"))
  assert.deepEqual(heard, ["a", "b"])
})
