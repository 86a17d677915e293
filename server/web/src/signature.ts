/** How a device signs its changes, as in "Phone 3f9c: about": the phone of another browser is another phone. */

import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { remember, remembered } from "./remember.js"

const SIGNED = /^(Phone|Laptop) ([0-9a-f]{4}): (.*)$/s
const STORED_BROWSER = "tiebreak-demo-browser"

export interface Signature {
  device: DeviceName
  /** Four digits that tell this browser from others; they are for people, who have few. */
  browser: string
}

export function signed({ device, browser }: Signature, what: string): string {
  return `${DEVICE_TITLES[device]} ${browser}: ${what}`
}

/** Nothing where somebody else wrote the message. */
export function signatureOf(message: string): (Signature & { what: string }) | null {
  const [, title, browser, what] = SIGNED.exec(message) ?? []
  if (browser === undefined || what === undefined) return null
  return { device: title === DEVICE_TITLES.phone ? "phone" : "laptop", browser, what }
}

export function thisBrowser(): string {
  const known = remembered(STORED_BROWSER)
  if (known) return known
  const browser = crypto.getRandomValues(new Uint16Array(1))[0]!.toString(16).padStart(4, "0")
  remember(STORED_BROWSER, browser)
  return browser
}
