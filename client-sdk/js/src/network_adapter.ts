import { NetworkAdapter } from "@automerge/automerge-repo/slim"
import type { DocumentId, Message, PeerId, PeerMetadata } from "@automerge/automerge-repo/slim"
import { backoffMs, DEFAULT_BACKOFF } from "./backoff.js"
import type { BackoffLimits } from "./backoff.js"
import { afterClose } from "./close_policy.js"
import { Connection } from "./connection.js"
import type { ConnectionEnd } from "./connection.js"
import { messageOf, TiebreakError } from "./errors.js"
import type { SyncError } from "./errors.js"
import { Listeners } from "./listeners.js"
import { consoleLogger } from "./logger.js"
import type { Logger } from "./logger.js"
import type { NetworkAdapterOptions } from "./network_options.js"
import { isExposed, parseServerUrl } from "./server_url.js"
import type { ConnectionState } from "./status.js"
import { fetchToken } from "./token.js"
import type { TokenReason } from "./token.js"
import { onWakeUp } from "./wake_ups.js"
import type { ServerFrame, ServerPeer } from "./wire.js"

const DEFAULT_HEARTBEAT_MS = 15_000
const HANDSHAKE_MS_MAX = 10_000
/** How long an app may take to come up with a token; then it counts as an error that passes. */
const TOKEN_MS_MAX = 30_000
/** A connection that lived this long was a good one: the count of failures starts anew. */
const STABLE_MS = 10_000

/** automerge-repo's connection to a server: keeps coming back, brings a fresh token, and always knows its state. */
export class TiebreakNetworkAdapter extends NetworkAdapter {
  /** Tells every change of `state`. */
  readonly states: Listeners<ConnectionState>
  /** Tells who answers, before automerge-repo hears of it. */
  readonly servers: Listeners<ServerPeer>
  /** Tells every message of a connected server, before automerge-repo gets what is for it. */
  readonly frames: Listeners<ServerFrame>
  /** Tells what went wrong, whether or not it will be tried again. */
  readonly errors: Listeners<SyncError>

  readonly #url: URL
  readonly #webSocket: typeof WebSocket
  readonly #options: NetworkAdapterOptions
  readonly #backoff: BackoffLimits
  readonly #logger: Logger
  readonly #stopWakeUps: () => void
  #state: ConnectionState = { kind: "offline" }
  #isWanted: boolean
  /** Nothing is known of the network before the first try has ended: who looks for a document waits until then. */
  #isFirstTry: boolean
  #whenTried: (() => void)[] = []
  #connection: Connection | undefined
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  /** Grows with every try, so that a late answer to an earlier one is recognised. */
  #tries = 0
  /** Ends with the try, and whatever goes on for it. */
  #trying = new AbortController()
  #failures = 0
  #hasRefreshed = false
  #isRenewing = false
  readonly #muted = new Set<DocumentId>()

  constructor(options: NetworkAdapterOptions) {
    super()
    this.#url = parseServerUrl(options.url)
    if (options.getToken && !options.allowExposedToken && isExposed(this.#url)) {
      throw new TiebreakError(
        "exposed_token",
        `a token for ${this.#url.host} could be read on the way: use wss://, or allowExposedToken where that is meant`,
      )
    }
    this.#webSocket = (options.webSocket ?? globalThis.WebSocket) as typeof WebSocket
    if (!this.#webSocket) {
      throw new TiebreakError("websocket_missing", "no WebSocket here: give one as the option webSocket")
    }
    this.#options = options
    this.#backoff = { ...DEFAULT_BACKOFF, ...options.backoff }
    this.#logger = options.logger ?? consoleLogger
    this.#isWanted = this.#isFirstTry = options.autoConnect ?? true
    this.states = new Listeners(this.#logger)
    this.servers = new Listeners(this.#logger)
    this.frames = new Listeners(this.#logger)
    this.errors = new Listeners(this.#logger)
    this.#stopWakeUps = onWakeUp(() => this.networkChanged())
  }

  get state(): ConnectionState {
    return this.#state
  }

  isReady(): boolean {
    return !this.#isFirstTry
  }

  async whenReady(): Promise<void> {
    if (this.#isFirstTry) await new Promise<void>(resolve => this.#whenTried.push(resolve))
  }

  /** Called by the repo, once it knows who it is, and again by its `reconnect`. */
  connect(peerId: PeerId, peerMetadata?: PeerMetadata): void {
    const isReconnect = this.peerId !== undefined
    this.peerId = peerId
    this.peerMetadata = peerMetadata ?? this.peerMetadata ?? {}
    if (isReconnect) this.resume()
    else if (this.#isWanted) this.#try("initial")
  }

  /** Connects, and stays connected until `disconnect`. */
  resume(): void {
    this.#isWanted = true
    const { kind } = this.#state
    if (kind === "connecting" || kind === "connected") return
    this.#isFirstTry = true
    this.#failures = 0
    this.#hasRefreshed = false
    // Before the repo knows who it is, only that is to be waited for: `connect` goes on.
    if (this.peerId === undefined) this.#enter({ kind: "connecting", attempt: 1 })
    else this.#try("initial")
  }

  disconnect(): void {
    this.#isWanted = false
    this.#drop()
    if (this.#state.kind !== "offline") this.#enter({ kind: "offline" })
  }

  /** As `disconnect`, for good: the browser's wake-ups are not listened to any more. */
  close(): void {
    this.#stopWakeUps()
    this.disconnect()
  }

  /** The network may be another, or back: tries at once instead of waiting, and looks whether the server is there. */
  networkChanged(): void {
    if (this.#state.kind === "waiting") this.#try("retry")
    else this.#connection?.probe()
  }

  send(message: Message): void {
    this.#connection?.send(message)
  }

  /** Keeps messages about this document from the repo: a deleted one must not come back. */
  mute(documentId: DocumentId): void {
    this.#muted.add(documentId)
  }

  unmute(documentId: DocumentId): void {
    this.#muted.delete(documentId)
  }

  #try(reason: TokenReason): void {
    this.#drop()
    const number = this.#tries
    this.#enter({ kind: "connecting", attempt: this.#failures + 1 })
    // A listener may have called `disconnect` or `connect`.
    if (number === this.#tries) void this.#open(number, reason)
  }

  async #open(number: number, reason: TokenReason): Promise<void> {
    let token: string | null | undefined
    try {
      token = await fetchToken(this.#options.getToken, reason, TOKEN_MS_MAX, this.#trying.signal)
    } catch (error) {
      if (number === this.#tries) this.#retry({ code: "token", message: messageOf(error) })
      return
    }
    if (number !== this.#tries) return
    if (token === null) return this.#stop({ kind: "unauthorized", reason: "signed out" })
    try {
      this.#connection = this.#connectWith(token)
    } catch (error) {
      // Browsers do not let a page of https: open ws:, for one.
      this.#retry({ code: "connection", message: messageOf(error) })
    }
  }

  #connectWith(token: string | undefined): Connection {
    return new Connection({
      webSocket: this.#webSocket,
      url: this.#url,
      peerId: this.peerId!,
      peerMetadata: this.peerMetadata ?? {},
      token,
      heartbeatMs: this.#options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
      handshakeMsMax: HANDSHAKE_MS_MAX,
      joined: server => this.#joined(server),
      received: frame => this.#received(frame),
      ended: end => this.#ended(end),
    })
  }

  /** Brings a fresh token before the one of this connection runs out. */
  async #renewToken(): Promise<void> {
    const connection = this.#connection
    if (this.#isRenewing || !this.#options.getToken) return
    this.#isRenewing = true
    try {
      const token = await fetchToken(this.#options.getToken, "expired", TOKEN_MS_MAX, this.#trying.signal)
      if (typeof token === "string" && connection === this.#connection) connection?.sendToken(token)
    } catch (error) {
      // The old one still holds; when it does not, the server closes, and that is told.
      this.#logger.debug("no fresh token", { error })
    } finally {
      this.#isRenewing = false
    }
  }

  #joined(server: ServerPeer): void {
    this.servers.emit(server)
    this.#enter({ kind: "connected" })
    if (this.#connection?.server !== server) return
    this.emit("peer-candidate", { peerId: server.peerId, peerMetadata: server.metadata })
  }

  #received(frame: ServerFrame): void {
    if (frame.kind === "repo" && frame.message.documentId && this.#muted.has(frame.message.documentId)) return
    if (frame.kind === "token-wanted") void this.#renewToken()
    this.frames.emit(frame)
    if (frame.kind === "repo") this.emit("message", frame.message)
  }

  #ended({ code, reason, livedMs }: ConnectionEnd): void {
    if (livedMs >= STABLE_MS) {
      this.#failures = 0
      this.#hasRefreshed = false
    }
    this.#logger.debug("the connection ended", { code, reason, livedMs })
    this.#leave()
    const next = afterClose(code, reason, !this.#hasRefreshed && this.#options.getToken !== undefined)
    switch (next.kind) {
      case "refresh":
        this.#hasRefreshed = true
        return this.#try("expired")
      case "stop":
        return this.#stop(next.state)
      case "retry":
        return this.#retry({ code: "connection", message: reason || `the connection was closed (${code})` })
    }
  }

  #retry(error: SyncError): void {
    const retryInMs = backoffMs(this.#failures, this.#backoff, Math.random)
    this.#failures += 1
    this.#drop()
    this.#retryTimer = setTimeout(() => this.#try("retry"), retryInMs)
    this.#enter({ kind: "waiting", retryInMs, attempt: this.#failures })
    this.errors.emit(error)
  }

  #stop(state: ConnectionState): void {
    this.#isWanted = false
    this.#drop()
    this.#enter(state)
    const message = "reason" in state && state.reason ? state.reason : "the server does not let this device in"
    this.errors.emit({ code: state.kind, message })
  }

  /** Ends whatever goes on: a connection, a try, a wait. */
  #drop(): void {
    this.#tries += 1
    this.#trying.abort()
    this.#trying = new AbortController()
    clearTimeout(this.#retryTimer)
    this.#connection?.close()
    this.#leave()
  }

  #leave(): void {
    const server = this.#connection?.server
    this.#connection = undefined
    if (server) this.emit("peer-disconnected", { peerId: server.peerId })
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    if (state.kind !== "connecting") {
      this.#isFirstTry = false
      for (const resolve of this.#whenTried.splice(0)) resolve()
    }
    this.#logger.debug("connection state", state)
    this.states.emit(state)
  }
}
