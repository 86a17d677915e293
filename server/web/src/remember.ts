/** Small things that outlive a reload; for as long as the page is open where the browser keeps nothing. */

const fallback = new Map<string, string>()

export function remember(key: string, value: string): void {
  fallback.set(key, value)
  try {
    localStorage.setItem(key, value)
  } catch {
    // A browser that keeps nothing says so elsewhere: its IndexedDB fails as well.
  }
}

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? fallback.get(key) ?? null
  } catch {
    return fallback.get(key) ?? null
  }
}

export function forget(key: string): void {
  fallback.delete(key)
  try {
    localStorage.removeItem(key)
  } catch {
    // As above.
  }
}

/** As `remember`, for this tab alone. */
export function rememberInTab(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value)
  } catch {
    // What is lost with a reload is no more than how far a person was.
  }
}

export function rememberedInTab(key: string): string | null {
  try {
    return sessionStorage.getItem(key)
  } catch {
    return null
  }
}

export function forgetInTab(key: string): void {
  try {
    sessionStorage.removeItem(key)
  } catch {
    // As above.
  }
}

/** Whether devices can store documents here: private windows and strict settings forbid it in some browsers. */
export function canStore(): Promise<boolean> {
  const PROBE = "tiebreak-demo-probe"
  return new Promise(resolve => {
    try {
      const request = indexedDB.open(PROBE)
      request.onerror = () => resolve(false)
      request.onsuccess = () => {
        request.result.close()
        indexedDB.deleteDatabase(PROBE)
        resolve(true)
      }
    } catch {
      resolve(false)
    }
  })
}
