// What two people do to one document without knowing of each other, and where the server must find a conflict.
//
// It is of a `type`, at a `path`, between `sides` that both started from `base`. `choose` settles it: one of the sides
// as `candidate`, something else as `value`, or whether to `keep` what one of them removes. Then `stands` is at the path.

import { Counter, ImmutableString, isImmutableString } from "@automerge/automerge-repo"
import * as edits from "./edits.mjs"
import { cart, delivery, group, plain, profile } from "./starts.mjs"

/** Stands for the side that removes, and for what is not there. */
const GONE = null

const WRITES = [
  {
    what: "two strings",
    start: profile(),
    ann: edits.write("display_name", "Anna"),
    ben: edits.write("display_name", "Anne"),
    path: ["display_name"], base: "Ann", sides: ["Anna", "Anne"],
    choose: { candidate: "Anna" }, stands: "Anna",
    isRight: doc => typeof doc.display_name === "string",
  },
  {
    what: "two fixed strings",
    start: profile({ display_name: new ImmutableString("Ann") }),
    ann: edits.fixed("display_name", "Anna"),
    ben: edits.fixed("display_name", "Anne"),
    path: ["display_name"], base: "Ann", sides: ["Anna", "Anne"],
    choose: { value: "Annie" }, stands: "Annie",
    isRight: doc => isImmutableString(doc.display_name),
  },
  {
    what: "two numbers",
    start: profile(),
    ann: edits.write("height_cm", 170),
    ben: edits.write("height_cm", 171),
    path: ["height_cm"], base: GONE, sides: [170, 171],
    choose: { candidate: 171 }, stands: 171,
  },
  {
    what: "an element of a list",
    start: profile({ plan: ["a", "b", "c"] }),
    ann: edits.writeElement("plan", 1, "x"),
    ben: edits.writeElement("plan", 1, "y"),
    path: ["plan", 1], base: "b", sides: ["x", "y"],
    choose: { candidate: "y" }, stands: "y",
  },
  {
    what: "a field deep inside",
    start: group,
    ann: edits.place("Shore"),
    ben: edits.place("Hill"),
    path: ["events", "lake", "place"], base: "Sea", sides: ["Shore", "Hill"],
    choose: { value: "Wood" }, stands: "Wood",
  },
  {
    what: "an object made twice",
    start: group,
    ann: edits.newHut("Hut"),
    ben: edits.newHut("Cabin"),
    path: ["events", "hut"], base: GONE, sides: [{ title: "Hut" }, { title: "Cabin" }],
    choose: { candidate: { title: "Cabin" } }, stands: { title: "Cabin" },
  },
  {
    what: "a cart line made twice",
    start: cart(),
    ann: edits.newStove("gas"),
    ben: edits.newStove("wood"),
    path: ["lines", "stove"], base: GONE, sides: [{ qty: 1, note: "gas" }, { qty: 1, note: "wood" }],
    choose: { candidate: { qty: 1, note: "gas" } }, stands: { qty: 1, note: "gas" },
    isRight: doc => doc.lines.stove.qty instanceof Counter,
  },
  {
    what: "parts of one address",
    start: delivery,
    ann: edits.address("street", "2 Oak Lane"),
    ben: edits.address("city", "York"),
    path: ["address"], base: { street: "1 Elm Road", city: "Leeds" },
    sides: [{ street: "2 Oak Lane", city: "Leeds" }, { street: "1 Elm Road", city: "York" }],
    choose: { value: { street: "3 Ash Way", city: "York" } }, stands: { street: "3 Ash Way", city: "York" },
  },
  {
    what: "a text made anew twice",
    start: profile(),
    ann: edits.write("bio", "runs"),
    ben: edits.write("bio", "swims"),
    path: ["bio"], base: "walks", sides: ["runs", "swims"],
    choose: { value: "runs and swims" }, stands: "runs and swims",
  },
  {
    what: "no kind, but flagged", isPlain: true,
    start: plain,
    ann: edits.write("title", "Ideas"),
    ben: edits.write("title", "Lists"),
    path: ["title"], base: "Notes", sides: ["Ideas", "Lists"],
    choose: { candidate: "Lists" }, stands: "Lists",
  },
]

const REMOVALS = [
  {
    what: "removed, written",
    start: profile({ height_cm: 170 }),
    ann: edits.remove("height_cm"),
    ben: edits.write("height_cm", 171),
    path: ["height_cm"], base: 170, sides: [GONE, 171],
    choose: { keep: true }, stands: 171,
  },
  {
    what: "written, removed",
    start: profile({ height_cm: 170 }),
    ann: edits.write("height_cm", 171),
    ben: edits.remove("height_cm"),
    path: ["height_cm"], base: 170, sides: [GONE, 171],
    choose: { keep: false }, stands: GONE,
  },
  {
    what: "removed, typed in",
    start: profile(),
    ann: edits.remove("display_name"),
    ben: edits.type("display_name", 3, "a"),
    path: ["display_name"], base: "Ann", sides: [GONE, "Anna"],
    choose: { candidate: "Anna" }, stands: "Anna",
  },
  {
    what: "a cart line: removed, more",
    start: cart(),
    ann: edits.noTent,
    ben: edits.moreTents(2),
    path: ["lines", "tent"], base: { qty: 1 }, sides: [GONE, { qty: 3 }],
    choose: { keep: true }, stands: { qty: 3 },
    isRight: doc => doc.lines.tent.qty instanceof Counter,
  },
  {
    what: "a cart line: more, removed",
    start: cart(),
    ann: edits.moreTents(2),
    ben: edits.noTent,
    path: ["lines", "tent"], base: { qty: 1 }, sides: [GONE, { qty: 3 }],
    choose: { keep: false }, stands: GONE,
  },
  {
    what: "an element: removed, written",
    start: profile({ plan: ["a", "b", "c"] }),
    ann: edits.removeElement("plan", 1),
    ben: edits.writeElement("plan", 1, "y"),
    path: ["plan", 1], base: "b", sides: [GONE, "y"],
    choose: { keep: false }, stands: "c",
    isRight: doc => doc.plan.length === 2,
  },
]

const REPLACEMENTS = [
  {
    what: "a text: replaced, typed in",
    start: profile(),
    ann: edits.write("display_name", "Bob"),
    ben: edits.type("display_name", 3, "a"),
    path: ["display_name"], base: "Ann", sides: ["Bob", "Anna"],
    choose: { candidate: "Anna" }, stands: "Anna",
  },
  {
    what: "an object: replaced, edited",
    start: group,
    ann: edits.anotherLake,
    ben: edits.place("Shore"),
    path: ["events", "lake"], base: { title: "Lake", place: "Sea" },
    sides: [{ title: "Fair" }, { title: "Lake", place: "Shore" }],
    choose: { value: { title: "Fair", place: "Shore" } }, stands: { title: "Fair", place: "Shore" },
  },
]

const INCREMENTS = [
  {
    what: "counted, written over",
    start: profile({ steps: new Counter(1) }),
    ann: edits.add("steps", 5),
    ben: edits.write("steps", 0),
    path: ["steps"], base: 1, sides: [6, 0],
    choose: { candidate: 6 }, stands: 6,
    isRight: doc => doc.steps instanceof Counter,
  },
  {
    what: "removed, counted",
    start: profile({ steps: new Counter(1) }),
    ann: edits.remove("steps"),
    ben: edits.add("steps", 5),
    path: ["steps"], base: 1, sides: [GONE, 6],
    choose: { keep: true }, stands: 6,
  },
]

const ofType = (type, cases) => cases.map(one => ({ ...one, type }))

const RULES = [
  {
    what: "more than a limit, together",
    start: () => ({ "@kind": "cart", lines: { tent: { qty: new Counter(9998) } } }),
    ann: edits.moreTents(1),
    ben: edits.moreTents(2),
    path: ["lines", "tent", "qty"], base: 9998, sides: [9999, 10000],
    choose: { value: 9999 }, stands: 9999,
    isRight: doc => doc.lines.tent.qty instanceof Counter,
  },
]

export const CONFLICTS = [
  ...ofType("write_write", WRITES),
  ...ofType("delete_edit", REMOVALS),
  ...ofType("replace_edit", REPLACEMENTS),
  ...ofType("lost_increment", INCREMENTS),
  ...ofType("rule", RULES),
]

/** Types that the records may name one day, and that no server opens yet. */
export const NOT_YET = ["mark"]
