// How long it takes until the devices can be used, as a figure for people; only something absurd fails.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { openDemo } from "../harness/browser.mjs"

const ABSURD_MS = 30_000

test("the first load is measured, its bytes and its time", async t => {
  const demo = await openDemo(t, await Server.start(t))
  const { usableMs, bothMs, bytes, files } = await demo.page.evaluate(() => {
    const loads = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    return {
      usableMs: performance.getEntriesByName("usable")[0].startTime,
      bothMs: performance.getEntriesByName("both-usable")[0].startTime,
      bytes: loads.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
      files: loads.map(({ name }) => new URL(name).pathname),
    }
  })
  t.diagnostic(
    `usable after ${Math.round(usableMs)} ms, both devices after ${Math.round(bothMs)} ms; ${Math.round(bytes / 1000)} kB in ${files.length} files`,
  )
  assert.ok(
    files.some(file => file.endsWith(".wasm")),
    "WebAssembly comes as a file",
  )
  assert.ok(bytes < 2_000_000, `${bytes} bytes`)
  assert.ok(usableMs <= bothMs && bothMs < ABSURD_MS)
})

test("the second load asks for the page alone", async t => {
  const demo = await openDemo(t, await Server.start(t))
  await demo.page.goto("about:blank")
  await demo.open(demo.address)
  // What the devices ask the server about their documents is no part of the page.
  const transferred = await demo.page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => !new URL(name).pathname.startsWith("/v1/"))
      .reduce((sum, { transferSize }) => sum + transferSize, 0),
  )
  assert.equal(transferred, 0, "everything else comes from the browser's cache")
})
