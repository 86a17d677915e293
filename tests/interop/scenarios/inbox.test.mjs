// A stock client that was away learns of a conflict from a document: its inbox.

import { save } from "@automerge/automerge"
import assert from "node:assert/strict"
import { test } from "node:test"
import { Client, untilEqual } from "../harness/client.mjs"
import { isForeign, Server } from "../harness/server.mjs"
import { until } from "../harness/until.mjs"

const PASSWORD = "a password that nobody guesses"

/** Somebody with an account, who asks over HTTP and connects with tickets. */
class Person {
  static async register(server, username) {
    const person = new Person()
    person.server = server
    await person.asks("POST", "/v1/accounts", { username, password: PASSWORD })
    const device = { name: "stock" }
    Object.assign(person, await person.asks("POST", "/v1/sessions", { username, password: PASSWORD, device }))
    return person
  }

  async asks(method, path, body) {
    const headers = { "content-type": "application/json" }
    if (this.access_token) headers.authorization = `Bearer ${this.access_token}`
    const answer = await fetch(this.server.http + path, { method, headers, body: body && JSON.stringify(body) })
    const text = await answer.text()
    assert(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return text === "" ? undefined : JSON.parse(text)
  }

  /** A stock client for as long as its one connection holds: a ticket is good for one. */
  async connect(t) {
    const { ticket } = await this.asks("POST", "/v1/tickets")
    return Client.connect(t, `${this.server.url}?ticket=${ticket}`)
  }

  async inbox() {
    return (await this.asks("GET", "/v1/conflicts?for=me")).inbox
  }
}

const ours = { skip: isForeign && "another server has no inboxes" }

test("a stock client that was away finds in its inbox what it must decide, and sees it decided", ours, async t => {
  const server = await Server.start(t, { flags: ["--auth", "accounts"] })
  const [ann, ben] = await Promise.all(["ann", "ben"].map(name => Person.register(server, name)))
  const anns = await ann.connect(t)
  const profile = anns.repo.create({ "@kind": "profile", display_name: "Ann" })
  const path = `/v1/documents/${profile.documentId}`
  const share = () => ann.asks("PUT", `${path}/grants/${ben.account}`, { role: "editor" })
  await until("the server has it, to be shared", () => share().then(() => true, () => false))
  const bens = await ben.connect(t)
  const his = await bens.repo.find(profile.url)
  await untilEqual([profile, his])

  await bens.close()
  his.change(doc => void (doc.display_name = "Anne"))
  profile.change(doc => void (doc.display_name = "Anna"))
  const again = await ben.connect(t)
  const sent = again.repo.import(save(his.doc()), { docId: profile.documentId })
  await untilEqual([profile, sent])
  const found = await until("the conflict is recorded", async () => (await ann.asks("GET", "/v1/conflicts?for=me")).items[0])
  await again.close()

  const back = await ben.connect(t)
  const inbox = await until("the inbox is there", async () => back.repo.find(`automerge:${await ben.inbox()}`).catch(() => undefined))
  await until("it tells the conflict", () => inbox.doc()[found.id]?.state === "open")
  assert.equal(inbox.doc()[found.id].document, profile.documentId)
  assert.equal(inbox.doc()[found.id].label, "Name")
  await ann.asks("POST", `/v1/conflicts/${found.id}/resolution`, { value: "Annie" })
  await until("it tells what became of it", () => inbox.doc()[found.id]?.state === "settled")
})
