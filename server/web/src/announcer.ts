/** Tells screen readers what arrived, in sentences, not more often than one can listen. */

import type { Device } from "./device.js"
import type { Told } from "./disagreements.js"
import type { Arrived } from "./highlights.js"
import { placeWords } from "./labels.js"

const GATHER_MS = 600
const PLACES_MAX = 4

export class Announcer {
  #places = new Map<Device, Set<string>>()
  readonly #sentences = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly say: (sentence: string) => void) {}

  listenTo(device: Device): void {
    device.addEventListener("arrived", event => this.#gather(device, event as Arrived))
    device.addEventListener("told", event => this.#tellOnce((event as Told).sentence))
  }

  /** Two devices of one page learn the same. */
  #tellOnce(sentence: string): void {
    this.#sentences.add(sentence)
    this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS)
  }

  #gather(device: Device, { kind, paths }: Arrived): void {
    const places = this.#places.get(device) ?? new Set()
    for (const path of paths) places.add(placeWords(kind, path))
    this.#places.set(device, places)
    this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS)
  }

  #tell(): void {
    const sentences = [...this.#places].map(([device, places]) => {
      const named = [...places].slice(0, PLACES_MAX).join(", ")
      return `Arrived on ${device.called}: ${named}${places.size > PLACES_MAX ? " and more" : ""}.`
    })
    const told = [...sentences, ...this.#sentences]
    this.#places.clear()
    this.#sentences.clear()
    this.#timer = undefined
    this.say(told.join(" "))
  }
}
