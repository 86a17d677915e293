import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { until } from "../../../tests/interop/harness/until.mjs"
import { AccountServerUnderTest } from "./harness/account.mjs"
import { openDevice } from "./harness/device.mjs"

describe("an account", () => {
  test("that is new has two devices in step", async t => {
    const server = await AccountServerUnderTest.start(t)
    const phone = await openDevice(t, { url: server.url, account: await server.signUp("Ann") })
    const laptop = await openDevice(t, { url: server.url, account: await server.signIn("ann") })
    const list = phone.create({ items: ["milk"] })
    await phone.waitForUpload({ timeoutMs: 20_000 })
    const same = await laptop.find(list.url)
    same.change(doc => void doc.items.push("bread"))
    await until("the phone has the bread", () => list.doc().items.length === 2)
  })
})
