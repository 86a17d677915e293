// The rules of axe on every document and state, in light and dark.

import { test } from "node:test"
import { Server } from "../../interop/harness/server.mjs"
import { checkRules, loadRules } from "../harness/rules.mjs"
import { DESKTOP, PHONE, openBrowser, openDemo } from "../harness/browser.mjs"

for (const colorScheme of ["light", "dark"]) {
  for (const [name, viewport] of Object.entries({ wide: DESKTOP, narrow: PHONE })) {
    test(`a ${name} page in ${colorScheme} breaks no rule of accessibility`, async t => {
      const server = await Server.start(t)
      const demo = await openDemo(t, server, { viewport, colorScheme })
      const { page, phone } = demo
      await loadRules(page)
      await phone.isSettled()
      await checkRules(page, "the profile")
      await phone.cut()
      await phone.field("Display name").fill("Cut off")
      await phone.hasPending(1)
      await checkRules(page, "cut, with a change that waits")
      await demo.show("Cart")
      await phone.section
        .getByRole("button", { name: /Mountain tea/ })
        .first()
        .click()
      await page.getByText("The same as a list").click()
      await checkRules(page, "the cart, and its history as a list")
      await demo.show("Group")
      await phone.button("Add an event").click()
      await checkRules(page, "the group")
      await page.getByRole("button", { name: "Start over" }).click()
      await checkRules(page, "a question")
      await page.getByRole("button", { name: "Keep everything" }).click()
      await phone.reconnect()
      await phone.isSettled()
      await demo.show("Profile")
      await phone.cut()
      await phone.field("Display name").fill("Cut off again")
      if (name === "narrow") await demo.showDevice(demo.laptop)
      await demo.laptop.field("Display name").fill("At home")
      await demo.laptop.isSettled()
      if (name === "narrow") await demo.showDevice(phone)
      await phone.reconnect()
      await phone.disagreement("Display name").waitFor()
      await checkRules(page, "a disagreement")
      await server.kill()
      await phone.says("No server. Trying again")
      await checkRules(page, "without a server")
    })
  }
}

for (const colorScheme of ["light", "dark"]) {
  test(`a page that cannot work breaks no rule either, in ${colorScheme}`, async t => {
    const server = await Server.start(t)
    const page = await openBrowser(t, { colorScheme })
    await page.route("**/*.wasm", route => route.fulfill({ contentType: "application/wasm", body: "broken" }))
    await page.goto(`http://127.0.0.1:${server.port}/demo/`)
    await page.getByRole("alert").waitFor()
    await loadRules(page)
    await checkRules(page, "no engine")
  })
}
