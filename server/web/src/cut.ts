/** Whether the connection of a device was cut on purpose: remembered, so that a reload does not undo it. */

import { forget, remember, remembered } from "./remember.js"

export class RememberedCut {
  readonly #key: string

  constructor(device: string) {
    this.#key = `tiebreak-demo-cut-${device}`
  }

  get is(): boolean {
    return remembered(this.#key) !== null
  }

  remember(): void {
    remember(this.#key, "yes")
  }

  forget(): void {
    forget(this.#key)
  }
}
