import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Automerge } from "@automerge/automerge-repo/slim"
import { mustFit, writeChoice } from "../dist/conflicts/settle.js"
import { Apart } from "./harness/conflicts.mjs"

const { Counter, Float64, ImmutableString, Uint } = Automerge

const atRoot = key => () => ["_root", key]
const set = (key, value) => doc => void (doc[key] = value)

/** Two people who put something else into `x`. */
function disagreement(one, other, before = "before") {
  return new Apart(set("x", before), set("x", one), set("x", other)).merge()
}

/** What stands in `x` once the first of the two is chosen. */
function chosen(one, other) {
  const apart = disagreement(one, other)
  const told = apart.conflict(["x"], atRoot("x"))
  assert.ok(writeChoice(apart.handle, told, { candidate: told.candidates[0].id }))
  const standing = apart.all("_root", "x")
  assert.equal(standing.length, 1, "the library shows no disagreement any more")
  return standing[0]
}

describe("a chosen side is written as what it is:", () => {
  const scalars = {
    "an immutable string": [new ImmutableString("one"), "str", "one"],
    "a whole number": [3, "int", 3],
    "a number without a sign": [new Uint(3), "uint", 3n],
    "a fraction that happens to be whole": [new Float64(3), "f64", 3],
    "a counter": [new Counter(4), "counter", 4],
    "a date": [new Date(5), "timestamp", new Date(5)],
    "bytes": [new Uint8Array([1, 2]), "bytes", new Uint8Array([1, 2])],
    "true": [true, "boolean", true],
    "null": [null, "null", null],
  }
  for (const [what, [value, type, read]] of Object.entries(scalars)) {
    test(what, () => {
      for (const other of ["another", null, false]) {
        if (other === value) continue
        assert.deepEqual(chosen(value, other).slice(0, 2), [type, read])
      }
    })
  }

  test("a text", () => {
    const apart = disagreement("one", "two")
    const told = apart.conflict(["x"], atRoot("x"))
    writeChoice(apart.handle, told, { candidate: told.candidates[1].id })
    assert.equal(apart.all("_root", "x")[0][0], "text")
    assert.equal(apart.handle.doc().x, "two")
  })

  test("an object, with everything in it", () => {
    const fill = doc => {
      doc.x = { list: ["text"] }
      doc.x.fraction = new Float64(2)
      doc.x.list.push(new ImmutableString("fixed"), { counter: new Counter(7) })
      doc.x.list[2].unsigned = new Uint(1)
    }
    const apart = new Apart(set("x", "before"), fill, set("x", "other")).merge()
    const told = apart.conflict(["x"], atRoot("x"))
    writeChoice(apart.handle, told, { candidate: told.candidates[0].id })
    const [[type, object]] = apart.all("_root", "x")
    assert.equal(type, "map")
    const [[, list]] = apart.all(object, "list")
    const [[, inner]] = apart.all(list, 2)
    assert.deepEqual(apart.all(object, "fraction")[0].slice(0, 2), ["f64", 2])
    assert.deepEqual([0, 1].map(position => apart.all(list, position)[0][0]), ["text", "str"])
    assert.deepEqual(apart.all(inner, "counter")[0].slice(0, 2), ["counter", 7])
    assert.deepEqual(apart.all(inner, "unsigned")[0].slice(0, 2), ["uint", 1n])
  })

  test("a counter, as far as that side has counted", () => {
    const increment = doc => void doc.x.increment(2)
    const apart = new Apart(set("x", new Counter(5)), increment, set("x", new Counter(0))).merge()
    const told = apart.conflict(["x"], atRoot("x"), { type: "lost_increment" })
    writeChoice(apart.handle, told, { candidate: told.candidates[0].id })
    assert.deepEqual(apart.all("_root", "x")[0].slice(0, 2), ["counter", 7])
  })
})

describe("a choice", () => {
  test("names the conflict, and follows from its sides alone", () => {
    const apart = new Apart(set("x", "0"), set("x", "1"), set("x", "2"))
    const late = Automerge.change(Automerge.clone(apart.common), set("x", "late"))
    apart.merge(...apart.sides, late)
    const told = apart.conflict(["x"], atRoot("x"))
    const change = writeChoice(apart.handle, told, { candidate: told.candidates[0].id })
    const { hash, message, deps } = apart.lastChange
    assert.equal(hash, change)
    assert.deepEqual(JSON.parse(message), { resolve: "cnf_1" })
    assert.deepEqual(new Set(deps), new Set(told.candidates.flatMap(({ changes }) => changes)))
    const shown = Object.values(Automerge.getConflicts(apart.handle.doc(), "x"))
    assert.deepEqual(new Set(shown), new Set(["1", "late"]), "what came late stands against it")
  })

  test("for what is shown already is an operation of its own, so that a late edit is seen to disagree", () => {
    for (const [one, other] of [[1, 2], [null, 2], [false, true], [null, null]]) {
      const apart = disagreement(one, other)
      const told = apart.conflict(["x"], atRoot("x"))
      for (const { id } of told.candidates) {
        const again = disagreementOf(apart)
        writeChoice(again.handle, told, { candidate: id })
        const choice = again.all("_root", "x")
        assert.equal(choice.length, 1)
        again.merge(Automerge.change(Automerge.clone(apart.common), set("x", "late")))
        assert.equal(again.all("_root", "x").length, 2)
        assert.ok(!told.candidates.some(side => side.id === choice[0][2]), "an operation of this choice")
      }
    }
  })

  test("of another value writes strings as those of the sides are", () => {
    const typeAfter = (one, other, value) => {
      const apart = disagreement(one, other)
      writeChoice(apart.handle, apart.conflict(["x"], atRoot("x")), { value })
      const [[type, object]] = apart.all("_root", "x")
      return type === "map" ? [type, apart.all(object, "inner")[0][0]] : type
    }
    assert.equal(typeAfter("1", "2", "3"), "text")
    assert.equal(typeAfter(new ImmutableString("1"), new ImmutableString("2"), "3"), "str")
    assert.deepEqual(typeAfter("1", "2", { inner: "3" }), ["map", "text"])
    assert.deepEqual(typeAfter(1, 2, { inner: "3" }), ["map", "str"])
    assert.equal(typeAfter("1", "2", new Counter(1)), "counter")
  })

  test("that no document can hold changes nothing, what came after the sides neither", () => {
    const apart = disagreement(1, 2)
    apart.handle.change(set("y", "later"))
    const [before, last] = [apart.handle.heads(), apart.lastChange.hash]
    const told = apart.conflict(["x"], atRoot("x"))
    assert.throws(() => writeChoice(apart.handle, told, { value: { inner: undefined } }))
    assert.deepEqual(apart.handle.heads(), before)
    apart.handle.change(set("z", "still later"))
    assert.deepEqual(apart.lastChange.deps, [last])
    assert.equal(apart.handle.doc().y, "later")
  })

  test("is the server's where this device lacks a side, or not all sides were told", () => {
    const apart = new Apart(set("x", 0), set("x", 1), set("x", 2))
    const told = apart.conflict(["x"], atRoot("x"))
    apart.merge(apart.sides[0])
    assert.equal(writeChoice(apart.handle, told, { candidate: told.candidates[0].id }), undefined)
    apart.merge()
    assert.equal(writeChoice(apart.handle, { ...told, moreCandidates: 1 }, { value: 3 }), undefined)
    assert.equal(writeChoice(apart.handle, { ...told, type: "rule" }, { value: 3 }), undefined)
    assert.ok(writeChoice(apart.handle, told, { value: 3 }))
  })

  test("says one thing, which the conflict has", () => {
    const told = disagreement(1, 2).conflict(["x"], atRoot("x"))
    for (const wrong of [{}, { candidate: "1@00" }, { value: 1, keep: true }, { keep: true }, { value: undefined }]) {
      assert.throws(() => mustFit(told, wrong), { code: "invalid_argument" })
    }
    mustFit(told, { keep: false })
    mustFit(told, { value: null })
  })
})

describe("what one side removes and another changes", () => {
  const lines = doc => void (doc.lines = { bread: { note: "before" } })
  const edit = doc => void (doc.lines.bread.note = "sliced")
  const remove = doc => void delete doc.lines.bread
  const place = (side, backend) => [backend.getWithType("_root", "lines")[1], "bread"]
  const told = apart => apart.conflict(["lines", "bread"], place, { type: "delete_edit" })

  test("is there again when it is kept, as it was changed", () => {
    const apart = new Apart(lines, edit, remove).merge()
    assert.equal(apart.handle.doc().lines.bread, undefined)
    assert.ok(writeChoice(apart.handle, told(apart), { keep: true }))
    assert.deepEqual(apart.handle.doc().lines, { bread: { note: "sliced" } })
  })

  test("stays away when it is not kept, by a change that says so", () => {
    for (const choice of [{ keep: false }, { candidate: "100@00" }]) {
      const apart = new Apart(lines, edit, remove).merge()
      assert.ok(writeChoice(apart.handle, told(apart), choice))
      assert.deepEqual(apart.handle.doc().lines, {})
      assert.ok(apart.lastChange.ops.length > 0)
    }
  })
})

describe("in a list", () => {
  const base = doc => void (doc.list = ["a", "b", { title: "c" }])
  const inList = (side, backend, position) => [backend.getWithType("_root", "list")[1], position]

  test("the place is found wherever it has moved", () => {
    const apart = new Apart(
      base,
      doc => {
        doc.list[1] = "one"
        doc.list.unshift("new", "newer")
      },
      doc => void (doc.list[1] = "two"),
    ).merge()
    const place = (side, backend) => inList(side, backend, side === apart.sides[0] ? 3 : 1)
    // The position is that of another moment.
    const told = apart.conflict(["list", 1], place)
    writeChoice(apart.handle, told, { candidate: told.candidates[1].id })
    assert.deepEqual(apart.handle.doc().list, ["new", "newer", "a", "two", { title: "c" }])
    assert.equal(apart.all(apart.all("_root", "list")[0][1], 3).length, 1)
    const again = new Apart(base, doc => void (doc.list[1] = "one"), doc => void (doc.list[1] = "two")).merge()
    const other = again.conflict(["list", 1], (side, backend) => inList(side, backend, 1))
    writeChoice(again.handle, other, { keep: false })
    assert.deepEqual(again.handle.doc().list, ["a", { title: "c" }])
  })

  test("the way may lead through an element that has moved", () => {
    const apart = new Apart(
      base,
      doc => {
        doc.list[2].title = "one"
        doc.list.shift()
      },
      doc => void (doc.list[2].title = "two"),
    ).merge()
    const place = (side, backend) => {
      const [list, position] = inList(side, backend, side === apart.sides[0] ? 1 : 2)
      return [backend.getWithType(list, position)[1], "title"]
    }
    const told = apart.conflict(["list", 2, "title"], place)
    writeChoice(apart.handle, told, { candidate: told.candidates[1].id })
    assert.deepEqual(apart.handle.doc().list, ["b", { title: "two" }])
  })

  test("an element that was removed is the server's to bring back", () => {
    const apart = new Apart(base, doc => void (doc.list[2].title = "edited"), doc => void doc.list.pop()).merge()
    const place = (side, backend) => inList(side, backend, 2)
    const told = apart.conflict(["list", null], place, { type: "delete_edit" })
    assert.equal(writeChoice(apart.handle, told, { keep: true }), undefined)
  })
})

/** The same document on another device. */
function disagreementOf(apart) {
  const again = new Apart(() => {})
  again.handle.update(doc => Automerge.merge(doc, apart.handle.doc()))
  return again
}
