import { TiebreakError } from "../errors.js"

/** How long one tab waits for another one's refresh: longer than an answer and the stores around it should take. */
const LOCK_MS_MAX = 60_000

/**
 * Runs `work` while no other tab or worker of this browser runs any under this name. Where there are no such locks, it
 * just runs.
 */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks
  if (!locks) return work()
  const patience = new AbortController()
  const late = () => patience.abort(new TiebreakError("busy", "another tab has not finished refreshing the session"))
  const timer = setTimeout(late, LOCK_MS_MAX)
  try {
    // The signal ends the wait for the lock only, not the work.
    return await locks.request(name, { signal: patience.signal }, () => {
      clearTimeout(timer)
      return work()
    })
  } finally {
    clearTimeout(timer)
  }
}
