import type { CredentialStore } from "./credentials.js"

const STORE = "credentials"
const KEY = "current"

/**
 * Credentials in this browser's IndexedDB, for all tabs and workers of this origin. Every script of the page can read
 * them, as it can the documents.
 */
export function browserCredentials(name: string): CredentialStore {
  const run = <T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>) => transact(name, mode, ask)
  return {
    load: async () => (await run("readonly", store => store.get(KEY) as IDBRequest<string | undefined>)) ?? null,
    save: async credentials => void (await run("readwrite", store => store.put(credentials, KEY))),
    erase: async () => void (await run("readwrite", store => store.delete(KEY))),
  }
}

async function transact<T>(
  name: string,
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open(`tiebreak-credentials:${name}`)
  try {
    return await new Promise<T>((resolve, reject) => {
      // Strict: an old refresh token that is there again after a crash looks like a stolen one.
      const transaction = database.transaction(STORE, mode, { durability: "strict" })
      const request = ask(transaction.objectStore(STORE))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"))
    })
  } finally {
    database.close()
  }
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error("IndexedDB did not open"))
  })
}
