import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { until } from "../../../tests/interop/harness/until.mjs"
import { AccountServerUnderTest } from "./harness/account.mjs"
import { MemoryStorage, openDevice } from "./harness/device.mjs"

/** Ann with a document that is at the server, and Bob. */
async function annAndBob(t) {
  const server = await AccountServerUnderTest.start(t)
  const [ann, bob] = [await server.signUp("ann"), await server.signUp("bob")]
  const anns = await openDevice(t, { url: server.url, account: ann })
  const bobs = await openDevice(t, { url: server.url, account: bob })
  const list = anns.create({ items: ["milk"] })
  await anns.waitForUpload({ timeoutMs: 20_000 })
  return { server, ann, bob, anns, bobs, list }
}

const add = (handle, item) => handle.change(doc => void doc.items.push(item))
const untilItems = (handle, count) => until(`there are ${count} items`, () => handle.doc().items.length === count)

describe("sharing", () => {
  test("lets another account read and write, until it is taken back", async t => {
    const { ann, bob, anns, bobs, list } = await annAndBob(t)
    await assert.rejects(bobs.find(list.url), { code: "not_found" })
    const other = anns.create({ items: [] })
    await anns.waitForUpload({ timeoutMs: 20_000 })
    await ann.share(other.url, "bob", "viewer")
    await ann.share(list.url, "bob", "editor")
    const bobsList = await until("it is shared", () => bobs.find(list.url))
    const bobsOther = await until("it is shared", () => bobs.find(other.url))
    add(bobsList, "bread")
    await untilItems(list, 2)

    await ann.unshare(list.url, "bob")
    add(list, "a secret")
    await anns.waitForUpload({ timeoutMs: 20_000 })
    add(other, "what came later")
    await untilItems(bobsOther, 1)
    assert.deepEqual(bobsList.doc().items, ["milk", "bread"])
    assert.equal(bobs.status.pendingChanges, 0, "what the server had of it, it still has")
    assert.deepEqual((await ann.grants(list.url)).map(({ account }) => account), [ann.id])
    await assert.rejects(bob.grants(list.url), { code: "not_found" })
  })

  test("that is taken back leaves nothing pending, also after a crash right behind it", async t => {
    const { server, ann, bob, list } = await annAndBob(t)
    const storage = new MemoryStorage()
    const phone = await openDevice(t, { url: server.url, account: bob, storage })
    let refused
    phone.on("refused", each => (refused = each))
    await ann.share(list.url, "bob", "viewer")
    await until("it is shared", () => phone.find(list.url))
    await phone.flush()
    await ann.unshare(list.url, "bob")
    await until("the right is gone", () => refused?.code === "access_denied")
    // As the storage is at this moment, without a word to who writes into it.
    const next = await openDevice(t, { storage, autoConnect: false })
    await next.find(list.url)
    assert.equal(next.status.pendingChanges, 0)
  })

  test("that is given back, uploads what was written meanwhile", async t => {
    const { ann, anns, bobs, list } = await annAndBob(t)
    await ann.share(list.url, "bob", "editor")
    const bobsList = await until("it is shared", () => bobs.find(list.url))
    const refused = []
    bobs.on("refused", ({ code }) => refused.push(code))
    await ann.unshare(list.url, "bob")
    // The connection hears of it a moment later than who asked for it.
    await until("the right is gone", () => refused.length === 1)
    add(bobsList, "bread")
    await until("the server refuses it", () => refused.length === 2)
    assert.deepEqual(refused, ["access_denied", "access_denied"])
    assert.equal(bobs.pendingOf(list.url), 1)
    await assert.rejects(bobs.waitForUpload(), { code: "refused" })
    await ann.share(list.url, "bob", "editor")
    await untilItems(list, 2)
    await bobs.waitForUpload({ timeoutMs: 20_000 })
    await anns.waitForUpload({ timeoutMs: 20_000 })
  })

  test("shows who has which role, and who gave it", async t => {
    const { ann, bob, list } = await annAndBob(t)
    await ann.share(list.url, "bob", "viewer")
    const grants = await ann.grants(list.documentId)
    const byAccount = Object.fromEntries(grants.map(grant => [grant.account, grant]))
    assert.equal(byAccount[ann.id].role, "owner")
    assert.equal(byAccount[ann.id].grantedBy, null)
    assert.equal(byAccount[bob.id].role, "viewer")
    assert.equal(byAccount[bob.id].grantedBy, ann.id)
    assert.ok(Date.parse(byAccount[bob.id].grantedAt) > 0)
  })

  test("can be left", async t => {
    const { ann, bob, list } = await annAndBob(t)
    await ann.share(list.url, "bob", "owner")
    await ann.leave(list.url)
    assert.deepEqual((await bob.grants(list.url)).map(({ account }) => account), [bob.id])
  })

  test("by invitation needs no name, and works as often as was said", async t => {
    const { server, ann, bob, bobs, list } = await annAndBob(t)
    const invitation = await ann.invite(list.url, { role: "editor", expiresInS: 3600, uses: 1 })
    assert.ok(Date.parse(invitation.expiresAt) > 0)
    assert.deepEqual(await bob.accept(invitation.secret), { documentId: list.documentId, role: "editor" })
    add(await until("it is shared", () => bobs.find(list.url)), "bread")
    await untilItems(list, 2)
    const cay = await server.signUp("cay")
    await assert.rejects(cay.accept(invitation.secret), { code: "not_found", message: /ask for another/ })
  })

  test("says why it cannot be", async t => {
    const { ann, bob, list } = await annAndBob(t)
    await assert.rejects(ann.share(list.url, "nobody-there", "viewer"), { code: "no_such_account" })
    await assert.rejects(ann.share("not a document", "bob", "viewer"), { code: "invalid_id" })
    await assert.rejects(ann.share(list.url, "bob", "admirer"), { code: "invalid_argument" })
    await assert.rejects(ann.unshare(list.url, "bob"), { code: "not_found" })
    await assert.rejects(bob.share(list.url, "bob", "owner"), { code: "not_found" })
    await assert.rejects(ann.invite(list.url, { role: "viewer", uses: 0 }), { code: "invalid_argument" })
    await assert.rejects(ann.leave(list.url), { code: "last_owner" })
    await ann.share(list.url, "bob", "viewer")
    await assert.rejects(bob.share(list.url, "bob", "owner"), { code: "not_allowed" })
    await assert.rejects(ann.deleteAccount(), { code: "last_owner", message: new RegExp(list.documentId) })
  })
})
