/** What a device was last told that it may do with a shared group: it holds while there is nobody to ask. */

import type { GroupRole } from "./device.js"
import { remember, remembered } from "./remember.js"

const ROLES: readonly GroupRole[] = ["owner", "editor", "viewer", "none"]

export function rememberRole(device: string, group: string, role: GroupRole): void {
  remember(keyOf(device), `${group} ${role}`)
}

export function rememberedRole(device: string, group: string): GroupRole {
  const [of, role] = (remembered(keyOf(device)) ?? "").split(" ")
  return (of === group && ROLES.find(known => known === role)) || "none"
}

function keyOf(device: string): string {
  return `tiebreak-demo-role-${device}`
}
