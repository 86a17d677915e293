// Waiting for what must come, with a deadline.

const POLL_MS = 20
const DEADLINE_MS = 20_000

/** Waits until `condition` gives something truthy, and gives that; fails with `what` after the deadline. */
export async function until(what, condition, deadlineMs = DEADLINE_MS) {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs / 1000} s in vain: ${what}`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}
