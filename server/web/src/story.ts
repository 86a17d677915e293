/** The three steps that the page leads through: cut, edit on both, reconnect. */

import type { Device } from "./device.js"
import { remember, remembered } from "./remember.js"

const DISMISSED = "tiebreak-demo-story-dismissed"

export type Step = "cut" | "edit" | "reconnect" | "merged"
export const STEPS: readonly Step[] = ["cut", "edit", "reconnect", "merged"]

export class Story {
  step: Step = "cut"
  #editsBefore = new Map<Device, number>()

  get isDismissed(): boolean {
    return remembered(DISMISSED) !== null
  }

  dismiss(): void {
    remember(DISMISSED, "yes")
  }

  /** Follows what the person does, wherever on the page. */
  follow(devices: readonly Device[]): void {
    if (this.step === "cut" && devices.some(device => device.isCut)) {
      this.step = "edit"
      for (const device of devices) this.#editsBefore.set(device, device.editsCount)
    }
    if (this.step === "edit" && devices.every(device => this.#hasEdited(device))) this.step = "reconnect"
    const areTogether = devices.every(device => !device.isCut)
    if (this.step === "reconnect" && areTogether && devices.every(isSettled)) this.step = "merged"
    if (this.step === "edit" && areTogether) this.step = "cut"
  }

  startAgain(): void {
    this.step = "cut"
  }

  /** Since the cut; what still waits counts too, for a page that was reloaded. */
  #hasEdited(device: Device): boolean {
    return device.editsCount > (this.#editsBefore.get(device) ?? 0) || device.status.pendingChanges > 0
  }
}

function isSettled(device: Device): boolean {
  return device.status.state.kind === "connected" && device.status.pendingChanges === 0
}
