// Real histories under real conditions: stock JavaScript clients and a samod client retype real histories into the same documents at
// the same time, the server is killed and restarted in the middle, and in the end everybody has the same, right text.

import { decodeHeads, splice } from "@automerge/automerge-repo"
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { Client, headsOf, untilEqual } from "../harness/client.mjs"
import { SamodClient } from "../harness/samod.mjs"
import { Server, UNLIMITED } from "../harness/server.mjs"
import { breathe, until } from "../harness/until.mjs"
import { assignOne, registryHistory, textHistory } from "./history.mjs"

/** Edits between two looks at the sockets. */
const EDITS_AT_ONCE = 4
/** Everybody also writes into one common text, a character each so many edits. */
const EDITS_PER_NOTE = 10
const EDITS_PER_ORDER = 100

/** Replays `edits` edits in all; `say` hears how it goes. */
export async function replayTrace(t, edits, say = () => {}) {
  const server = await Server.start(t, { flags: UNLIMITED })
  const ann = await Client.connect(t, server.url)
  const bob = await Client.connect(t, server.url)
  const sam = await SamodClient.start(t, server.url)
  const trace = new Trace(edits)

  const work = { ann: ann.repo.create({ files: { readme: "", source: "", typings: "" }, notes: "" }) }
  const registry = { bob: bob.repo.create({ registry: {} }) }
  work.bob = await bob.find(work.ann.url)
  registry.ann = await ann.find(registry.bob.url)
  await sam.open(work.ann.documentId)
  await sam.open(registry.bob.documentId)

  say(`${trace.size} edits of ${edits} wanted`)
  const started = Date.now()
  await Promise.all([
    trace.type(work.ann, "readme", "a"),
    trace.type(work.bob, "typings", "b"),
    trace.enter(registry.bob),
    trace.dictate(sam, work.ann.documentId, "source"),
    crashInTheMiddle(server, trace, say),
  ])
  say(`all typed after ${seconds(started)} s`)

  const deadlineMs = 60_000 + edits * 10
  await untilEqual([work.ann, work.bob], doc => trace.isTyped(doc), deadlineMs)
  await untilEqual([registry.ann, registry.bob], undefined, deadlineMs)
  say(`the stock clients are equal after ${seconds(started)} s`)
  await expectRight(trace, work.ann, registry.ann, sam)
  say(`the samod client is equal after ${seconds(started)} s`)

  const eve = await Client.connect(t, server.url)
  const eves = { work: await eve.find(work.ann.url), registry: await eve.find(registry.bob.url) }
  await untilEqual([work.ann, eves.work], undefined, deadlineMs)
  await untilEqual([registry.ann, eves.registry], undefined, deadlineMs)
  const newSam = await SamodClient.start(t, server.url)
  await newSam.open(work.ann.documentId)
  await newSam.open(registry.bob.documentId)
  await expectRight(trace, eves.work, eves.registry, newSam)
  say(`new clients are equal after ${seconds(started)} s`)
  const changes = work.ann.metrics().numChanges + registry.ann.metrics().numChanges
  return { edits: trace.size, changes, seconds: seconds(started) }
}

/** Who types what, and how far everybody is. */
class Trace {
  done = 0

  constructor(edits) {
    const part = share => Math.max(1, Math.round(edits * share))
    this.texts = {
      readme: textHistory("readme", part(0.35)),
      typings: textHistory("typings", part(0.2)),
      source: textHistory("source", part(0.3)),
    }
    this.registry = registryHistory(part(0.15))
    this.size = this.registry.edits.length
    for (const text of Object.values(this.texts)) this.size += text.edits.length
  }

  /** A stock client types a text, and a note now and then. */
  async type(handle, file, letter) {
    for (const [index, [position, deleted, inserted]] of this.texts[file].edits.entries()) {
      handle.change(doc => splice(doc, ["files", file], position, deleted, inserted))
      if (index % EDITS_PER_NOTE === 0) {
        handle.change(doc => splice(doc, ["notes"], Math.floor(doc.notes.length / 2), 0, letter))
      }
      await this.#advance(index)
    }
  }

  /** A stock client enters facts into the registry. */
  async enter(handle) {
    for (const [index, edit] of this.registry.edits.entries()) {
      handle.change(doc => assignOne(doc.registry, edit))
      await this.#advance(index)
    }
  }

  /** The samod client types a text. */
  async dictate(sam, document, file) {
    const { edits } = this.texts[file]
    for (let first = 0; first < edits.length; first += EDITS_PER_ORDER) {
      const some = edits.slice(first, first + EDITS_PER_ORDER)
      await sam.edit(document, file, some)
      this.done += some.length
    }
  }

  isTyped(doc) {
    return Object.entries(this.texts).every(([file, { text }]) => doc.files[file] === text)
  }

  async #advance(index) {
    this.done += 1
    if (index % EDITS_AT_ONCE === 0) await breathe()
  }
}

async function crashInTheMiddle(server, trace, say) {
  await until("half of the edits are made", () => trace.done >= trace.size / 2, 3_600_000)
  await server.kill()
  say(`the server is killed after ${trace.done} edits`)
  const before = trace.done
  await until("some more are made without it", () => trace.done > before || trace.done >= trace.size)
  await server.restart()
}

/** The documents hold what the histories lead to, and the samod client has the same. */
async function expectRight(trace, work, registry, sam) {
  assert.deepEqual(JSON.parse(JSON.stringify(registry.doc().registry)), trace.registry.registry)
  const notes = work.doc().notes
  assert.equal(notes.length, Math.ceil(trace.texts.readme.edits.length / EDITS_PER_NOTE)
    + Math.ceil(trace.texts.typings.edits.length / EDITS_PER_NOTE))
  const { files } = await sam.await(work.documentId, decodeHeads(work.heads()))
  for (const [file, { text }] of Object.entries(trace.texts)) {
    assert.equal(work.doc().files[file], text)
    assert.equal(files[file].sha256, createHash("sha256").update(text).digest("hex"), file)
  }
  await sam.await(registry.documentId, decodeHeads(registry.heads()))
  assert.notEqual(headsOf(work), headsOf(registry))
}

function seconds(started) {
  return ((Date.now() - started) / 1000).toFixed(1)
}
