// The page as a person meets it: two devices, found by their names, used by their labels.

import { until } from "../../interop/harness/until.mjs"

export class Demo {
  constructor(page) {
    this.page = page
    this.phone = new Device(page, "Phone")
    this.laptop = new Device(page, "Laptop")
    this.devices = [this.phone, this.laptop]
  }

  async open(address) {
    this.address = address
    await this.page.goto(address)
    await this.isUsable()
  }

  async reload() {
    for (const device of this.devices) await device.isStored()
    await this.page.reload()
    await this.isUsable()
  }

  /** Both devices have the documents. */
  async isUsable() {
    await this.page.waitForFunction(() => performance.getEntriesByName("both-usable").length > 0)
  }

  /** The browser has kept the page, and asks nobody for its files. */
  async isKept() {
    await this.page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready
      if (active.state === "activated") return
      await new Promise(resolve => (active.onstatechange = () => active.state === "activated" && resolve()))
    })
  }

  async show(document) {
    await this.page.getByRole("radio", { name: document }).check({ force: true })
  }

  /** For a narrow page, which shows one device at a time. */
  async showDevice(device) {
    await this.page.getByRole("radio", { name: device.name }).check({ force: true })
  }

  /** Both connected, and the server has everything. */
  async settled() {
    for (const device of this.devices) await device.isSettled()
  }

  /** Both write the display name while the phone is cut; then it comes back. */
  async writeNamesApart() {
    await this.phone.cut()
    for (const device of this.devices) {
      await device.field("Display name").fill(`Robin of the ${device.name.toLowerCase()}`)
    }
    await this.phone.hasPending(1)
    await this.phone.reconnect()
  }

  /** What the picture of the history tells of each dot. */
  async history() {
    const labels = await this.page
      .getByRole("option")
      .evaluateAll(dots => dots.map(dot => dot.getAttribute("aria-label")))
    return labels.filter(label => label !== null)
  }
}

export class Device {
  constructor(page, name) {
    this.name = name
    this.section = page.getByRole("region", { name, exact: true })
    this.switch = this.section.getByRole("switch")
  }

  /** Something to write or choose in. */
  field(label) {
    return this.section.getByLabel(label, { exact: true })
  }

  button(name) {
    return this.section.getByRole("button", { name, exact: true })
  }

  /** What was written apart, by its place. */
  disagreement(place) {
    return this.section.locator(".disagreement", { has: this.section.page().getByText(place, { exact: true }) })
  }

  /** One side of it, by what it says. */
  side(place, text) {
    return this.disagreement(place).locator(".side", { hasText: text })
  }

  async settle(place, text) {
    await this.side(place, text).getByRole("button").click()
  }

  async cut() {
    await this.switch.click()
    await this.says("Offline: you cut it")
  }

  async reconnect() {
    await this.switch.click()
  }

  async says(words) {
    await until(`the ${this.name} says ${words}`, async () => (await this.#status("state")).startsWith(words))
  }

  async pending() {
    return Number(await this.section.locator(".waiting").getAttribute("data-pending"))
  }

  async hasPending(count) {
    await this.#comesTo("pending changes", count, () => this.pending())
  }

  /** What was written is in the storage of the device. */
  async isStored() {
    if (await this.section.isHidden()) return
    await until(
      `the ${this.name} has stored`,
      async () => (await this.section.getAttribute("data-storing")) === "false",
    )
  }

  async isSettled() {
    await this.says("Connected")
    await this.hasPending(0)
  }

  async shows(label, value) {
    await this.#comesTo(label, value, () => this.field(label).inputValue())
  }

  /** Quantities by product, as the cart shows them. */
  async cart() {
    const lines = await this.section.locator(".line").all()
    const entries = lines.map(async line => [
      await line.getByRole("group").getAttribute("aria-label"),
      Number(await line.locator("output").textContent()),
    ])
    return Object.fromEntries(
      (await Promise.all(entries)).map(([label, count]) => [label.replace("Quantity of ", ""), count]),
    )
  }

  async #comesTo(what, expected, read) {
    let shown
    const isThere = async () => (shown = await read()) === expected
    await until(what, isThere).catch(cause => {
      throw new Error(`the ${this.name} shows ${shown} as ${what}, not ${expected}`, { cause })
    })
  }

  async #status(part) {
    return (await this.section.locator(`.status .${part}`).textContent()).trim()
  }
}
