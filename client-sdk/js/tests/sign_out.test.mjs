import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { breathe, until } from "../../../tests/interop/harness/until.mjs"
import { AccountServerUnderTest, MemoryCredentials, Net } from "./harness/account.mjs"
import { MemoryStorage, openDevice, untilState } from "./harness/device.mjs"

/** A device of `ann` with a document on it. */
async function signedIn(t, options = {}) {
  const server = await AccountServerUnderTest.start(t)
  const [credentials, storage, net] = [new MemoryCredentials(), new MemoryStorage(), new Net()]
  const account = await server.signUp("ann", { credentials, net })
  const device = await openDevice(t, { url: server.url, account, storage, ...options })
  const handle = device.create({ items: ["milk"] })
  await device.flush()
  return { server, credentials, storage, net, account, device, handle }
}

describe("signing out", () => {
  test("leaves nothing here, and ends the session at the server", async t => {
    const { server, credentials, storage, account, device } = await signedIn(t)
    await device.waitForUpload({ timeoutMs: 20_000 })
    const before = credentials.copy()
    assert.equal(await device.signOut(), 0)
    assert.deepEqual([storage.keys(), credentials.text], [[], null])
    assert.equal(await account.getToken({ reason: "retry" }), null)
    const copy = await server.resume({ credentials: before })
    assert.equal(await copy.getToken({ reason: "retry" }), null)
  })

  test("works offline too, and tells what is discarded with it", async t => {
    const { server, credentials, storage, device } = await signedIn(t, { autoConnect: false })
    await server.server.stop()
    assert.equal(await device.signOut(), 1)
    assert.deepEqual([storage.keys(), credentials.text], [[], null])
  })

  test("does not wait for a server that does not answer", async t => {
    const { credentials, net, account } = await signedIn(t)
    net.fetch = () => new Promise(() => {})
    t.mock.timers.enable({ apis: ["setTimeout"] })
    const signedOut = account.signOut()
    await breathe()
    t.mock.timers.tick(5_000)
    await signedOut
    assert.equal(credentials.text, null)
  })

  test("is not undone by a refresh that goes on", async t => {
    const { server, credentials } = await signedIn(t)
    const net = new Net()
    const account = await server.resume({ credentials, net })
    let answer
    net.delay = () => new Promise(resolve => (answer = resolve))
    const token = account.getToken({ reason: "retry" })
    await until("the refresh is answered", () => answer)
    t.mock.timers.enable({ apis: ["setTimeout"] })
    const signedOut = account.signOut()
    t.mock.timers.tick(5_000)
    await signedOut
    answer()
    assert.equal(await token, null)
    assert.equal(credentials.text, null)
  })

  test("that could not erase everything can be tried again", async t => {
    const { credentials, storage, device } = await signedIn(t, { autoConnect: false })
    const { removeRange } = storage
    storage.removeRange = async () => {
      throw new Error("the disk is away")
    }
    await assert.rejects(device.signOut(), { code: "storage" })
    assert.notEqual(credentials.text, null)
    storage.removeRange = removeRange

    const { erase } = credentials
    credentials.erase = async () => {
      throw new Error("the keychain is locked")
    }
    await assert.rejects(device.signOut(), { code: "storage", message: "the keychain is locked" })
    credentials.erase = erase
    assert.equal(await device.signOut(), 1)
    assert.deepEqual([storage.keys(), credentials.text], [[], null])
  })

  test("is possible when the session is over already", async t => {
    const { server, credentials, storage, account, device } = await signedIn(t)
    await untilState(device, "connected")
    const laptop = await server.signIn("ann")
    await laptop.revokeDevice(account.deviceId)
    await untilState(device, "unauthorized")
    await device.signOut()
    assert.deepEqual([storage.keys(), credentials.text], [[], null])
  })

  test("without an account removes the documents", async t => {
    const storage = new MemoryStorage()
    const device = await openDevice(t, { storage, autoConnect: false })
    device.create({ title: "mine" })
    await device.flush()
    assert.equal(await device.signOut(), 1)
    assert.deepEqual(storage.keys(), [])
  })
})
