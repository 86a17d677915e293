// The whole story without a mouse, and what a screen reader hears of it.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { settledDemo } from "../harness/browser.mjs"

const TABS_MAX = 60

/** Presses Tab until the focus is on this element: whatever cannot be reached so cannot be used by keyboard. */
async function tabTo(page, target) {
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    if (await target.evaluate(element => element === document.activeElement)) return
    await page.keyboard.press("Tab")
  }
  assert.fail(`not reached with ${TABS_MAX} presses of Tab: ${target}`)
}

const isFocusSeen = page =>
  page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2
  })

test("cutting, editing and reconnecting need only a keyboard", async t => {
  const demo = await settledDemo(t)
  const { page, phone, laptop } = demo
  await tabTo(page, phone.switch)
  assert.ok(await isFocusSeen(page), "the focus on the switch can be seen")
  await page.keyboard.press("Space")
  await phone.says("Offline: you cut it")
  assert.equal(await phone.switch.getAttribute("aria-checked"), "false")

  await tabTo(page, phone.field("About"))
  assert.ok(await isFocusSeen(page), "the focus in a field can be seen")
  await page.keyboard.type("Typed on the phone. ")
  await tabTo(page, laptop.field("About"))
  await page.keyboard.type("Typed on the laptop. ")
  await phone.hasPending("Typed on the phone. ".length)

  await page.evaluate(() => document.activeElement.blur())
  await tabTo(page, page.getByRole("button", { name: "Reconnect" }))
  await page.keyboard.press("Enter")
  await demo.settled()
  const merged = await phone.field("About").inputValue()
  assert.ok(merged.includes("Typed on the phone. ") && merged.includes("Typed on the laptop. "), merged)
  await laptop.shows("About", merged)
})

test("documents and the changes in the picture are chosen with arrow keys", async t => {
  const demo = await settledDemo(t)
  const { page, phone } = demo
  await phone.field("Birthday").fill("1990-05-17")
  const picture = page.getByRole("listbox", { name: "Changes, oldest first" })
  await until("the change is in the picture", async () => (await demo.history()).length === 2)
  await tabTo(page, picture)
  const told = () => page.locator(".told").textContent()
  assert.match(await told(), /Phone: birthday/)
  await page.keyboard.press("ArrowLeft")
  await until("the change before is told about", async () => !(await told()).includes("birthday"))
  await page.keyboard.press("End")
  await until("the last change is told about", async () => (await told()).includes("birthday"))

  await page.getByRole("radio", { name: "Profile" }).focus()
  await page.keyboard.press("ArrowRight")
  await phone.section.getByText("Nothing in the cart yet.").waitFor()
})

test("what arrives and what is sent is announced politely", async t => {
  const demo = await settledDemo(t)
  const { page, phone, laptop } = demo
  const status = page.locator("tb-demo > [role=status]")
  await phone.field("Birthday").fill("1990-05-17")
  await laptop.shows("Birthday", "1990-05-17")
  await until(
    "the arrival is announced",
    async () => (await status.textContent()) === "Arrived on the laptop: Birthday.",
  )
  await phone.cut()
  await phone.field("Birthday").fill("1990-05-18")
  await phone.hasPending(1)
  const said = []
  await page.exposeFunction("heard", text => said.push(text))
  await status.evaluate(element =>
    new MutationObserver(() => heard(element.textContent)).observe(element, {
      childList: true,
      characterData: true,
      subtree: true,
    }),
  )
  await phone.reconnect()
  await until("the sending is announced", () =>
    said.some(text => text.includes("The server has everything from the phone: 1 change sent.")),
  )
  assert.ok(said.some(text => text.includes("Phone: Connected.")), said.join())
})
