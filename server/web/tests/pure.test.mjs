import assert from "node:assert/strict"
import { test } from "node:test"
import { moved } from "../.compiled/server/web/src/components/caret.js"
import { inOrder, newId } from "../.compiled/server/web/src/documents.js"
import { History } from "../.compiled/server/web/src/history.js"
import { differences } from "../.compiled/server/web/src/text_difference.js"
import { ago, connection, count } from "../.compiled/server/web/src/words.js"

test("a caret moves with the text around it", () => {
  assert.equal(moved(3, "Tea and rain", "Much Tea and rain"), 8, "written before it")
  assert.equal(moved(3, "Tea and rain", "Tea and rain!"), 3, "written behind it")
  assert.equal(moved(5, "Tea and rain", "Tea"), 3, "taken away around it")
  assert.equal(moved(0, "", "Tea"), 0)
})

test("entries have one order, whoever made them and wherever they are shown", () => {
  const [first, second] = [newId(1_800_000_000_000), newId(1_800_000_000_001)]
  const names = map => inOrder(map).map(([, name]) => name)
  assert.deepEqual(names({ [second]: "Sam", "0-founder": "Robin", [first]: "Kim" }), ["Robin", "Kim", "Sam"])
  assert.deepEqual(names({ [first]: "Kim", [second]: "Sam", "0-founder": "Robin" }), ["Robin", "Kim", "Sam"])
})

const change = (hash, startOp, deps, message, { actor = message, time = 0 } = {}) => {
  return { hash, actor, startOp, deps, message, time }
}

/** The history as the browser `a000` sees it. */
function graphOf(replicas) {
  const history = new History("a000")
  for (const { device, changes } of replicas) history.add(device, changes)
  return history.graph(new Map(replicas.map(({ device, heads }) => [device, heads])))
}

test("a history joins what two devices have, causes first", () => {
  const first = change("a", 1, [], "Phone a000: name")
  const phone = change("b", 2, ["a"], "Phone a000: about")
  const laptop = change("c", 2, ["a"], "Laptop a000: about")
  const { dots, ends } = graphOf([
    { device: "phone", heads: ["b"], changes: [first, phone] },
    { device: "laptop", heads: ["c"], changes: [first, laptop] },
  ])
  const told = dots.map(({ id, lane, parents, holders }) => [id, lane.id, parents.join(), holders.join()])
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

test("what comes later has its place among what was there, and is asked for no change twice", () => {
  const history = new History("a000")
  history.add("laptop", [change("a", 1, [], "Laptop a000: name"), change("d", 5, ["a"], "Laptop a000: units")])
  history.add("laptop", [change("b", 2, ["a"], "Phone a000: about")])
  history.add("phone", [change("a", 1, [], "Laptop a000: name")])
  const { dots } = history.graph(new Map([["laptop", ["b", "d"]]]))
  const told = dots.map(({ id, holders }) => [id, holders.join()])
  assert.deepEqual(told, [
    ["a", "laptop,phone"],
    ["b", "laptop"],
    ["d", "laptop"],
  ])
})

test("each device has its lane, and the phone of another browser is another phone", () => {
  const changes = [
    change("a", 1, [], null, { actor: "1111" }),
    change("b", 2, ["a"], "Phone a000: name", { actor: "1111" }),
    change("c", 3, ["b"], "Phone b000: name", { actor: "2222" }),
    change("d", 4, ["c"], "Phone b000: units", { actor: "3333" }),
    change("e", 5, ["d"], "by hand", { actor: "4444" }),
  ]
  const { dots, lanes } = graphOf([{ device: "phone", heads: ["e"], changes }])
  assert.deepEqual(
    dots.map(dot => `${dot.lane.title}: ${dot.what}`),
    ["Phone: document made", "Phone: name", "Phone b000: name", "Phone b000: units", "Client 4444: by hand"],
  )
  assert.deepEqual(
    lanes.map(({ title }) => title),
    ["Phone", "Phone b000", "Client 4444", "Laptop"],
  )
})

test("many writers from elsewhere share a lane at last", () => {
  const changes = Array.from({ length: 20 }, (_, i) => change(`h${i}`, i + 1, [], `note ${i}`, { actor: `${1000 + i}` }))
  const { lanes } = graphOf([{ device: "phone", heads: [], changes }])
  assert.equal(lanes.length, 7)
  assert.equal(lanes.at(-2).title, "Others")
})

test("a sentence is one dot, unless there is a minute between its letters", () => {
  const letters = [0, 1, 90].map((time, i) => change(`h${i}`, i + 1, i ? [`h${i - 1}`] : [], "Phone a000: about", { time }))
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

test("what of a text is new is told word by word", () => {
  const marked = (before, text) => differences(before, text).map(({ text, isNew }) => (isNew ? `[${text}]` : text)).join("")
  assert.equal(marked("Robin", "Robin of the hills"), "Robin [of the hills]")
  assert.equal(marked("walks in the rain", "runs in the sun"), "[runs] in the [sun]")
  assert.equal(marked("a b c", "c a b"), "[c ]a b")
  assert.equal(marked("tea", "tea"), "tea")
  assert.equal(marked("", "anything"), "anything", "of nothing everything is new")
  const long = "word ".repeat(500)
  assert.deepEqual(differences(long, `${long}more`), [{ text: `${long}more`, isNew: false }])
})
