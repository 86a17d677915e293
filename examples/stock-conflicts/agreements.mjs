// What two people do to one document without knowing of each other, and nobody has to decide anything: no record may be
// made, and `isRight` holds of what stands.

import { Counter } from "@automerge/automerge-repo"
import * as edits from "./edits.mjs"
import { cart, profile } from "./starts.mjs"

export const AGREEMENTS = [
  {
    what: "equal values",
    start: profile(),
    ann: edits.write("display_name", "Anna"),
    ben: edits.write("display_name", "Anna"),
    isRight: doc => doc.display_name === "Anna",
  },
  {
    what: "equal, written in two ways",
    start: profile(),
    ann: edits.write("display_name", "Anna"),
    ben: edits.fixed("display_name", "Anna"),
    isRight: doc => String(doc.display_name) === "Anna",
  },
  {
    what: "both remove it",
    start: cart(),
    ann: edits.noTent,
    ben: edits.noTent,
    isRight: doc => !("tent" in doc.lines),
  },
  {
    what: "counters add up",
    start: cart(),
    ann: edits.moreTents(1),
    ben: edits.moreTents(2),
    isRight: doc => doc.lines.tent.qty instanceof Counter && doc.lines.tent.qty.value === 4,
  },
  {
    what: "… also with a new number",
    start: cart(),
    ann: edits.tents(5),
    ben: edits.moreTents(2),
    isRight: doc => doc.lines.tent.qty instanceof Counter && doc.lines.tent.qty.value === 7,
  },
  {
    what: "… also with plain numbers",
    start: cart(),
    ann: edits.plainTents(5),
    ben: edits.plainTents(3),
    isRight: doc => doc.lines.tent.qty instanceof Counter && doc.lines.tent.qty.value === 7,
  },
  {
    what: "one line made twice",
    start: cart(),
    ann: edits.newStove("gas"),
    ben: edits.newStove("gas"),
    isRight: doc => doc.lines.stove.qty instanceof Counter && doc.lines.stove.qty.value === 2,
  },
  {
    what: "typing in one text",
    start: profile(),
    ann: edits.type("bio", 0, "Ann "),
    ben: edits.type("bio", 5, " far"),
    isRight: doc => doc.bio === "Ann walks far",
  },
  {
    what: "… also in a flagged one",
    start: profile(),
    ann: edits.type("display_name", 0, "Jo "),
    ben: edits.type("display_name", 3, "a"),
    isRight: doc => doc.display_name === "Jo Anna",
  },
  {
    what: "different keys",
    start: profile(),
    ann: edits.write("height_cm", 170),
    ben: edits.write("weight_kg", 60),
    isRight: doc => doc.height_cm === 170 && doc.weight_kg === 60,
  },
  {
    what: "different keys of one line",
    start: cart({ note: "red" }),
    ann: edits.noNote,
    ben: edits.moreTents(2),
    isRight: doc => !("note" in doc.lines.tent) && doc.lines.tent.qty.value === 3,
  },
  {
    what: "two new elements",
    start: profile({ plan: [] }),
    ann: edits.insert("plan", 0, "a"),
    ben: edits.insert("plan", 0, "b"),
    isRight: doc => [...doc.plan].sort().join() === "a,b",
  },
  {
    what: "one after the other", isOrdered: true,
    start: profile(),
    ann: edits.write("display_name", "Anna"),
    ben: edits.write("display_name", "Anne"),
    isRight: doc => doc.display_name === "Anne",
  },
  {
    what: "one person twice",
    start: profile(),
    ann: edits.write("display_name", "Anna"),
    again: edits.write("display_name", "Annie"),
    ben: edits.nothing,
    isRight: doc => doc.display_name === "Annie",
  },
  {
    what: "the kind says lww",
    start: profile({ locale: "en" }),
    ann: edits.write("locale", "de"),
    ben: edits.write("locale", "fr"),
    isRight: doc => ["de", "fr"].includes(doc.locale),
  },
  {
    what: "the kind says union",
    start: profile({ interests: ["tea"] }),
    ann: edits.insert("interests", 1, "maps"),
    ben: edits.insert("interests", 1, "jazz"),
    isRight: doc => [...doc.interests].sort().join() === "jazz,maps,tea",
  },
  {
    what: "… also written whole",
    start: profile({ interests: ["tea", "go"] }),
    ann: edits.write("interests", ["tea", "maps"]),
    ben: edits.write("interests", ["tea", "go", "jazz"]),
    isRight: doc => [...doc.interests].sort().join() === "jazz,maps,tea",
  },
  {
    what: "… also for one element",
    start: profile({ interests: ["tea", "go"] }),
    ann: edits.writeElement("interests", 1, "maps"),
    ben: edits.writeElement("interests", 1, "jazz"),
    isRight: doc => ["maps", "jazz"].includes(doc.interests[1]),
  },
]
