// Debian's Chromium, one for a file of tests; each page has a browser context, and so a storage, of its own.

import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { after } from "node:test"
import { fileURLToPath } from "node:url"
import { chromium } from "playwright-core"
import { afterwards } from "../../interop/harness/afterwards.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { Demo } from "./demo.mjs"

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium"
const flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
const args = [...flags.split(" "), "--disable-component-update", "--disable-sync"]

const screenshots = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../target/screenshots")

export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

/** How long an action of a person may take until the page has followed it. */
const ACTION_MS = 10_000

let launched

after(async () => (await launched)?.close())

function browser() {
  launched ??= chromium.launch({ executablePath, args })
  return launched
}

/**
 * A new browser with nothing stored. It fails its test if the page complains on the console, but for the complaint
 * that the test is about.
 */
export async function openBrowser(t, { viewport = DESKTOP, expectedComplaint = /^$/, ...options } = {}) {
  const hasTouch = viewport === PHONE
  const context = await (await browser()).newContext({ viewport, hasTouch, isMobile: hasTouch, ...options })
  context.setDefaultTimeout(ACTION_MS)
  const page = await context.newPage()
  const complaints = []
  page.on("pageerror", error => complaints.push(String(error)))
  page.on("console", message => {
    const isComplaint = message.type() === "error" || message.type() === "warning"
    const isExpected = isAboutServerAway(message) || expectedComplaint.test(message.text())
    if (isComplaint && !isExpected) complaints.push(message.text())
  })
  afterwards(t, async () => {
    await context.close()
    assert.deepEqual(complaints, [], "the page complained on the console")
  })
  return page
}

/** The browser itself reports each connection that fails, whatever the page does about it. */
function isAboutServerAway(message) {
  const [, reason] = /^WebSocket connection to .* failed: (.*)/.exec(message.text()) ?? []
  return /^(Error (in connection establishment|during WebSocket handshake): net::ERR_|Connection closed)/.test(reason)
}

/** The demo of `server` in a new browser, ready to be used. */
export async function openDemo(t, server, { address, ...options } = {}) {
  const page = await openBrowser(t, options)
  const demo = new Demo(page)
  await demo.open(address ?? `http://127.0.0.1:${server.port}/demo/`)
  return demo
}

/** The demo of a server of its own, with both devices connected and everything on the server. */
export async function settledDemo(t, options) {
  const demo = await openDemo(t, await Server.start(t), options)
  await demo.settled()
  return demo
}

/** Keeps a picture of the whole page under target/screenshots, on a screen that is high enough for it. */
export async function photograph(page, name) {
  fs.mkdirSync(screenshots, { recursive: true })
  const viewport = page.viewportSize()
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  await page.setViewportSize({ ...viewport, height: Math.max(viewport.height, height) })
  await page.screenshot({ path: path.join(screenshots, `${name}.png`), animations: "disabled" })
  await page.setViewportSize(viewport)
}
