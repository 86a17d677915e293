// The page of a server with accounts: two people, found by their names, with a phone and a laptop each.

import assert from "node:assert/strict"
import { until } from "../../interop/harness/until.mjs"
import { Server } from "../../interop/harness/server.mjs"
import { openBrowser } from "./browser.mjs"
import { Device } from "./demo.mjs"

export const PASSWORD = "a long enough password"

/**
 * The browser itself reports answers that the page understands: sign in, choose another name or password, and that a
 * group was taken back between two questions about it.
 */
export const ANSWERS_REPORTED = /status of (401|404|409|422)/

/** The page of a server of its own, on which nobody has signed in yet. */
export async function openPeople(t, { server, ...options } = {}) {
  const serving = server ?? (await Server.start(t, { flags: ["--auth", "accounts"] }))
  const page = await openBrowser(t, { expectedComplaint: ANSWERS_REPORTED, ...options })
  const people = new People(page, serving)
  await page.goto(people.address)
  await page.getByRole("form", { name: "The first person" }).waitFor()
  return people
}

/** The same with Ann and Bob on it. */
export async function annAndBob(t, options) {
  const people = await openPeople(t, options)
  await people.ann.makeAccount()
  await people.bob.makeAccount()
  await people.settled()
  return people
}

export class People {
  constructor(page, server) {
    this.page = page
    this.server = server
    this.address = `http://127.0.0.1:${server.port}/demo/`
    this.ann = new Person(page, "Ann", "The first person")
    this.bob = new Person(page, "Bob", "The second person")
    this.devices = [...this.ann.devices, ...this.bob.devices]
  }

  /** Makes an account without the page. */
  async register(account) {
    const answer = await fetch(new URL("/v1/accounts", this.address), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(account),
    })
    assert.equal(answer.status, 201)
  }

  async show(document) {
    await this.page.getByRole("radio", { name: document }).check({ force: true })
  }

  /** All connected, and the server has everything. */
  async settled() {
    for (const device of this.devices) await device.isSettled()
  }

  async reload() {
    for (const device of this.devices) await device.isStored()
    await this.page.reload()
  }
}

class Person {
  constructor(page, name, place) {
    this.name = name
    this.form = page.getByRole("form", { name: place })
    this.section = page.getByRole("region", { name, exact: true })
    this.phone = new Device(page, `${name}’s Phone`)
    this.laptop = new Device(page, `${name}’s Laptop`)
    this.devices = [this.phone, this.laptop]
  }

  async makeAccount({ username = this.name.toLowerCase(), password = PASSWORD } = {}) {
    await this.#fill(username, password)
    await this.form.getByRole("button", { name: "Make account" }).click()
  }

  async signIn({ username = this.name.toLowerCase(), password = PASSWORD } = {}) {
    await this.#fill(username, password)
    await this.form.getByRole("button", { name: "Sign in" }).click()
  }

  /** The words under a field of the form. */
  async complaint(label) {
    const field = this.form.getByLabel(label, { exact: true })
    return until(`${label} is complained about`, async () => {
      if ((await field.getAttribute("aria-invalid")) !== "true") return null
      return this.form.locator(`[id="${await field.getAttribute("aria-describedby")}"]`).textContent()
    })
  }

  async share(role) {
    await this.giveRole(role)
    await this.section.getByRole("button", { name: "Share", exact: true }).click()
  }

  async giveRole(role) {
    await this.section.getByLabel(/^Share the group with/).selectOption(role)
  }

  async takeBack() {
    await this.section.getByRole("button", { name: "Take it back" }).click()
  }

  async #fill(username, password) {
    await this.form.getByLabel("Username", { exact: true }).fill(username)
    await this.form.getByLabel("Password", { exact: true }).fill(password)
  }
}
