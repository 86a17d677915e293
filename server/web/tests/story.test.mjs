import assert from "node:assert/strict"
import { test } from "node:test"
import { Story } from "../.compiled/server/web/src/story.js"

const stored = new Map()
globalThis.sessionStorage = {
  getItem: key => stored.get(key) ?? null,
  setItem: (key, value) => stored.set(key, value),
  removeItem: key => stored.delete(key),
}

function device(name, changes = {}) {
  const status = { state: { kind: "connected" }, pendingChanges: 0 }
  return { name, isCut: false, editsCount: 0, hasDocuments: true, heads: () => ["a"], status, ...changes }
}

const waiting = { isCut: true, status: { state: { kind: "offline" }, pendingChanges: 2 } }

function toReconnect(story) {
  story.follow([device("phone", { isCut: true }), device("laptop")])
  assert.equal(story.step, "edit")
  story.follow([device("phone", waiting), device("laptop", { editsCount: 1 })])
  assert.equal(story.step, "reconnect")
}

test("a page that was reloaded while the phone is cut goes on with the story where it was", () => {
  Story.forget()
  toReconnect(new Story())
  const story = new Story()
  story.follow([device("phone", waiting), device("laptop")])
  assert.equal(story.step, "reconnect")
})

test("who has edited before a reload need not do it again", () => {
  Story.forget()
  const before = new Story()
  before.follow([device("phone", { isCut: true }), device("laptop")])
  before.follow([device("phone", { isCut: true }), device("laptop", { editsCount: 1 })])
  const story = new Story()
  story.follow([device("phone", waiting), device("laptop")])
  assert.equal(story.step, "reconnect")
})

test("it is merged only when both devices have seen the same", () => {
  Story.forget()
  const story = new Story()
  toReconnect(story)
  story.follow([device("phone", { heads: () => ["a", "b"] }), device("laptop")])
  assert.equal(story.step, "reconnect")
  story.follow([device("phone"), device("laptop")])
  assert.equal(story.step, "merged")
})

test("nothing is called merged over a device that is cut again or has no server", () => {
  for (const away of [waiting, { status: { state: { kind: "waiting" }, pendingChanges: 0 } }]) {
    Story.forget()
    const story = new Story()
    toReconnect(story)
    story.follow([device("phone"), device("laptop")])
    story.follow([device("phone", away), device("laptop")])
    assert.notEqual(story.step, "merged")
  }
})
