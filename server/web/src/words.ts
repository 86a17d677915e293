/** States and times, as a person reads them. */

import type { SyncStatus } from "@tiebreak/client"

const JUST_NOW_S = 10

export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - at) / 1000))
  if (seconds < JUST_NOW_S) return "just now"
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  return `at ${new Date(at).toLocaleString()}`
}

export function count(number: number, one: string, several = `${one}s`): string {
  return `${number} ${number === 1 ? one : several}`
}

/** How a device's connection is, for the eye (`tone`) and in words. */
export interface Connection {
  tone: "good" | "busy" | "off" | "bad"
  words: string
}

export function connection(status: SyncStatus, statusAt: number, isCut: boolean, now: number): Connection {
  const { state } = status
  switch (state.kind) {
    case "connected":
      return { tone: "good", words: "Connected" }
    case "connecting":
      return { tone: "busy", words: state.attempt > 1 ? "Trying to connect again" : "Connecting" }
    case "waiting": {
      const seconds = Math.ceil((statusAt + state.retryInMs - now) / 1000)
      return { tone: "busy", words: `No server. Trying again ${seconds > 0 ? `in ${seconds} s` : "now"}` }
    }
    case "offline":
      return { tone: "off", words: isCut ? "Offline: you cut it" : "Offline" }
    case "unauthorized":
      // The client's own reason says no more than that.
      return { tone: "bad", words: state.reason === "signed out" ? "Signed out" : `Signed out: ${state.reason}` }
    case "rejected":
      return { tone: "bad", words: `The server said no: ${state.reason || state.code}` }
  }
}

/** What only this device has. */
export function waiting(changesCount: number): string {
  return changesCount === 0 ? "all on the server" : `${count(changesCount, "change")} only there`
}

export function synced(status: SyncStatus, now: number): string {
  return status.lastSyncedAt === null ? "Not synced yet" : `Synced ${ago(status.lastSyncedAt, now)}`
}

const MONEY = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" })

export function price(cents: number): string {
  return MONEY.format(cents / 100)
}
