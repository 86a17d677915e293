// The picture of the history: who did what, what is where so far, and where lines join.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { openDemo, settledDemo } from "../harness/browser.mjs"

const MADE = "Phone: document made, 2 changes"

/** What is told of the dots, without the time of day. */
const told = async demo => (await demo.history()).map(label => label.replace(/, [^,]*\d:\d\d[^,]*$/, ""))

async function tells(demo, expected) {
  let seen
  await until("the history", async () => {
    seen = await told(demo)
    return JSON.stringify(seen) === JSON.stringify(expected)
  }).catch(() => assert.deepEqual(seen, expected))
}

test("what only one device has is told apart, and the first change after a merge joins both lines", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop, page } = demo
  await tells(demo, [MADE])
  await phone.cut()
  await phone.field("Birthday").fill("1990-05-17")
  await phone.field("Birthday").fill("1990-05-18")
  await laptop.field("Units").selectOption("miles and lb")
  await phone.hasPending(2)
  const apart = await told(demo)
  assert.deepEqual(
    new Set(apart),
    new Set([
      MADE,
      "Phone: birthday, 2 changes, only on the phone so far",
      "Laptop: units, only on the laptop so far",
    ]),
  )

  await phone.reconnect()
  await demo.settled()
  const both = apart.map(label => label.replace(/, only on the \w+ so far$/, ""))
  await tells(demo, both)
  await laptop.field("Birthday").fill("1990-05-19")
  await tells(demo, [...both, "Laptop: birthday, after a merge"])
  assert.equal(await page.locator(".graph .line:not(.end)").count(), 4, "two lines part, and two join")
})

test("the picture holds the last two hundred changes and says how many it leaves out", async t => {
  const server = await Server.start(t, { flags: ["--changes-per-second", "100000", "--changes-burst", "100000"] })
  const demo = await openDemo(t, server)
  await demo.settled()
  await demo.show("Cart")
  await demo.phone.button("Trail map €8.90").click()
  for (const name of ["One Trail map more", "One Trail map less"]) {
    await demo.phone.button(name).evaluate(button => {
      for (let click = 0; click < 105; click += 1) button.click()
    })
  }
  await demo.settled()
  const left = demo.page.getByText("13 older changes left out: the last 200 are shown.")
  await demo.page.getByText("The same as a list (200 changes)").click()
  await left.waitFor()
})

test("the phone of another browser has a lane of its own", async t => {
  const server = await Server.start(t)
  const here = await openDemo(t, server)
  await here.settled()
  await here.phone.field("Birthday").fill("1990-05-17")
  await here.laptop.shows("Birthday", "1990-05-17")
  await here.settled()
  const there = await openDemo(t, server)
  await there.open(here.page.url())
  for (const device of there.devices) await device.shows("Birthday", "1990-05-17")
  await there.phone.field("Birthday").fill("1990-05-18")
  await here.phone.shows("Birthday", "1990-05-18")
  for (const [page, before, after] of [
    [here, "Phone", "Phone [0-9a-f]{4}"],
    [there, "Phone [0-9a-f]{4}", "Phone"],
  ]) {
    await until("both changes are told, each with its device", async () => {
      const birthdays = (await told(page)).filter(label => label.includes("birthday"))
      return new RegExp(`^${before}: birthday\\n${after}: birthday$`).test(birthdays.join("\n"))
    })
    assert.equal(await page.page.locator(".lanes p").count(), 3, "this phone, that phone, this laptop")
  }
})
