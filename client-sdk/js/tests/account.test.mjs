import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Account } from "@tiebreak/client"
import { Server } from "../../../tests/interop/harness/server.mjs"
import { until } from "../../../tests/interop/harness/until.mjs"
import { AccountServerUnderTest, answering, MemoryCredentials, Net, PASSWORD } from "./harness/account.mjs"
import { openDevice, untilState } from "./harness/device.mjs"

describe("an account", () => {
  test("that is new has two devices in step", async t => {
    const server = await AccountServerUnderTest.start(t)
    const phone = await openDevice(t, { url: server.url, account: await server.signUp("ann") })
    const laptop = await openDevice(t, { url: server.url, account: await server.signIn("ann") })
    const list = phone.create({ items: ["milk"] })
    await phone.waitForUpload({ timeoutMs: 20_000 })
    const same = await laptop.find(list.url)
    same.change(doc => void doc.items.push("bread"))
    await until("the phone has the bread", () => list.doc().items.length === 2)
  })

  test("has the name that everybody sees, however it was typed", async t => {
    const server = await AccountServerUnderTest.start(t)
    const phone = await server.signUp("Ann")
    const laptop = await server.signIn("ANN")
    assert.deepEqual([phone.username, laptop.username], ["ann", "ann"])
    assert.equal(laptop.id, phone.id)
    assert.notEqual(laptop.deviceId, phone.deviceId)
  })

  test("is there again after a restart, without a network", async t => {
    const server = await AccountServerUnderTest.start(t)
    const credentials = new MemoryCredentials()
    const { id, deviceId, username } = await server.signUp("ann", { credentials })
    await server.server.stop()
    const net = new Net()
    const account = await server.resume({ credentials, net })
    assert.deepEqual([account.id, account.deviceId, account.username], [id, deviceId, username])
    assert.deepEqual(net.asked, [])

    await server.server.restart()
    const device = await openDevice(t, { url: server.url, account })
    await untilState(device, "connected")
  })

  test("is not there where nobody signed in, at another server, or where the credentials are damaged", async t => {
    const server = await AccountServerUnderTest.start(t)
    const credentials = new MemoryCredentials()
    assert.equal(await server.resume({ credentials }), null)
    await server.signUp("ann", { credentials })
    assert.equal(await server.resume({ credentials, server: "https://sync.example" }), null)
    assert.ok(await server.resume({ credentials, server: `${server.http}/` }), "the same server, spelled otherwise")
    for (const damage of ["", "null", "{}", credentials.text.slice(0, -1), credentials.text.replace("refreshToken", "old")]) {
      credentials.text = damage
      assert.equal(await server.resume({ credentials }), null, damage)
    }
  })

  test("is made once, also when the answer is lost", async t => {
    const server = await AccountServerUnderTest.start(t)
    const net = new Net()
    net.fault = name => (name === "POST accounts" && net.count(name) === 1 ? "no answer" : undefined)
    const { username } = await server.signUp("ann", { net })
    assert.equal(username, "ann")
    assert.equal(net.count("POST accounts"), 2)
  })

  test("that is made, but cannot be signed in to yet, says so", async t => {
    const server = await AccountServerUnderTest.start(t)
    const net = new Net()
    net.fault = name => (name === "POST sessions" ? "no request" : undefined)
    await assert.rejects(server.signUp("ann", { net }), { code: "offline", message: /the account is made/ })
    assert.equal((await server.signIn("ann")).username, "ann")
  })

  test("lists its devices, and which of them are signed out", async t => {
    const server = await AccountServerUnderTest.start(t)
    const phone = await server.signUp("ann")
    const laptop = await server.signIn("ann")
    await laptop.revokeDevice(phone.deviceId)
    const devices = await laptop.devices()
    assert.deepEqual(new Set(devices.map(({ name }) => name)), new Set(["phone", "laptop"]))
    const signedIn = devices.filter(({ endedAt }) => endedAt === null).map(({ id }) => id)
    assert.deepEqual(signedIn, [laptop.deviceId])
    assert.ok(devices.every(({ createdAt, seenAt }) => !Number.isNaN(Date.parse(createdAt) + Date.parse(seenAt))))
  })

  test("with another password stays signed in here and nowhere else", async t => {
    const server = await AccountServerUnderTest.start(t)
    const phone = await server.signUp("ann")
    const laptop = await server.signIn("ann")
    await laptop.changePassword(PASSWORD, "quite another password")
    assert.ok((await laptop.devices()).length === 2)
    await assert.rejects(phone.devices(), { code: "signed_out" })
    await assert.rejects(server.signIn("ann"), { code: "wrong_credentials" })
  })

  test("that is deleted is gone, here too", async t => {
    const server = await AccountServerUnderTest.start(t)
    const credentials = new MemoryCredentials()
    const account = await server.signUp("ann", { credentials })
    await account.deleteAccount()
    assert.equal(credentials.text, null)
    await assert.rejects(server.signIn("ann"), { code: "wrong_credentials" })
  })
})

describe("what cannot be had says why:", () => {
  test("a name or password that nobody may have, or a name that is taken", async t => {
    const server = await AccountServerUnderTest.start(t)
    await server.signUp("ann")
    const signUp = more => Account.signUp({ ...server.options(), username: "bob", password: PASSWORD, device: "phone", ...more })
    await assert.rejects(signUp({ username: "Ann" }), { code: "username_taken" })
    await assert.rejects(signUp({ username: "b" }), { code: "invalid_username" })
    await assert.rejects(signUp({ password: "short" }), { code: "invalid_password" })
    await assert.rejects(signUp({ displayName: "" }), { code: "invalid_argument", message: /display name/ })
  })

  test("a wrong password, and soon no more guesses", async t => {
    const server = await AccountServerUnderTest.start(t)
    await server.signUp("ann")
    const guess = () => Account.signIn({ ...server.options(), username: "ann", password: "a wrong password", device: "x" })
    const error = await until("no more guesses", () => guess().catch(error => error.code !== "wrong_credentials" && error))
    assert.equal(error.code, "too_many_attempts")
    assert.ok(error.retryAfterS >= 1)
  })

  test("a server without accounts, or without anything", async t => {
    const open = new AccountServerUnderTest(await Server.start(t))
    await assert.rejects(open.signUp("ann"), { code: "no_accounts" })
    await open.server.stop()
    await assert.rejects(open.signUp("ann"), { code: "offline" })
  })

  for (const [answer, code] of [
    [[500, { code: "internal", detail: "the server made a mistake" }], "server"],
    [[503, { code: "shutting_down", detail: "come back" }], "busy"],
    [[502, "<h1>Bad gateway</h1>"], "busy"],
    [[404, "<h1>Not found</h1>"], "no_accounts"],
    [[200, "<h1>Agree to our terms</h1>"], "server"],
    [[401, "<h1>Agree to our terms</h1>"], "server"],
    [[201, { access_token: "no more than that" }], "server"],
  ]) {
    test(`an answer ${answer[0]} ${JSON.stringify(answer[1])} is ${code}`, async () => {
      const options = { server: "https://sync.example", credentials: new MemoryCredentials(), fetch: answering(...answer) }
      const signIn = Account.signIn({ ...options, username: "ann", password: PASSWORD, device: "phone" })
      await assert.rejects(signIn, { name: "TiebreakError", code })
    })
  }

  test("a busy server tells when to come back", async () => {
    const fetch = answering(503, { code: "busy", detail: "later" }, { "retry-after": "5" })
    const options = { server: "https://sync.example", credentials: new MemoryCredentials(), fetch }
    const signIn = Account.signIn({ ...options, username: "ann", password: PASSWORD, device: "phone" })
    await assert.rejects(signIn, { code: "busy", retryAfterS: 5 })
  })

  test("a server that does not answer is given up", async t => {
    t.mock.timers.enable({ apis: ["setTimeout"] })
    const options = { server: "https://sync.example", credentials: new MemoryCredentials(), fetch: () => new Promise(() => {}) }
    const signIn = Account.signIn({ ...options, username: "ann", password: PASSWORD, device: "phone" })
    t.mock.timers.runAll()
    await assert.rejects(signIn, { code: "offline", message: /did not answer/ })
  })

  test("an address where everybody on the way could read the password", async t => {
    const options = { credentials: new MemoryCredentials(), fetch: answering(500, "nobody asks it") }
    const resume = (server, more) => Account.resume({ ...options, server, ...more })
    await assert.rejects(resume("http://sync.example"), { code: "exposed_token" })
    assert.equal(await resume("http://sync.example", { allowExposedToken: true }), null)
    for (const server of ["https://sync.example", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:80"]) {
      assert.equal(await resume(server), null, server)
    }
    const account = { getToken: async () => "a token", signOut: async () => {} }
    await assert.rejects(openDevice(t, { url: "ws://sync.example/automerge", account }), { code: "exposed_token" })
    await assert.rejects(resume("wss://sync.example"), { code: "invalid_url" })
    await assert.rejects(resume("sync.example"), { code: "invalid_url" })
  })

  test("credentials whose store never answers", async t => {
    t.mock.timers.enable({ apis: ["setTimeout"] })
    const credentials = { load: () => new Promise(() => {}) }
    const resumed = Account.resume({ server: "https://sync.example", credentials })
    t.mock.timers.tick(30_000)
    await assert.rejects(resumed, { code: "storage", message: /did not answer/ })
  })

  test("credentials that cannot be kept", async t => {
    const server = await AccountServerUnderTest.start(t)
    const credentials = new MemoryCredentials()
    credentials.saving = async () => {
      throw new Error("the disk is full")
    }
    await assert.rejects(server.signUp("ann", { credentials }), { code: "storage", message: "the disk is full" })
  })
})
