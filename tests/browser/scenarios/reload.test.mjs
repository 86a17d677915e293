// A page that is loaded again at once has what a person wrote and chose before.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { openDemo } from "../harness/browser.mjs"

const FIELDS = [
  ["Profile", "Display name"],
  ["Profile", "About"],
  ["Group", "Group name"],
  ["Group", "Nickname"],
  ["Cart", "Note on Trail map"],
]

for (const [state, prepare] of [
  ["connected", async () => undefined],
  ["cut", device => device.cut()],
]) {
  test(`what was typed just before a reload is there after it, on a phone that is ${state}`, async t => {
    const demo = await openDemo(t, await Server.start(t))
    const { page, phone } = demo
    await demo.settled()
    await demo.show("Cart")
    await phone.button("Trail map €8.90").click()
    await phone.isStored()
    await prepare(phone)
    for (const [document, label] of FIELDS) {
      await demo.show(document)
      await phone.field(label).focus()
      await page.keyboard.press("End")
      const before = await phone.field(label).inputValue()
      await page.keyboard.type(", typed")
      await page.reload()
      await demo.isUsable()
      await demo.show(document)
      await phone.shows(label, `${before}, typed`)
    }
  })
}

test("a draft counts as pending from its first letter", async t => {
  const demo = await openDemo(t, await Server.start(t))
  const { phone } = demo
  await demo.settled()
  await phone.field("Display name").focus()
  // In the page, so that no time passes in between.
  const pending = await phone.field("Display name").evaluate(async input => {
    input.value = "Robin, typ"
    input.dispatchEvent(new Event("input"))
    const page = document.querySelector("tb-demo")
    await page.updateComplete
    return input.closest(".device").querySelector(".waiting").textContent.replace(/\s+/g, " ").trim()
  })
  assert.equal(pending, "1change only here")
  await demo.settled()
  await demo.laptop.shows("Display name", "Robin, typ")
})
