// The server dies in the middle of it all and comes back on its data.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { openDemo } from "../harness/browser.mjs"

test("nothing is lost when the server is killed while devices write, and both come back by themselves", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  const { phone, laptop } = demo
  await demo.settled()
  await phone.cut()
  await phone.field("About").pressSequentially("From the phone. ")

  const writing = laptop.field("About").pressSequentially("Written while the server dies. ")
  await until("the laptop has begun", async () => (await laptop.field("About").inputValue()) !== "")
  await server.kill()
  await writing
  await laptop.says("No server. Trying again")
  assert.ok((await laptop.pending()) > 0, "what the server did not take is said to wait")

  await phone.reconnect()
  await phone.says("No server. Trying again")
  await server.restart()
  await demo.settled()
  const merged = await phone.field("About").inputValue()
  for (const sentence of ["From the phone. ", "Written while the server dies. "]) {
    assert.ok(merged.includes(sentence), `${sentence} is in: ${merged}`)
  }
  for (const device of demo.devices) await device.shows("About", merged)
})

test("what both devices have seen survives a server that is killed, and a browser that forgot everything", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  await demo.phone.field("Display name").fill("Robin the second")
  await demo.laptop.shows("Display name", "Robin the second")
  await demo.settled()
  await server.kill()
  await server.restart()
  const elsewhere = await openDemo(t, server, {})
  await elsewhere.open(demo.page.url())
  for (const device of elsewhere.devices) await device.shows("Display name", "Robin the second")
})
