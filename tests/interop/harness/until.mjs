// Waiting for conditions with a deadline: no test sleeps and hopes.

const POLL_MS = 10

/** Waits until `condition` gives something truthy, and gives that; fails with `what` after the deadline. */
export async function until(what, condition, deadlineMs = 20_000) {
  const deadline = Date.now() + deadlineMs
  let lastError
  for (;;) {
    try {
      const value = await condition()
      if (value) return value
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (Date.now() > deadline) {
      throw new Error(`not in ${deadlineMs} ms: ${what}`, { cause: lastError })
    }
    await pause(POLL_MS)
  }
}

/** Watches for `timeMs` that `condition` stays false: the only way to see that something does not happen. */
export async function never(what, condition, timeMs = 500) {
  const end = Date.now() + timeMs
  while (Date.now() < end) {
    if (await condition()) throw new Error(`happened: ${what}`)
    await pause(POLL_MS)
  }
}

/** Lets sockets and timers have their turn. */
export function breathe() {
  return new Promise(resolve => setImmediate(resolve))
}

function pause(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}
