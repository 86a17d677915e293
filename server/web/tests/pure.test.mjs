import assert from "node:assert/strict"
import { test } from "node:test"
import { moved } from "../.compiled/server/web/src/components/caret.js"
import { graphOf } from "../.compiled/server/web/src/history.js"
import { ago, connection, count } from "../.compiled/server/web/src/words.js"

test("a caret moves with the text around it", () => {
  assert.equal(moved(3, "Tea and rain", "Much Tea and rain"), 8, "written before it")
  assert.equal(moved(3, "Tea and rain", "Tea and rain!"), 3, "written behind it")
  assert.equal(moved(5, "Tea and rain", "Tea"), 3, "taken away around it")
  assert.equal(moved(0, "", "Tea"), 0)
})

const change = (hash, startOp, deps, message, time = 0) => ({ hash, startOp, deps, message, time })

test("a history joins what two devices have, causes first", () => {
  const first = change("a", 1, [], "Phone: name")
  const phone = change("b", 2, ["a"], "Phone: bio")
  const laptop = change("c", 2, ["a"], "Laptop: bio")
  const { dots, ends } = graphOf([
    { device: "phone", heads: ["b"], changes: [first, phone] },
    { device: "laptop", heads: ["c"], changes: [first, laptop] },
  ])
  const told = dots.map(({ id, lane, parents, holders }) => [id, lane, parents.join(), holders.join()])
  assert.deepEqual(told, [
    ["a", "phone", "", "phone,laptop"],
    ["b", "phone", "a", "phone"],
    ["c", "laptop", "a", "laptop"],
  ])
  assert.deepEqual(ends, [
    { device: "phone", parents: ["b"] },
    { device: "laptop", parents: ["c"] },
  ])
})

test("a sentence is one dot, unless there is a minute between its letters", () => {
  const letters = [0, 1, 90].map((time, i) => change(`h${i}`, i + 1, i ? [`h${i - 1}`] : [], "Phone: bio", time))
  const { dots } = graphOf([{ device: "phone", heads: ["h2"], changes: letters }])
  assert.deepEqual(
    dots.map(dot => dot.changesCount),
    [2, 1],
  )
})

test("states and times are told as a person reads them", () => {
  assert.equal(ago(0, 9_000), "just now")
  assert.equal(ago(0, 59_000), "59 s ago")
  assert.equal(ago(0, 61_000), "1 min ago")
  assert.equal(count(1, "change"), "1 change")
  const state = { kind: "waiting", retryInMs: 2_500 }
  assert.equal(connection({ state }, 0, false, 0).words, "No server. Trying again in 3 s")
  assert.equal(connection({ state }, 0, false, 2_500).words, "No server. Trying again now")
})
