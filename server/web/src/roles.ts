/** What a device was last told that it may do with a shared group: it holds while there is nobody to ask. */

import type { GroupRole } from "./device.js"
import { forget, remember, remembered } from "./remember.js"

const ROLES: readonly GroupRole[] = ["owner", "editor", "viewer", "none"]

export function rememberRole(device: string, group: string, role: GroupRole): void {
  remember(keyOf(device), `${group} ${role}`)
}

/** `null`: this device was never allowed anything. */
export function rememberedRole(device: string, group: string): GroupRole | null {
  const [of, role] = (remembered(keyOf(device)) ?? "").split(" ")
  return (of === group && ROLES.find(known => known === role)) || null
}

function keyOf(device: string): string {
  return `tiebreak-demo-role-${device}`
}

export function forgetRole(device: string): void {
  forget(keyOf(device))
}
