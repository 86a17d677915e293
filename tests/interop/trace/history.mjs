// Real editing histories: the texts of a package's releases over fifteen years, retyped character by character, and
// a registry of facts in JSON over eleven.

import diff from "fast-diff"
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

const modules = path.join(path.dirname(fileURLToPath(import.meta.url)), "../node_modules")
const COMMANDER = ["1.0", "2.0", "2.9", "2.20", "4.1", "6.2", "8.3", "10.0", "12.1", "14.0"]
const MIME_DB = ["1.0", "1.20", "1.40", "1.54"]

/** The files whose histories there are, with the names they have had. */
export const TEXTS = {
  readme: ["Readme.md"],
  // Pure ASCII, so that positions mean the same to clients that count differently.
  source: ["lib/command.js", "lib/commander.js", "index.js"],
  typings: ["typings/index.d.ts"],
}

/** The first `count` edits of a text's history, and the text that they lead to. */
export function textHistory(name, count) {
  const edits = []
  let before = ""
  for (const after of versionsOf(TEXTS[name])) {
    for (const edit of keystrokes(before, after)) {
      edits.push(edit)
      if (edits.length === count) return { edits, text: replay(edits) }
    }
    before = after
  }
  return { edits, text: before }
}

/** The first `count` edits of the registry's history, each [media type, field or undefined, value or undefined]. */
export function registryHistory(count) {
  const edits = []
  let before = {}
  for (const version of MIME_DB) {
    const after = JSON.parse(fs.readFileSync(path.join(modules, `mime-db-${version}`, "db.json"), "utf8"))
    edits.push(...assignments(before, after))
    before = after
  }
  const some = edits.slice(0, count)
  return { edits: some, registry: some.length < edits.length ? assign({}, some) : before }
}

/** Applies one edit of a registry to an object or a document under change. */
export function assignOne(registry, [type, field, value]) {
  if (field === undefined) {
    if (value === undefined) delete registry[type]
    else registry[type] = value
  } else if (value === undefined) delete registry[type][field]
  else registry[type][field] = value
}

function assign(registry, edits) {
  for (const edit of edits) assignOne(registry, structuredClone(edit))
  return registry
}

function versionsOf(names) {
  const texts = []
  for (const version of COMMANDER) {
    const files = names.map(name => path.join(modules, `commander-${version}`, name))
    // Some releases have a stub under one of the names.
    const file = files.find(file => fs.existsSync(file) && fs.statSync(file).size > 1_000)
    if (file) texts.push(fs.readFileSync(file, "utf8"))
  }
  assert(texts.length > 0, "the packages are not installed: npm ci")
  return texts
}

/** [position, deleted, inserted] with one character typed or taken back at a time. */
function* keystrokes(before, after) {
  let position = 0
  for (const [operation, text] of lineThenCharacterDiff(before, after)) {
    if (operation === diff.EQUAL) position += text.length
    else if (operation === diff.INSERT) {
      for (const character of text) {
        yield [position, 0, character]
        position += character.length
      }
    } else {
      // Backwards, as with the backspace key.
      const characters = [...text].reverse()
      let end = position + text.length
      for (const character of characters) {
        end -= character.length
        yield [end, character.length, ""]
      }
    }
  }
}

/** A character-wise diff of whole files takes minutes; of the lines that differ, a moment. */
function lineThenCharacterDiff(before, after) {
  const numbers = new Map()
  const lines = []
  const encode = text => {
    return text.split(/(?<=\n)/).map(line => {
      if (!numbers.has(line)) {
        numbers.set(line, lines.length)
        lines.push(line)
      }
      // Behind the control characters, before the surrogates.
      return String.fromCharCode(0x100 + numbers.get(line))
    }).join("")
  }
  const decode = text => [...text].map(character => lines[character.charCodeAt(0) - 0x100]).join("")
  const byLine = diff(encode(before), encode(after))
  assert(lines.length < 0xd800 - 0x100)
  return byLine.flatMap(([operation, text], index) => {
    const next = byLine[index + 1]
    if (operation === diff.DELETE && next?.[0] === diff.INSERT) return diff(decode(text), decode(next[1]))
    if (operation === diff.INSERT && byLine[index - 1]?.[0] === diff.DELETE) return []
    return [[operation, decode(text)]]
  })
}

function* assignments(before, after) {
  for (const type of Object.keys(before)) if (!(type in after)) yield [type, undefined, undefined]
  for (const [type, entry] of Object.entries(after)) {
    if (!(type in before)) yield [type, undefined, {}]
    const old = before[type] ?? {}
    for (const field of Object.keys(old)) if (!(field in entry)) yield [type, field, undefined]
    for (const [field, value] of Object.entries(entry)) {
      if (JSON.stringify(old[field]) !== JSON.stringify(value)) yield [type, field, value]
    }
  }
}

function replay(edits) {
  // A list of characters: strings of this length are slow to cut ten thousand times.
  const units = []
  for (const [position, deleted, inserted] of edits) units.splice(position, deleted, ...inserted.split(""))
  return units.join("")
}
