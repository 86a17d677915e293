/** The lanes of a history: one for each device that wrote, told by the signature of its changes. */

import { DEVICE_TITLES, type DeviceName } from "./kinds.js"
import { signatureOf, type Signature } from "./signature.js"

/** Writers from elsewhere beyond these share one lane. */
const OTHERS_MAX = 4

export interface Lane {
  id: string
  title: string
  /** Which of this page's devices it is. */
  device: DeviceName | "other"
}

export class Lanes {
  readonly #own: Record<DeviceName, Lane> = { phone: ownLane("phone"), laptop: ownLane("laptop") }
  readonly #others = new Map<string, Lane>()
  readonly #rest: Lane = { id: "others", title: "Others", device: "other" }
  readonly #signatures = new Map<string, Signature>()

  constructor(private readonly browser: string) {}

  /** A client has a new actor each time it starts; what it signs tells the device behind it. */
  learn(actor: string, message: string | null): void {
    const signature = message ? signatureOf(message) : null
    if (signature) this.#signatures.set(actor, signature)
  }

  of(actor: string): Lane {
    const signature = this.#signatures.get(actor)
    if (signature?.browser === this.browser) return this.#own[signature.device]
    if (!signature) return this.#other(actor, `Client ${actor.slice(0, 4)}`)
    const title = `${DEVICE_TITLES[signature.device]} ${signature.browser}`
    return this.#other(title, title)
  }

  /** The lanes to draw, from top to bottom: the phone, whoever else is among `used`, the laptop. */
  among(used: readonly Lane[]): Lane[] {
    const others = new Set(used.filter(lane => lane.device === "other"))
    return [this.#own.phone, ...others, this.#own.laptop]
  }

  #other(id: string, title: string): Lane {
    const known = this.#others.get(id)
    if (known) return known
    if (this.#others.size >= OTHERS_MAX) return this.#rest
    const lane: Lane = { id, title, device: "other" }
    this.#others.set(id, lane)
    return lane
  }
}

function ownLane(device: DeviceName): Lane {
  return { id: device, title: DEVICE_TITLES[device], device }
}
