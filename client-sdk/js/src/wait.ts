import { TiebreakError } from "./errors.js"
import type { Subscription } from "./listeners.js"
import { isUploadLeft } from "./status.js"
import type { SyncStatus } from "./status.js"

export interface WaitOptions {
  /** Without it the wait lasts until it is over or aborted. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Whether a status is what is waited for, or an error that says why it cannot come. */
export type Verdict = "reached" | "not yet" | TiebreakError

/** Why no upload can come by itself, if that is so. */
export function obstacle(status: SyncStatus): TiebreakError | undefined {
  const { state, uploading, downloading, lastError } = status
  if (state.kind === "unauthorized") return new TiebreakError("unauthorized", state.reason)
  if (state.kind === "rejected") return new TiebreakError("rejected", state.reason || `closed with ${state.code}`)
  const isStuck = state.kind === "connected" && isUploadLeft(status) && !uploading && !downloading
  return isStuck ? new TiebreakError("refused", lastError?.message ?? "a change is not taken") : undefined
}

/** Waits for a status. Whatever ends the wait, nothing of it is left behind. */
export function waitForStatus(
  subscribe: (listener: (status: SyncStatus) => void) => Subscription,
  judge: (status: SyncStatus) => Verdict,
  { timeoutMs, signal }: WaitOptions,
): Promise<SyncStatus> {
  return new Promise((resolve, reject) => {
    let subscription: Subscription | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    const end = (settle: () => void) => {
      isOver = true
      subscription?.cancel()
      clearTimeout(timer)
      signal?.removeEventListener("abort", abort)
      settle()
    }
    const abort = () => end(() => reject(new TiebreakError("aborted", "the wait was aborted", { cause: signal?.reason })))
    if (signal?.aborted) return abort()
    signal?.addEventListener("abort", abort)
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => end(() => reject(new TiebreakError("timeout", `not within ${timeoutMs} ms`))), timeoutMs)
    }
    subscription = subscribe(status => {
      if (isOver) return
      const verdict = judge(status)
      if (verdict === "reached") end(() => resolve(status))
      else if (verdict !== "not yet") end(() => reject(verdict))
    })
    // The first status may have ended it before the subscription had a name.
    if (isOver) subscription.cancel()
  })
}
