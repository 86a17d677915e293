import type { ConnectionState } from "./status.js"

export type AfterClose =
  | { kind: "refresh" } // ask for a new token and try at once
  | { kind: "retry" } // come back later
  | { kind: "stop"; state: ConnectionState }

const UNAUTHORIZED = 4401

/** What a connection's close code asks of the client: 44xx means do not come back unchanged, all others come back later. */
export function afterClose(code: number, reason: string, mayRefresh: boolean): AfterClose {
  if (code === UNAUTHORIZED && mayRefresh) return { kind: "refresh" }
  if (code === UNAUTHORIZED) return { kind: "stop", state: { kind: "unauthorized", reason } }
  if (code >= 4400 && code <= 4499) return { kind: "stop", state: { kind: "rejected", code, reason } }
  return { kind: "retry" }
}
