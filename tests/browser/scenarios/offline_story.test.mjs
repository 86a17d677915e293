// Cut the phone, edit on both, reload, reconnect: both show the same, and nothing is lost.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { openDemo, settledDemo } from "../harness/browser.mjs"

test("what both devices wrote apart is merged when the phone comes back", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await phone.cut()

  await phone.field("About").pressSequentially("Walks in the rain.")
  await laptop.field("About").fill("Drinks tea. ")
  await phone.field("Birthday").fill("1990-05-17")
  await phone.hasPending("Walks in the rain.".length + 1)
  await laptop.hasPending(0)
  assert.equal(await phone.field("About").inputValue(), "Walks in the rain.", "nothing reaches a phone that is cut")

  await demo.show("Cart")
  await phone.button("Trail map €8.90").click()
  await phone.button("One Trail map more").click()
  await laptop.button("Trail map €8.90").click()
  await phone.hasPending("Walks in the rain.".length + 3)

  await demo.reload()
  await phone.says("Offline: you cut it")
  await phone.hasPending("Walks in the rain.".length + 3)
  await demo.show("Cart")
  assert.deepEqual(await phone.cart(), { "Trail map": 2 })
  await until("the laptop has its cart back", async () => (await laptop.cart())["Trail map"] === 1)
  await demo.show("Profile")
  await phone.shows("About", "Walks in the rain.")

  await phone.reconnect()
  await demo.settled()
  const merged = await laptop.field("About").inputValue()
  assert.ok(merged.includes("Walks in the rain.") && merged.includes("Drinks tea. "), merged)
  for (const device of demo.devices) {
    await device.shows("About", merged)
    await device.shows("Birthday", "1990-05-17")
  }
  await demo.show("Cart")
  for (const device of demo.devices) {
    await until("pieces added apart add up", async () => (await device.cart())["Trail map"] === 3)
  }
})

test("a piece that both took out apart is gone once, and the next one counts", async t => {
  const demo = await openDemo(t, await Server.start(t))
  const { phone, laptop } = demo
  const bothShow = (cart, what) =>
    until(what, async () => {
      const carts = await Promise.all(demo.devices.map(device => device.cart()))
      return carts.every(shown => JSON.stringify(shown) === JSON.stringify(cart))
    })
  await demo.settled()
  await demo.show("Cart")
  await phone.button("Trail map €8.90").click()
  await bothShow({ "Trail map": 1 }, "one piece on both")
  await phone.cut()
  for (const device of demo.devices) await device.button("Remove Trail map").click()
  await phone.reconnect()
  await demo.settled()
  await bothShow({}, "an empty cart")
  await laptop.button("Trail map €8.90").click()
  await bothShow({ "Trail map": 1 }, "one piece again")
})

test("the switch closes the device's own connection and no other", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  const connections = async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
    return Number(/^tiebreak_connections (\d+)$/m.exec(metrics)?.[1])
  }
  await demo.settled()
  await until("both are connected", async () => (await connections()) === 2)
  await demo.phone.cut()
  await until("one is left", async () => (await connections()) === 1)
  await demo.laptop.isSettled()
  await demo.laptop.cut()
  await until("none is left", async () => (await connections()) === 0)
  await demo.phone.reconnect()
  await until("one is back", async () => (await connections()) === 1)
})

test("what arrives is highlighted where it arrives, for a moment", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await phone.field("Birthday").fill("1990-05-17")
  const highlighted = device => device.section.locator(".arrived label")
  await until(
    "the laptop highlights it",
    async () => (await highlighted(laptop).allTextContents()).join() === "Birthday",
  )
  assert.equal(await highlighted(phone).count(), 0, "what one writes oneself does not arrive")
  await until("the highlight fades", async () => (await highlighted(laptop).count()) === 0)
})

test("each device keeps its own cut over a reload", async t => {
  const demo = await settledDemo(t)
  await demo.laptop.cut()
  await demo.reload()
  await demo.laptop.says("Offline: you cut it")
  await demo.phone.isSettled()
  await demo.laptop.reconnect()
  await demo.settled()
})

test("the caret stays where somebody writes while others write before it", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await laptop.field("About").fill("Tea and rain")
  await phone.shows("About", "Tea and rain")
  const writing = phone.field("About")
  await writing.focus()
  await writing.evaluate(area => area.setSelectionRange(3, 3))
  await laptop.field("About").evaluate(area => {
    area.value = `Much ${area.value}`
    area.dispatchEvent(new Event("input"))
  })
  await phone.shows("About", "Much Tea and rain")
  await writing.press("s")
  await laptop.shows("About", "Much Teas and rain")
})
