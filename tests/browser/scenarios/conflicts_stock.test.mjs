// The demo beside a page with a stock automerge-repo client, on which nothing of Tiebreak runs.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { openDemo } from "../harness/browser.mjs"
import { StockPage, serveStockPage } from "../harness/stock_page.mjs"

const NAME = "Display name"

test("what a stock client wrote offline is a side like any other, and it gets what is chosen", async t => {
  const origin = await serveStockPage(t)
  const server = await Server.start(t, { flags: ["--allow-origin", origin] })
  const demo = await openDemo(t, server)
  await demo.settled()
  const id = new URLSearchParams(new URL(demo.page.url()).hash.slice(1)).get("profile")
  const stock = await StockPage.open(t, { origin, id, server })
  await stock.shows("Robin")

  await stock.online.uncheck()
  await stock.write("Robin of the stock client")
  await demo.phone.field(NAME).fill("Robin of the phone")
  await demo.settled()
  await stock.online.check()
  for (const device of demo.devices) {
    const side = device.side(NAME, "Robin of the stock client")
    await side.waitFor()
    assert.match(await side.locator(".who").textContent(), /^Another app/)
  }
  await stock.shows("Robin of the phone", "Robin of the stock client")

  await demo.laptop.settle(NAME, "Robin of the stock client")
  for (const device of demo.devices) {
    await device.disagreement(NAME).waitFor({ state: "detached" })
    await device.shows(NAME, "Robin of the stock client")
  }
  await stock.shows("Robin of the stock client")

  await stock.online.uncheck()
  await stock.write("Robin apart again")
  await demo.phone.field(NAME).fill("Robin at home")
  await demo.settled()
  await stock.online.check()
  await demo.phone.side(NAME, "Robin apart again").waitFor()
  await stock.shows("Robin apart again", "Robin at home")
  await stock.write("Robin of both")
  for (const device of demo.devices) {
    await device.disagreement(NAME).waitFor({ state: "detached" })
    await device.shows(NAME, "Robin of both")
  }
})
