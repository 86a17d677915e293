/** Tells screen readers how the connections of the devices are, when that changes. */

import type { Device } from "./device.js"
import { connection, count } from "./words.js"

export class ConnectionTeller {
  /** Changes that waited without a connection, by device; those of a moment are not worth a word. */
  readonly #waited = new Map<Device, number>()
  /** Where each device was said to be; it begins where it was expected. */
  readonly #toldStates = new Map<Device, string>()

  constructor(private readonly say: (sentence: string) => void) {}

  listenTo(device: Device): void {
    device.addEventListener("update", () => {
      this.#tellUpload(device)
      this.#tellConnection(device)
    })
  }

  #tellUpload(device: Device): void {
    const { state, pendingChanges } = device.status
    const waited = this.#waited.get(device) ?? 0
    if (state.kind !== "connected") this.#waited.set(device, pendingChanges)
    else if (pendingChanges === 0 && this.#waited.delete(device) && waited > 0) {
      this.say(`The server has everything from ${device.called}: ${count(waited, "change")} sent.`)
    }
  }

  #tellConnection(device: Device): void {
    const { kind } = device.status.state
    if (kind === "connecting" || kind === (this.#toldStates.get(device) ?? "connected")) return
    this.#toldStates.set(device, kind)
    const words = kind === "waiting" ? "No server" : connection(device.status, 0, device.isCut, 0).words
    this.say(`${device.title}: ${words}.`)
  }
}
