// The page itself outlives its server: the browser keeps it, and asks for a newer one whenever there is a server.

import assert from "node:assert/strict"
import fs from "node:fs"
import { test } from "node:test"
import { afterwards } from "../../interop/harness/afterwards.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { until } from "../../interop/harness/until.mjs"
import { openDemo, photograph } from "../harness/browser.mjs"

test("a page that is reloaded while the server is down has its values, and sends them when the server is back", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  const { phone, laptop } = demo
  await demo.settled()
  await demo.isKept()
  await phone.cut()
  await phone.field("About").fill("From the phone. ")
  await phone.hasPending(1)
  await server.kill()
  await laptop.says("No server. Trying again")
  await laptop.field("Birthday").fill("1990-05-17")
  await laptop.hasPending(1)

  await demo.reload()
  await phone.says("Offline: you cut it")
  await laptop.says("No server. Trying again")
  for (const device of demo.devices) await device.hasPending(1)
  await phone.shows("About", "From the phone. ")
  await laptop.shows("Birthday", "1990-05-17")
  await photograph(demo.page, "trouble-reloaded-without-server")

  await server.restart()
  await phone.reconnect()
  await demo.settled()
  for (const device of demo.devices) {
    await device.shows("About", "From the phone. ")
    await device.shows("Birthday", "1990-05-17")
  }
})

test("a kept page holds to the same policy, and takes each file from the browser", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  await demo.isKept()
  const policy = (await fetch(demo.address)).headers.get("content-security-policy")
  await server.kill()
  const answer = await demo.page.reload()
  assert.ok(answer.fromServiceWorker())
  assert.equal(answer.headers()["content-security-policy"], policy)
  for (const device of demo.devices) await device.says("No server. Trying again")
})

test("whoever has kept the page gets a newer one from the server", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server)
  await demo.isKept()
  const newer = fs.readFileSync(new URL("../../../server/web/dist/index.html", import.meta.url), "utf8")
  await demo.page.context().route(demo.address, route => {
    return route.fulfill({ contentType: "text/html", body: newer.replace("<title>", "<title>Newer ") })
  })
  await demo.page.reload()
  assert.match(await demo.page.title(), /^Newer/)
})

test("a server that shows no demo is believed, and nothing of the page stays", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server, { expectedComplaint: /status of 404/ })
  await demo.settled()
  await demo.isKept()
  await server.stop()
  const bare = new Server(server.port, server.data, ["--no-demo"])
  afterwards(t, () => bare.kill())
  await bare.restart()
  const answer = await demo.page.reload()
  assert.equal(answer.status(), 404)
  await until("nothing is kept", () =>
    demo.page.evaluate(async () => {
      const registrations = await navigator.serviceWorker.getRegistrations()
      return registrations.length === 0 && (await caches.keys()).length === 0
    }),
  )
})
