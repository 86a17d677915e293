import type { BackoffLimits } from "./backoff.js"
import type { Logger } from "./logger.js"
import type { GetToken } from "./token.js"

export interface NetworkAdapterOptions {
  /** `wss://host/automerge`. Nothing secret belongs into it. */
  readonly url: string | URL
  /** Asked afresh before every connection. `null`: signed out. What it throws passes, and is tried again. */
  readonly getToken?: GetToken
  /**
   * Lets tokens travel over `ws://` to other machines, where everybody on the way can read them: for a server on the
   * developer's own network.
   */
  readonly allowExposedToken?: boolean
  readonly backoff?: Partial<BackoffLimits>
  /** A server that is silent for two of these is given up. */
  readonly heartbeatMs?: number
  /** Whether to connect as soon as the repo is there; the default is true. */
  readonly autoConnect?: boolean
  readonly logger?: Logger
  /** For Node before 22, which has no `WebSocket` of its own: the one of the package `ws`. */
  readonly webSocket?: WebSocketConstructor
}

/** A class of WebSockets that behave as the browsers' do, whatever its types say. */
export type WebSocketConstructor = new (url: URL) => {
  readonly readyState: number
  close(code?: number, reason?: string): void
}
