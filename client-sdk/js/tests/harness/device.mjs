// Devices: this package with storages and sockets for tests.

// Initializes automerge.
import "@automerge/automerge-repo"
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs"
import { Tiebreak } from "@tiebreak/client"
import WebSocket from "ws"
import { afterwards } from "../../../../tests/interop/harness/afterwards.mjs"
import { until } from "../../../../tests/interop/harness/until.mjs"

/** Nobody listens on the discard port. */
export const NOWHERE = "ws://127.0.0.1:9/automerge"
export const FAST_BACKOFF = { minMs: 20, maxMs: 100 }
/** Waits that would outlast every test: what happens nevertheless was not waited for. */
export const SLOW_BACKOFF = { minMs: 1e9, maxMs: 1e9 }
export const silent = { debug() {}, warn() {} }

/** Opens a device and closes it with the test `t`. */
export async function openDevice(t, { url = NOWHERE, folder, ...options } = {}) {
  const tiebreak = await Tiebreak.open({
    url,
    webSocket: WebSocket,
    backoff: FAST_BACKOFF,
    logger: silent,
    ...(folder && { storage: new NodeFSStorageAdapter(folder) }),
    ...options,
  })
  afterwards(t, () => tiebreak.close())
  return tiebreak
}

/** Notes every status from now on. */
export function recordStatuses(tiebreak) {
  const statuses = []
  tiebreak.on("status", status => statuses.push(status))
  return statuses
}

/** The connection states among these, each once as long as it lasts. */
export function statesOf(statuses) {
  const kinds = statuses.map(({ state }) => state.kind)
  return kinds.filter((kind, index) => kind !== kinds[index - 1])
}

export function untilState(tiebreak, kind) {
  return until(`the state is ${kind}`, () => {
    const { state } = tiebreak.status
    if (state.kind !== kind) throw new Error(`it is ${state.kind}`)
    return state
  })
}

/** A storage that outlives the devices that use it, and fails on demand. */
export class MemoryStorage {
  #values = new Map()
  /** Decides which writes fail, and when: a key in, an error or a promise of one out. */
  fault = () => undefined
  /** Hears of every key that was written. */
  saved = () => {}

  keys() {
    return [...this.#values.keys()]
  }

  async load(key) {
    return this.#values.get(key.join("/"))
  }

  async save(key, data) {
    const error = await this.fault(key)
    if (error) throw error
    this.#values.set(key.join("/"), data)
    this.saved(key)
  }

  async remove(key) {
    this.#values.delete(key.join("/"))
  }

  async loadRange(prefix) {
    return this.#under(prefix).map(key => ({ key: key.split("/"), data: this.#values.get(key) }))
  }

  async removeRange(prefix) {
    for (const key of this.#under(prefix)) this.#values.delete(key)
  }

  /** What a crash at this moment leaves. */
  copy() {
    const copy = new MemoryStorage()
    copy.#values = new Map(this.#values)
    return copy
  }

  #under(prefix) {
    const start = prefix.join("/")
    return this.keys().filter(key => !start || key === start || key.startsWith(`${start}/`))
  }
}

/** Makes the content of the one stored document unreadable. */
export async function damage(storage) {
  const key = storage.keys().find(name => name.includes("snapshot"))
  await storage.save(key.split("/"), new Uint8Array(50))
}
