/** The three steps that the page leads through: cut, edit on both, reconnect. */

import type { Device, DeviceName } from "./device.js"
import { KINDS } from "./kinds.js"
import { forget, forgetInTab, remember, rememberInTab, remembered, rememberedInTab } from "./remember.js"

const DISMISSED = "tiebreak-demo-story-dismissed"
const PROGRESS = "tiebreak-demo-story"

export type Step = "cut" | "edit" | "reconnect" | "merged"
export const STEPS: readonly Step[] = ["cut", "edit", "reconnect", "merged"]

/** Part of a device that the story looks at. */
export type Actor = Pick<Device, "name" | "isCut" | "editsCount" | "status" | "hasDocuments" | "heads">

/** The step and who has edited outlive a reload: the page asks for one while the phone is cut. */
export class Story {
  #step: Step = "cut"
  #edited = new Set<DeviceName>()
  #editsBefore = new Map<DeviceName, number>()

  constructor() {
    const [step, ...edited] = (rememberedInTab(PROGRESS) ?? "").split(" ")
    if (!STEPS.includes(step as Step)) return
    this.#step = step as Step
    this.#edited = new Set(edited as DeviceName[])
  }

  get step(): Step {
    return this.#step
  }

  get isDismissed(): boolean {
    return remembered(DISMISSED) !== null
  }

  dismiss(): void {
    remember(DISMISSED, "yes")
  }

  /** Follows what the person does, wherever on the page. */
  follow(devices: readonly Actor[]): void {
    const before = this.#progress
    const isAnyCut = devices.some(device => device.isCut)
    if (this.#step === "merged" && !devices.every(isConnected)) this.#step = "cut"
    if (this.#step === "cut" && isAnyCut) this.#begin(devices)
    if (this.#step === "edit") {
      for (const device of devices) if (this.#hasEdited(device)) this.#edited.add(device.name)
      if (devices.every(device => this.#edited.has(device.name))) this.#step = "reconnect"
    }
    if (this.#step === "reconnect" && !isAnyCut && devices.every(isSettled) && areEqual(devices)) this.#step = "merged"
    if (this.#step === "edit" && !isAnyCut) this.#step = "cut"
    if (this.#progress !== before) rememberInTab(PROGRESS, this.#progress)
  }

  startAgain(): void {
    this.#step = "cut"
  }

  /** For somebody who starts over: as if the page had never been seen. */
  static forget(): void {
    forget(DISMISSED)
    forgetInTab(PROGRESS)
  }

  get #progress(): string {
    return [this.#step, ...this.#edited].join(" ")
  }

  #begin(devices: readonly Actor[]): void {
    this.#step = "edit"
    this.#edited.clear()
    for (const device of devices) this.#editsBefore.set(device.name, device.editsCount)
  }

  /** Since the cut; what still waits counts too, for a page that was opened with it. */
  #hasEdited(device: Actor): boolean {
    return device.editsCount > (this.#editsBefore.get(device.name) ?? 0) || device.status.pendingChanges > 0
  }
}

function isConnected(device: Actor): boolean {
  return device.status.state.kind === "connected"
}

function isSettled(device: Actor): boolean {
  return isConnected(device) && device.hasDocuments && device.status.pendingChanges === 0
}

/** Whether all devices have seen the same of every document. */
function areEqual(devices: readonly Actor[]): boolean {
  const seen = devices.map(device => KINDS.map(kind => [...(device.heads(kind) ?? [])].sort().join()).join(" "))
  return new Set(seen).size === 1
}
