// Tidying up after a test, the last thing first: clients leave before their server goes, and before their folders.

import fs from "node:fs"
import os from "node:os"
import path from "node:path"

const tidyingByTest = new WeakMap()

/** Runs `tidy` after the test, before what was registered earlier. */
export function afterwards(t, tidy) {
  const known = tidyingByTest.get(t)
  if (known) return void known.push(tidy)
  const stack = [tidy]
  tidyingByTest.set(t, stack)
  t.after(async () => {
    while (stack.length > 0) await stack.pop()()
  })
}

const folders = []

/** A new folder that is removed when the process ends: late writes into it must not fail. */
export function newFolder() {
  if (folders.length === 0) {
    process.once("exit", () => folders.forEach(folder => fs.rmSync(folder, { recursive: true, force: true })))
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tiebreak-interop-"))
  folders.push(folder)
  return folder
}
