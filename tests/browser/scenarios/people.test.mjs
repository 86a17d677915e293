// Two people with two devices each, on the page of a server with accounts.

import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "../../interop/harness/until.mjs"
import { photograph } from "../harness/browser.mjs"
import { annAndBob } from "../harness/people.mjs"

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
