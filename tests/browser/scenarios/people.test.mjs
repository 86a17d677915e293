// Two people with two devices each, on the page of a server with accounts.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { PHONE, openDemo, photograph } from "../harness/browser.mjs"
import { checkRules, loadRules } from "../harness/rules.mjs"
import { ANSWERS_REPORTED, PASSWORD, annAndBob, openPeople } from "../harness/people.mjs"

/** How soon a group that was taken back is gone from connected devices. */
const GONE_MS = 5_000

const LOST = "You no longer have access to this group."

const hasLost = device => until(`${device.name} has lost the group`, () => device.section.getByText(LOST).isVisible(), GONE_MS)

test("a group that Ann shares comes to both of Bob's devices, until she takes it back", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await bob.phone.section.getByText("Nobody has shared a group with Bob yet.").waitFor()
  await ann.phone.field("Group name").fill("Hill walkers")
  await ann.share("editor")
  for (const device of people.devices) await device.shows("Group name", "Hill walkers")
  await photograph(people.page, "people-shared")
  await bob.laptop.field("Description").fill("Every Sunday.")
  for (const device of people.devices) await device.shows("Description", "Every Sunday.")

  await ann.takeBack()
  for (const device of bob.devices) {
    await hasLost(device)
    assert.equal(await device.field("Group name").count(), 0)
    assert.equal(await device.pending(), 0)
  }
  await photograph(people.page, "people-taken-back")
  await ann.phone.field("Group name").fill("Ann alone")
  await ann.laptop.shows("Group name", "Ann alone")
})

test("what both write apart is on all four devices once they are connected", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await ann.share("editor")
  for (const device of people.devices) await device.shows("Group name", "Sunday walkers")
  await ann.phone.cut()
  await bob.laptop.cut()
  await ann.phone.field("Description").fill("Written by Ann.")
  await bob.laptop.button("Add an event").click()
  await bob.laptop.field("Title of the event").fill("Bob's hike")
  await ann.phone.hasPending(1)
  await bob.laptop.hasPending(2)
  await ann.phone.reconnect()
  await bob.laptop.reconnect()
  for (const device of people.devices) {
    await device.shows("Description", "Written by Ann.")
    await device.shows("Title of the event", "Bob's hike")
  }
  await people.settled()
})

test("a viewer reads the group and cannot write to it, until made an editor", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await ann.share("viewer")
  for (const device of bob.devices) {
    await device.shows("Group name", "Sunday walkers")
    assert.equal(await device.field("Group name").isEditable(), false)
    assert.equal(await device.field("Description").isEditable(), false)
    assert.equal(await device.button("Add a nickname").count(), 0)
  }
  await ann.laptop.field("Group name").fill("Still Ann's")
  for (const device of bob.devices) await device.shows("Group name", "Still Ann's")
  await ann.giveRole("editor")
  await until("Bob may write", () => bob.phone.field("Group name").isEditable())
  await bob.phone.field("Group name").fill("Bob's too")
  await ann.phone.shows("Group name", "Bob's too")
})

test("a device that was away when the group was taken back loses it when it is back", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await ann.share("editor")
  await bob.phone.shows("Group name", "Sunday walkers")
  await bob.phone.cut()
  await ann.takeBack()
  await hasLost(bob.laptop)
  await bob.phone.shows("Group name", "Sunday walkers")
  await people.reload()
  await bob.phone.shows("Group name", "Sunday walkers")
  await bob.phone.reconnect()
  await hasLost(bob.phone)

  await ann.share("viewer")
  for (const device of bob.devices) await device.shows("Group name", "Sunday walkers")
})

test("a page that was open is two people once its server keeps accounts", async t => {
  const server = await Server.start(t)
  const demo = await openDemo(t, server, { expectedComplaint: ANSWERS_REPORTED })
  await demo.settled()
  await server.stop()
  await Server.start(t, { flags: ["--auth", "accounts"], port: server.port })
  await demo.page.getByRole("form", { name: "The first person" }).waitFor()
})

test("profile and cart are each person's own", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await people.show("Profile")
  await bob.phone.field("Display name").fill("Bobby")
  await bob.laptop.shows("Display name", "Bobby")
  for (const device of ann.devices) await device.shows("Display name", "Ann")
})

test("a reload keeps everybody signed in", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await ann.share("viewer")
  await bob.phone.shows("Group name", "Sunday walkers")
  await people.reload()
  await people.settled()
  for (const device of people.devices) await device.shows("Group name", "Sunday walkers")
  assert.equal(await bob.phone.field("Group name").isEditable(), false)
})

test("a device that is signed out elsewhere says so, and its password brings it back", async t => {
  const people = await annAndBob(t)
  const { ann, bob } = people
  await bob.section.getByRole("button", { name: "Sign out this device: Phone" }).click()
  await bob.phone.section.getByText("Signed out by another device.").waitFor()
  await bob.laptop.says("Connected")
  await people.reload()
  await bob.phone.section.getByText("Signed out by another device.").waitFor()
  await photograph(people.page, "people-signed-out-elsewhere")

  await bob.phone.field("Password of @bob").fill("not the password")
  await bob.phone.button("Sign in again").click()
  await bob.phone.section.getByText("No account has this username and this password.").waitFor()
  await bob.phone.field("Password of @bob").fill(PASSWORD)
  await bob.phone.button("Sign in again").click()
  await people.settled()
  await ann.share("editor")
  await bob.phone.shows("Group name", "Sunday walkers")
})

test("signing out asks before it discards what nobody else has, and leaves nothing", async t => {
  const people = await annAndBob(t)
  const { page, bob } = people
  await people.show("Profile")
  await bob.phone.cut()
  await bob.phone.field("Display name").fill("Unsent")
  await bob.phone.hasPending(1)
  await bob.phone.button("Sign out Bob’s phone").click()
  await page.getByText("1 change has not reached the server.").waitFor()
  await page.getByRole("button", { name: "Stay signed in" }).click()
  await bob.phone.shows("Display name", "Unsent")
  await bob.phone.button("Sign out Bob’s phone").click()
  await page.getByRole("button", { name: "Discard and sign out" }).click()
  await bob.phone.section.getByText("This phone is signed out.").waitFor()

  await bob.phone.field("Password of @bob").fill(PASSWORD)
  await bob.phone.button("Sign in again").click()
  await bob.phone.shows("Display name", "Bob")
})

test("an account that was made over HTTP signs in on the page", async t => {
  const people = await openPeople(t)
  const { ann, page } = people
  await people.register({ username: "cleo", password: PASSWORD, display_name: "Cleo" })
  await ann.signIn({ username: "cleo" })
  const cleo = page.getByRole("region", { name: "Cleo", exact: true })
  await cleo.getByText("@cleo", { exact: true }).waitFor()
  await until("both devices are connected", async () => (await cleo.getByText("Connected", { exact: true }).count()) === 2)
})

test("a wrong password and a name that is taken are said at their fields", async t => {
  const people = await openPeople(t)
  const { ann, bob } = people
  await ann.makeAccount()
  await ann.phone.isSettled()
  await bob.makeAccount({ username: "Ann" })
  assert.match(await bob.complaint("Username"), /signed in beside/)
  await people.register({ username: "cleo", password: PASSWORD })
  await bob.makeAccount({ username: "cleo" })
  await until("the name is said to be taken", async () => /belongs to another account/.test(await bob.complaint("Username")))
  await bob.signIn({ username: "cleo", password: "not the password" })
  assert.match(await bob.complaint("Password"), /No account has this username and this password/)
  await bob.makeAccount({ password: "short" })
  assert.match(await bob.complaint("Password"), /8 to 256 characters/)
  await bob.makeAccount({ username: "an!n" })
  assert.match(await bob.complaint("Username"), /but not '!'/)
})

test("a narrow page shows one device at a time, and nothing is wider than it", async t => {
  const people = await openPeople(t, { viewport: PHONE })
  const { page, ann, bob } = people
  await ann.makeAccount()
  await ann.phone.isSettled()
  await page.getByRole("radio", { name: "Second person" }).check({ force: true })
  await bob.makeAccount()
  await bob.phone.isSettled()
  await photograph(page, "people-narrow")
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width)
  await page.getByRole("radio", { name: "Laptop" }).check({ force: true })
  await bob.laptop.isSettled()
  assert.equal(await bob.phone.section.count(), 0)
})

for (const colorScheme of ["light", "dark"]) {
  test(`the page of two people breaks no rule of accessibility, in ${colorScheme}`, async t => {
    const people = await openPeople(t, { colorScheme })
    const { page, ann, bob } = people
    await loadRules(page)
    await checkRules(page, "nobody is signed in")
    await ann.makeAccount()
    await ann.phone.isSettled()
    await bob.signIn({ username: "nobody" })
    await bob.complaint("Password")
    await checkRules(page, "one is signed in, the other not with that password")
    await bob.makeAccount()
    await people.settled()
    await ann.share("viewer")
    await bob.phone.shows("Group name", "Sunday walkers")
    await checkRules(page, "a group is shared")
    await ann.takeBack()
    for (const device of bob.devices) await hasLost(device)
    await checkRules(page, "a group was taken back")
    await bob.phone.button("Sign out Bob’s phone").click()
    await checkRules(page, "a question")
    await page.getByRole("button", { name: "Discard and sign out" }).click()
    await bob.phone.section.getByText("This phone is signed out.").waitFor()
    await bob.section.getByRole("button", { name: "Sign out this device: Laptop" }).click()
    await bob.laptop.section.getByText("Signed out by another device.").waitFor()
    await checkRules(page, "a device is signed out here, another elsewhere")
  })
}
