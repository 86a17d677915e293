// What the page says when something that it needs is missing, and the way out that it offers.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { openBrowser, openDemo, photograph } from "../harness/browser.mjs"
import { Demo } from "../harness/demo.mjs"

const address = server => `http://127.0.0.1:${server.port}/demo/`

/** A link to documents that are nowhere. */
const NOWHERE = "4NMNnkMhL8jXrdJ9jamS58PAVdXu"
const addressOfNothing = server => `${address(server)}#profile=${NOWHERE}&cart=${NOWHERE}&group=${NOWHERE}`

test("a browser that stores nothing is told so, and can go on in memory", async t => {
  const server = await Server.start(t)
  const page = await openBrowser(t)
  await page.addInitScript(() => {
    indexedDB.open = () => {
      throw new DOMException("not here", "SecurityError")
    }
  })
  await page.goto(address(server))
  await page.getByRole("heading", { name: "This browser stores nothing here" }).waitFor()
  await photograph(page, "trouble-no-storage")
  await page.getByRole("button", { name: "Go on without storing" }).click()
  const demo = new Demo(page)
  await demo.isUsable()
  await demo.settled()
  await demo.phone.field("Display name").fill("In memory")
  await demo.laptop.shows("Display name", "In memory")
})

test("a page whose engine does not load says so", async t => {
  const server = await Server.start(t)
  const page = await openBrowser(t)
  await page.route("**/*.wasm", route =>
    route.fulfill({ status: 200, contentType: "application/wasm", body: "broken" }),
  )
  await page.goto(address(server))
  await page.getByRole("heading", { name: "The document engine did not load" }).waitFor()
  await photograph(page, "trouble-no-engine")
})

test("a device that the server sends away says why, and stays away", async t => {
  const server = await Server.start(t)
  const page = await openBrowser(t)
  let connectionsCount = 0
  await page.routeWebSocket(/automerge/, socket => {
    connectionsCount += 1
    socket.close({ code: 4403, reason: "this device was lost" })
  })
  const demo = new Demo(page)
  await page.goto(address(server))
  for (const device of demo.devices) await device.says("The server said no: this device was lost")
  await photograph(page, "trouble-rejected")
  assert.equal(connectionsCount, demo.devices.length)
})

test("a second tab waits until the first one is closed", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  await demo.settled()
  await demo.phone.field("Display name").fill("From the first tab")
  await demo.laptop.shows("Display name", "From the first tab")
  const second = new Demo(await demo.page.context().newPage())
  await second.page.goto(address(server))
  await second.page.getByRole("heading", { name: "The two devices are open in another tab" }).waitFor()
  await demo.page.close()
  await second.isUsable()
  await second.phone.shows("Display name", "From the first tab")
})

test("a link to documents that are nowhere leads to new ones", async t => {
  const server = await Server.start(t)
  const page = await openBrowser(t)
  await page.goto(addressOfNothing(server))
  await page.getByRole("heading", { name: "These documents are not here" }).waitFor()
  await photograph(page, "trouble-lost")
  await page.getByRole("button", { name: "Start with new documents" }).click()
  const demo = new Demo(page)
  await demo.settled()
  await demo.phone.shows("Display name", "Robin")
})

test("a change that the server refuses is shown, stays on its device and counts as pending", async t => {
  const server = await Server.start(t, { flags: ["--change-operations-max", "100"] })
  const demo = await openDemo(t, server)
  await demo.settled()
  await demo.phone.field("About").fill("x".repeat(200))
  await demo.phone.section.getByText("The server did not take a change:").waitFor()
  assert.ok((await demo.phone.pending()) > 0)
  assert.equal(await demo.laptop.field("About").inputValue(), "")
  await photograph(demo.page, "trouble-refused")
})

test("starting over forgets both devices, after a question", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  await demo.settled()
  await demo.phone.field("Display name").fill("Soon forgotten")
  await demo.laptop.shows("Display name", "Soon forgotten")
  const before = demo.page.url()
  await demo.page.getByRole("button", { name: "Start over" }).click()
  await demo.page.getByRole("dialog").getByRole("button", { name: "Start over" }).click()
  await demo.page.waitForURL(url => url.href !== before && url.hash !== "")
  await demo.isUsable()
  for (const device of demo.devices) await device.shows("Display name", "Robin")
})

test("a link to documents that are nowhere leaves one's own where they are, and leads back to them", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  await demo.settled()
  await demo.phone.field("Display name").fill("My own")
  await demo.laptop.shows("Display name", "My own")
  await demo.page.goto("about:blank")
  await demo.page.goto(addressOfNothing(server))
  await demo.page.getByRole("heading", { name: "These documents are not here" }).waitFor()
  await demo.page.getByRole("button", { name: "Back to your own documents" }).click()
  await demo.isUsable()
  for (const device of demo.devices) await device.shows("Display name", "My own")
})

test("a device that was sent away comes back when it is asked to", async t => {
  const server = await Server.start(t)
  const page = await openBrowser(t)
  let isLetIn = false
  await page.routeWebSocket(/automerge/, socket => {
    if (isLetIn) socket.connectToServer()
    else socket.close({ code: 4403, reason: "not today" })
  })
  const demo = new Demo(page)
  await page.goto(address(server))
  for (const device of demo.devices) await device.says("The server said no: not today")
  isLetIn = true
  for (const device of demo.devices) await device.button("Try again").click()
  await demo.isUsable()
  await demo.settled()
})
