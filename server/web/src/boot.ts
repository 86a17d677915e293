/** Opens both devices on the same documents, or says what keeps them from opening. */

import { IndexedDBStorageAdapter } from "@automerge/automerge-repo-storage-indexeddb"
import { initializeWasm } from "@automerge/automerge/slim"
import wasmUrl from "@automerge/automerge/automerge.wasm?url"
import { Device, type DeviceName } from "./device.js"
import { knownIds, rememberIds, type DocumentIds } from "./documents.js"
import { canStore } from "./remember.js"

export type Keeping = "stored" | "in-memory"

export interface Demo {
  phone: Device
  laptop: Device
  ids: DocumentIds
  keeping: Keeping
}

/** What keeps the page from working, in words for its reader. */
export class BootError extends Error {
  constructor(
    readonly code: "no-wasm" | "no-storage" | "failed",
    cause?: unknown,
  ) {
    super(`the demo could not start: ${code}`, { cause })
  }
}

export async function boot(keeping: Keeping): Promise<Demo> {
  try {
    await initializeWasm(wasmUrl)
  } catch (error) {
    throw new BootError("no-wasm", error)
  }
  if (keeping === "stored" && !(await canStore())) throw new BootError("no-storage")
  const [phone, laptop] = await Promise.all([open("phone", keeping), open("laptop", keeping)])
  const known = knownIds()
  const ids = known ?? phone.createDocuments()
  rememberIds(ids)
  if (known) phone.findDocuments(ids)
  laptop.findDocuments(ids)
  return { phone, laptop, ids, keeping }
}

function open(name: DeviceName, keeping: Keeping): Promise<Device> {
  return Device.open(name, keeping === "stored" ? new IndexedDBStorageAdapter(`tiebreak-demo-${name}`) : undefined)
}
