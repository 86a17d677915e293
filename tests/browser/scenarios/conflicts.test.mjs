// What two devices wrote apart: seen on both, chosen on one, settled everywhere.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { until } from "../../interop/harness/until.mjs"
import { PHONE, openDemo, settledDemo } from "../harness/browser.mjs"

const NAME = "Display name"

async function gone(devices, place) {
  for (const device of devices) await device.disagreement(place).waitFor({ state: "detached" })
}

test("a name that both wrote offline is on both devices with who, before and after, until one click settles it", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await demo.writeNamesApart()
  for (const device of demo.devices) {
    const disagreement = device.disagreement(NAME)
    await disagreement.waitFor()
    assert.equal(await disagreement.locator(".before s").textContent(), "Robin")
    for (const author of ["Phone", "Laptop"]) {
      const side = device.side(NAME, `Robin of the ${author.toLowerCase()}`)
      assert.match(await side.locator(".who").textContent(), new RegExp(`^${author}`))
      assert.match(await side.locator("time").textContent(), /\d/)
      assert.equal(await side.locator("mark").textContent(), `of the ${author.toLowerCase()}`)
    }
  }
  await laptop.settle(NAME, "Robin of the phone")
  await gone(demo.devices, NAME)
  for (const device of demo.devices) await device.shows(NAME, "Robin of the phone")
  assert.equal(await laptop.field(NAME).evaluate(field => field === document.activeElement), true, "the focus goes on")
  await demo.reload()
  await demo.settled()
  for (const device of demo.devices) {
    await device.shows(NAME, "Robin of the phone")
    assert.equal(await device.disagreement(NAME).count(), 0)
  }
  await phone.field(NAME).fill("Robin again")
  await laptop.shows(NAME, "Robin again")
})

test("whoever writes the field anew has settled it", async t => {
  const demo = await settledDemo(t)
  await demo.writeNamesApart()
  for (const device of demo.devices) await device.disagreement(NAME).waitFor()
  await demo.laptop.field(NAME).fill("Robin of both")
  await gone(demo.devices, NAME)
  for (const device of demo.devices) await device.shows(NAME, "Robin of both")
})

test("a choice that is made offline settles it once the device is back", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await demo.writeNamesApart()
  for (const device of demo.devices) await device.disagreement(NAME).waitFor()
  await phone.cut()
  await phone.settle(NAME, "Robin of the phone")
  await phone.disagreement(NAME).waitFor({ state: "detached" })
  await laptop.disagreement(NAME).waitFor()
  await phone.reconnect()
  await gone(demo.devices, NAME)
  await laptop.shows(NAME, "Robin of the phone")
})

for (const [choice, cart] of [
  ["Keep this", { "Trail map": 3 }],
  ["Remove it", {}],
]) {
  test(`a line that one removed while the other wanted more is a question: ${choice.toLowerCase()}`, async t => {
    const demo = await settledDemo(t)
    const { phone, laptop } = demo
    await demo.show("Cart")
    await phone.button("Trail map €8.90").click()
    await until("both have the line", async () => (await laptop.cart())["Trail map"] === 1)
    await phone.cut()
    await phone.button("Remove Trail map").click()
    for (const count of [2, 3]) {
      await laptop.button("One Trail map more").click()
      await until("it is counted", async () => (await laptop.cart())["Trail map"] === count)
    }
    await phone.reconnect()
    for (const device of demo.devices) {
      await device.side("Trail map", "Removed").waitFor()
      await device.side("Trail map", "Quantity: 3").waitFor()
    }
    await phone.disagreement("Trail map").getByRole("button", { name: choice }).click()
    await gone(demo.devices, "Trail map")
    for (const device of demo.devices) {
      const isChosen = async () => JSON.stringify(await device.cart()) === JSON.stringify(cart)
      await until(`the ${device.name} has what was chosen`, isChosen)
    }
  })
}

test("in a group one renames and one retitles, and nobody is asked; both rename, and somebody is", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await demo.show("Group")
  await phone.button("Add an event").click()
  await laptop.field("Title of the event").waitFor()
  await demo.settled()
  await phone.cut()
  await phone.field("Group name").fill("Monday walkers")
  await laptop.field("Title of the event").fill("Over the hills")
  await phone.hasPending(1)
  await phone.reconnect()
  for (const device of demo.devices) {
    await device.shows("Group name", "Monday walkers")
    await device.shows("Title of the event", "Over the hills")
  }
  await demo.settled()
  await phone.cut()
  await phone.field("Group name").fill("Tuesday walkers")
  await laptop.field("Group name").fill("Early walkers")
  await laptop.field("Title of the event").fill("Around the lake")
  await phone.field("Title of the event").fill("Along the river")
  await phone.hasPending(2)
  await laptop.isSettled()
  await phone.reconnect()
  for (const [place, text] of [
    ["Group name", "Early walkers"],
    ["Events: Title", "Along the river"],
  ]) {
    for (const device of demo.devices) await device.side(place, text).waitFor()
    await laptop.settle(place, text)
    await gone(demo.devices, place)
  }
  for (const device of demo.devices) {
    await device.shows("Group name", "Early walkers")
    await device.shows("Title of the event", "Along the river")
  }
})

test("two browsers that share a link see the same disagreement, and one of them settles it for both", async t => {
  const server = await Server.start(t)
  const one = await openDemo(t, server)
  await one.settled()
  const two = await openDemo(t, server, { address: one.page.url() })
  await two.settled()
  await one.phone.cut()
  await one.phone.field(NAME).fill("Robin in the one")
  await two.laptop.field(NAME).fill("Robin in the other")
  await one.phone.hasPending(1)
  await two.laptop.isSettled()
  await one.phone.reconnect()
  const devices = [...one.devices, ...two.devices]
  for (const device of devices) await device.side(NAME, "Robin in the one").waitFor()
  assert.match(await one.laptop.side(NAME, "in the other").locator(".who").textContent(), /^Laptop [0-9a-f]{4}/)
  await two.phone.settle(NAME, "Robin in the one")
  await gone(devices, NAME)
  for (const device of devices) await device.shows(NAME, "Robin in the one")
})

test("at 390 pixels it is settled by touch", async t => {
  const demo = await openDemo(t, await Server.start(t), { viewport: PHONE })
  const { phone, laptop, page } = demo
  await phone.isSettled()
  await phone.cut()
  await phone.field(NAME).fill("Robin of the phone")
  await demo.showDevice(laptop)
  await laptop.field(NAME).fill("Robin of the laptop")
  await laptop.isSettled()
  await page.getByRole("button", { name: "Reconnect" }).tap()
  const side = laptop.side(NAME, "Robin of the laptop")
  await side.waitFor()
  const { scrollWidth, innerWidth } = await page.evaluate(() => ({
    scrollWidth: document.documentElement.scrollWidth,
    innerWidth,
  }))
  assert.ok(scrollWidth <= innerWidth, `${scrollWidth} px wide content on ${innerWidth} px`)
  const { height } = await side.getByRole("button").boundingBox()
  assert.ok(height >= 44, `${height} px is too small to touch`)
  await side.getByRole("button").tap()
  await laptop.disagreement(NAME).waitFor({ state: "detached" })
  await demo.showDevice(phone)
  await phone.shows(NAME, "Robin of the laptop")
})

test("it is settled by keyboard, and told to who does not see it", async t => {
  const demo = await settledDemo(t)
  const { page, phone } = demo
  const said = []
  await page.exposeFunction("heard", text => said.push(text))
  await page.locator("tb-demo > [role=status]").evaluate(element =>
    new MutationObserver(() => heard(element.textContent)).observe(element, {
      childList: true,
      characterData: true,
      subtree: true,
    }),
  )
  await demo.writeNamesApart()
  const side = phone.side(NAME, "Robin of the phone")
  await side.waitFor()
  await until("it is told", () => said.some(text => text.includes("Display name was written apart: choose what stands.")))
  await page.evaluate(() => document.activeElement.blur())
  const button = side.getByRole("button", { name: "Keep this: Display name, Robin of the phone" })
  for (let presses = 0; presses < 60; presses += 1) {
    if (await button.evaluate(element => element === document.activeElement)) break
    await page.keyboard.press("Tab")
  }
  await page.keyboard.press("Enter")
  await gone(demo.devices, NAME)
  await until("that is told", () => said.some(text => text.includes("Display name is settled.")))
  assert.equal(await phone.field(NAME).evaluate(field => field === document.activeElement), true)
})
