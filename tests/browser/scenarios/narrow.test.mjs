// A page as wide as a phone: nothing sticks out, and every target can be met with a thumb.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { PHONE, openDemo, settledDemo } from "../harness/browser.mjs"

const TARGET_PX_MIN = 44

/** What a person can touch; a link in running text is as high as its line. */
const TARGETS = "button, select, textarea, input:not([type=radio]), .choice label, summary"

async function checkLayout(page, where) {
  const { scrollWidth, innerWidth } = await page.evaluate(() => ({
    scrollWidth: document.documentElement.scrollWidth,
    innerWidth,
  }))
  assert.ok(scrollWidth <= innerWidth, `${where}: ${scrollWidth} px wide content on ${innerWidth} px`)
  const boxes = await page.locator(TARGETS).evaluateAll(targets =>
    targets
      .filter(target => target.checkVisibility())
      .map(target => {
        const { width, height } = target.getBoundingClientRect()
        return { what: target.textContent.trim() || target.id || target.className, width, height }
      }),
  )
  assert.ok(boxes.length > 5)
  const small = boxes.filter(({ width, height }) => Math.min(width, height) < TARGET_PX_MIN)
  assert.deepEqual(small, [], `${where}: too small to touch`)
}

test("at 390 pixels nothing scrolls sideways and every target is large enough", async t => {
  const demo = await openDemo(t, await Server.start(t), { viewport: PHONE })
  for (const device of demo.devices) {
    await demo.showDevice(device)
    await device.isSettled()
    for (const document of ["Profile", "Cart", "Group"]) {
      await demo.show(document)
      if (document === "Cart")
        await device.section
          .getByRole("button", { name: /Enamel mug/ })
          .first()
          .click()
      if (document === "Group") await device.button("Add an event").click()
      await checkLayout(demo.page, `${device.name}, ${document}`)
    }
  }
})

test("at no width between a small phone and a desk does anything scroll sideways", async t => {
  const demo = await settledDemo(t)
  const { page } = demo
  await demo.show("Group")
  await demo.phone.button("Add an event").click()
  await demo.laptop.field("Title of the event").waitFor()
  for (const width of [320, 375, 600, 768, 861, 1024, 1280, 1920]) {
    await page.setViewportSize({ width, height: 800 })
    for (const document of ["Profile", "Cart", "Group"]) {
      await demo.show(document)
      await checkLayout(page, `${document} at ${width} px`)
    }
  }
})

test("at 390 pixels the offline story is told by touch, one device at a time", async t => {
  const demo = await openDemo(t, await Server.start(t), { viewport: PHONE })
  const { phone, laptop, page } = demo
  await phone.isSettled()
  await phone.switch.tap()
  await phone.says("Offline: you cut it")
  await phone.field("About").fill("From the phone. ")
  await demo.showDevice(laptop)
  await laptop.field("About").fill("From the laptop. ")
  await laptop.isSettled()
  await checkLayout(page, "cut")
  await page.getByRole("button", { name: "Reconnect" }).tap()
  await page.getByRole("heading", { name: "Merged, nothing lost" }).waitFor()
  const merged = await laptop.field("About").inputValue()
  assert.ok(merged.includes("From the phone. ") && merged.includes("From the laptop. "), merged)
  await demo.showDevice(phone)
  await phone.shows("About", merged)
  await checkLayout(page, "merged")
})

test("at 390 pixels one line tells what the other device is about", async t => {
  const demo = await openDemo(t, await Server.start(t), { viewport: PHONE })
  const { phone, laptop, page } = demo
  await phone.isSettled()
  const elsewhere = page.getByRole("complementary", { name: "Devices" }).getByRole("paragraph")
  await elsewhere.getByText("Laptop: Connected, all on the server").waitFor()
  await phone.cut()
  await phone.field("Birthday").fill("1990-05-17")
  await phone.hasPending(1)
  await demo.showDevice(laptop)
  await elsewhere.getByText("Phone: Offline: you cut it, 1 change only there").waitFor()
  await checkLayout(page, "with a change that waits")
})

test("at 390 pixels the page says that the link is copied, or how else to get it", async t => {
  const server = await Server.start(t)
  for (const [permissions, words] of [
    [["clipboard-read", "clipboard-write"], "Link copied. Open it in another browser."],
    [[], "Copy the link from the address bar."],
  ]) {
    const { page } = await openDemo(t, server, { viewport: PHONE, permissions })
    if (permissions.length === 0) {
      await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error("not allowed"))))
    }
    await page.getByRole("button", { name: "Copy link" }).tap()
    await page.getByRole("status").getByText(words).waitFor()
    await checkLayout(page, words)
    if (permissions.length > 0) {
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url())
    }
  }
})
