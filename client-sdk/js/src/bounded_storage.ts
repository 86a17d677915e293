import type { Chunk, StorageAdapterInterface, StorageKey } from "@automerge/automerge-repo/slim"

/**
 * How long a storage may take for one call; then the call counts as failed. A browser's IndexedDB that aborts a
 * transaction, as for want of room, may never say so, and whoever waits behind it would wait for ever.
 */
export const STORAGE_MS_MAX = 30_000

/** The app's storage, of which every call ends. One that is late may still take effect. */
export class BoundedStorage implements StorageAdapterInterface {
  readonly #storage: StorageAdapterInterface
  readonly #msMax: number

  constructor(storage: StorageAdapterInterface, msMax: number = STORAGE_MS_MAX) {
    this.#storage = storage
    this.#msMax = msMax
  }

  load(key: StorageKey): Promise<Uint8Array | undefined> {
    return this.#bounded(() => this.#storage.load(key))
  }

  save(key: StorageKey, data: Uint8Array): Promise<void> {
    return this.#bounded(() => this.#storage.save(key, data))
  }

  remove(key: StorageKey): Promise<void> {
    return this.#bounded(() => this.#storage.remove(key))
  }

  loadRange(keyPrefix: StorageKey): Promise<Chunk[]> {
    return this.#bounded(() => this.#storage.loadRange(keyPrefix))
  }

  removeRange(keyPrefix: StorageKey): Promise<void> {
    return this.#bounded(() => this.#storage.removeRange(keyPrefix))
  }

  async #bounded<T>(call: () => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the storage did not answer within ${this.#msMax} ms`)), this.#msMax)
    })
    try {
      return await Promise.race([call(), late])
    } finally {
      clearTimeout(timer)
    }
  }
}
