/** What a device is opened with. */

import type { StorageAdapterInterface } from "@automerge/automerge-repo/slim"
import type { Account } from "@tiebreak/client"
import type { DeviceName } from "./kinds.js"

export interface DeviceOptions {
  name: DeviceName
  /** Without one it forgets everything when the page closes. */
  storage: StorageAdapterInterface | undefined
  /** Four digits that tell its changes from those of other people's devices. */
  author: string
  /** Whose it is, where the page has devices of several people. */
  owner?: Owner
}

export interface Owner {
  /** Where this person stands on the page. */
  slot: string
  displayName: string
  account: Account
}

/** Tells a device from all others of the page, also where something of it is remembered. */
export function idOf({ name, owner }: DeviceOptions): string {
  return owner ? `${owner.slot}-${name}` : name
}
