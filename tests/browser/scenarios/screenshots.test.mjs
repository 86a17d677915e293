// Pictures of every document and state, for people to look at: target/screenshots/.

import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { DESKTOP, PHONE, openDemo, photograph } from "../harness/browser.mjs"

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [DESKTOP, PHONE]) {
    const name = state => `${state}-${viewport.width}-${colorScheme}`

    test(`pictures are taken at ${viewport.width} px in ${colorScheme}`, async t => {
      const server = await Server.start(t)
      const demo = await openDemo(t, server, { viewport, colorScheme })
      const { page, phone, laptop } = demo
      const isNarrow = viewport === PHONE
      const use = async device => isNarrow && demo.showDevice(device)
      await phone.isSettled()
      await photograph(page, name("1-first"))

      await phone.cut()
      await phone.field("Display name").fill("Robin on the trail")
      await phone.field("About").pressSequentially("Walks in the rain. ")
      await phone.hasPending("Walks in the rain. ".length + 1)
      await use(laptop)
      await laptop.field("Display name").fill("Robin at home")
      await laptop.field("About").fill("Drinks tea. ")
      await until("the laptop has written", async () =>
        (await demo.history()).some(told => told.includes("Laptop: display name")),
      )
      await use(phone)
      await photograph(page, name("2-cut"))

      await page.getByRole("button", { name: "Reconnect" }).click()
      await phone.disagreement("Display name").waitFor()
      await phone.isSettled()
      await photograph(page, name("3-merged"))

      await demo.show("Cart")
      await photograph(page, name("4-empty-cart"))
      for (const product of ["Two-person tent", "Mountain tea", "Enamel mug"]) {
        await phone.section
          .getByRole("button", { name: new RegExp(product) })
          .first()
          .click()
      }
      await phone.button("One Mountain tea more").click()
      await phone.field("Note on Mountain tea").fill("The one with thyme")
      await until("the note is written", async () => (await demo.history()).some(told => told.includes("note on")))
      await photograph(page, name("5-cart"))

      await demo.show("Group")
      await phone.button("Add a nickname").click()
      await phone.button("Add an event").click()
      await phone.field("Title of the event").fill("Over the hills")
      await phone.field("Place of the event").fill("Station, platform 2")
      await until("the event is written", async () => (await demo.history()).some(told => told.includes("place of")))
      await photograph(page, name("6-group"))

      await server.kill()
      await phone.says("No server. Trying again")
      await photograph(page, name("7-no-server"))
    })
  }
}
