/** Opens both devices on the same documents, or says what keeps them from opening. */

import { IndexedDBStorageAdapter } from "@automerge/automerge-repo-storage-indexeddb"
import { initializeWasm } from "@automerge/automerge/slim"
import wasmUrl from "@automerge/automerge/automerge.wasm?url"
import { Device } from "./device.js"
import { KINDS, knownIds, rememberIds, type DocumentIds } from "./documents.js"
import type { DeviceName } from "./kinds.js"
import { canStore } from "./remember.js"
import { thisBrowser } from "./signature.js"

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
    readonly code: "no-wasm" | "no-storage" | "open-elsewhere" | "sign-in-elsewhere" | "failed",
    cause?: unknown,
  ) {
    super(`the demo could not start: ${code}`, { cause })
  }
}

/** Two pages on one storage would be two phones that take each other for themselves. */
const PAGE_LOCK = "tiebreak-demo"

/** A page that is just being left gives its devices back within this time. */
const LEAVE_MS = 1_000

/** Waits until no other page of this browser has the devices open; says so if that takes longer than a reload. */
export function ownDevices(openElsewhere: () => void): Promise<void> {
  // Without a secure context there are no locks, and one tab has to be enough.
  if (!("locks" in navigator)) return Promise.resolve()
  const patience = setTimeout(openElsewhere, LEAVE_MS)
  return new Promise(resolve => {
    const goOn = () => {
      clearTimeout(patience)
      resolve()
      return new Promise<never>(() => undefined)
    }
    // A browser that refuses to lock is not asked twice.
    navigator.locks.request(PAGE_LOCK, goOn).catch(goOn)
  })
}

/** Loads what every device needs, and looks whether it can store. */
export async function prepare(keeping: Keeping): Promise<void> {
  try {
    await initializeWasm(wasmUrl)
  } catch (error) {
    throw new BootError("no-wasm", error)
  }
  if (keeping === "stored" && !(await canStore())) throw new BootError("no-storage")
}

export async function boot(keeping: Keeping): Promise<Demo> {
  await prepare(keeping)
  const [phone, laptop] = await Promise.all([open("phone", keeping), open("laptop", keeping)])
  const known = knownIds()
  const ids = known ?? (await phone.createDocuments(KINDS))
  rememberIds(ids)
  if (known) phone.findDocuments(ids)
  laptop.findDocuments(ids)
  return { phone, laptop, ids, keeping }
}

function open(name: DeviceName, keeping: Keeping): Promise<Device> {
  const storage = storageOf(`tiebreak-demo-${name}`, keeping)
  return Device.open({ name, storage, author: thisBrowser() })
}

export function storageOf(name: string, keeping: Keeping): IndexedDBStorageAdapter | undefined {
  return keeping === "stored" ? new IndexedDBStorageAdapter(name) : undefined
}
