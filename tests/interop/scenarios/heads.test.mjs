// What clients learn about who has what: sync info, remote heads, stored sync states.

import assert from "node:assert/strict"
import { test } from "node:test"
import { afterwards, newFolder } from "../harness/afterwards.mjs"
import { Client, untilEqual } from "../harness/client.mjs"
import { Server, isForeign } from "../harness/server.mjs"
import { until } from "../harness/until.mjs"

test("the server names one storage, over restarts too", async t => {
  const server = await Server.start(t)
  const before = await Client.connect(t, server.url)
  const { storageId, isEphemeral } = before.serverMetadata
  assert.equal(typeof storageId, "string")
  assert.equal(isEphemeral, false)
  await server.kill()
  await server.restart()
  const after = await Client.connect(t, server.url)
  assert.equal(after.serverMetadata.storageId, storageId)
})

test("a client with storage that edited offline returns, and the sync info tells that the server has all", async t => {
  const server = await Server.start(t)
  const folder = newFolder()
  const first = await Client.connect(t, server.url, { folder })
  const { storageId } = first.serverMetadata
  const handle = first.repo.create({ marks: ["online"] })
  await until("the server has it", () => isSynced(handle, storageId))
  await first.close()

  const offline = new Client(null, { folder })
  afterwards(t, () => offline.close())
  const apart = await offline.repo.find(handle.url)
  apart.change(doc => void doc.marks.push("offline"))
  await offline.repo.flush()
  await offline.close()

  const bob = await Client.connect(t, server.url)
  const bobs = await bob.find(handle.url)
  const returned = await Client.connect(t, server.url, { folder })
  const returneds = await returned.repo.find(handle.url)
  await untilEqual([bobs, returneds], doc => doc.marks.length === 2)
  await until("the server says that it has it", () => isSynced(returneds, storageId))
})

test("a returning client that has nothing new gets what it missed", async t => {
  const server = await Server.start(t)
  const folder = newFolder()
  const ann = await Client.connect(t, server.url)
  const anns = ann.repo.create({ marks: [] })
  const bob = await Client.connect(t, server.url, { folder })
  await bob.find(anns.url)
  await bob.repo.flush()
  await bob.close()
  for (let i = 0; i < 30; i++) anns.change(doc => void doc.marks.push(i))
  const returned = await Client.connect(t, server.url, { folder })
  const returneds = await returned.repo.find(anns.url)
  await untilEqual([anns, returneds], doc => doc.marks.length === 30)
})

test("clients hear through the server which heads the other's storage has", { skip: isForeign }, async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url, { folder: newFolder(), gossips: true })
  const bob = await Client.connect(t, server.url, { folder: newFolder(), gossips: true })
  const [annsStorage, bobsStorage] = [await ann.repo.storageId(), await bob.repo.storageId()]
  ann.repo.subscribeToRemotes([bobsStorage])
  bob.repo.subscribeToRemotes([annsStorage])
  const anns = ann.repo.create({ marks: [] })
  const bobs = await bob.find(anns.url)
  const heard = []
  anns.on("remote-heads", ({ storageId }) => heard.push(["ann hears of", storageId]))
  bobs.on("remote-heads", ({ storageId }) => heard.push(["bob hears of", storageId]))
  anns.change(doc => void doc.marks.push("ann"))
  bobs.change(doc => void doc.marks.push("bob"))
  await untilEqual([anns, bobs], doc => doc.marks.length === 2)
  await until("ann knows that bob has all", () => isSynced(anns, bobsStorage))
  await until("bob knows that ann has all", () => isSynced(bobs, annsStorage))
  assert(heard.some(([who, storage]) => who === "ann hears of" && storage === bobsStorage))
  assert(heard.some(([who, storage]) => who === "bob hears of" && storage === annsStorage))
})

function isSynced(handle, storageId) {
  const heads = handle.getSyncInfo(storageId)?.lastHeads ?? []
  return [...heads].sort().join(" ") === [...handle.heads()].sort().join(" ")
}
