// What somebody is writing while the other device changes the document around it.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { settledDemo } from "../harness/browser.mjs"

/** A letter now and then, without the pause at which a value is written. */
const delay = 150

test("what is being written stays in its row when the other device removes the row before it", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  await demo.show("Group")
  for (const count of [2, 3]) {
    await phone.button("Add a nickname").click()
    await until("both have the nickname", async () => (await laptop.field("Nickname").count()) === count)
  }
  const nicknames = device =>
    device.field("Nickname").evaluateAll(inputs => inputs.map(input => input.value).sort())
  const [first, written, third] = await laptop
    .field("Nickname")
    .evaluateAll(inputs => inputs.map(input => input.value))
  const writing = laptop.field("Nickname").nth(1)
  await writing.fill("")
  const typing = writing.pressSequentially("Somebody new", { delay })
  // A click would take the focus from the laptop, which is on the same page.
  await phone.button(`Remove ${first}`).evaluate(button => button.click())
  await typing
  for (const device of demo.devices) {
    await until(`the ${device.name} has the draft in place of ${written}, and no other row has it`, async () => {
      return (await nicknames(device)).join() === ["Somebody new", third].sort().join()
    })
  }
})

test("what arrives while somebody writes the same is not lost without a hint", async t => {
  const demo = await settledDemo(t)
  const { phone, laptop } = demo
  const typing = laptop.field("Display name").pressSequentially(" of the laptop", { delay })
  await phone.field("Display name").evaluate(input => {
    input.value = "Robin of the phone"
    for (const name of ["input", "change"]) input.dispatchEvent(new Event(name))
  })
  await typing
  for (const device of demo.devices) {
    for (const text of ["of the phone", "of the laptop"]) await device.side("Display name", text).waitFor()
  }
})
