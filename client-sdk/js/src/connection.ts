import type { Message, PeerId, PeerMetadata } from "@automerge/automerge-repo/slim"
import { messageOf } from "./errors.js"
import { decodeFrame, encodeJoin, encodeMessage, encodePing, encodeToken } from "./wire.js"
import type { ServerFrame, ServerPeer } from "./wire.js"

/** The beat in a row without any message before it at which a connection counts as lost. */
const QUIET_BEATS_MAX = 2
/** Our own close code for a server that does not speak the protocol. */
const MALFORMED = 4000

/** What a connection ended with; `livedMs` counts from the server's `peer`. */
export interface ConnectionEnd {
  readonly code: number
  readonly reason: string
  readonly livedMs: number
}

export interface ConnectionOptions {
  readonly webSocket: typeof WebSocket
  readonly url: URL
  readonly peerId: PeerId
  readonly peerMetadata: PeerMetadata
  readonly token: string | undefined
  readonly heartbeatMs: number
  /** How long it may take from the start of the connection to the server's `peer`. */
  readonly handshakeMsMax: number
  joined(server: ServerPeer): void
  received(frame: ServerFrame): void
  /** Called once, unless `close` was. */
  ended(end: ConnectionEnd): void
}

/** One WebSocket from its opening to its end: the handshake, the messages, and whether anybody is still there. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: WebSocket
  readonly #handshake: ReturnType<typeof setTimeout>
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #server: ServerPeer | undefined
  #joinedAt = 0
  #quietBeats = 0
  #pings = 0
  #isOver = false
  /** The server's own words in an `error` message, which come before it closes. */
  #lastWords = ""
  /** What the platform says of a failed connection: Node's something, browsers nothing, to anybody. */
  #failure = ""
  #hasOpened = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    const socket = new options.webSocket(options.url)
    socket.binaryType = "arraybuffer"
    socket.onopen = () => {
      this.#hasOpened = true
      if (!this.#isOver) socket.send(encodeJoin(options.peerId, options.peerMetadata, options.token))
    }
    socket.onmessage = ({ data }) => this.#receive(data)
    // A close event always follows.
    socket.onerror = event => (this.#failure = failureOf(event))
    socket.onclose = ({ code, reason }) => this.#end(code, reason || this.#lastWords || this.#explanation())
    this.#socket = socket
    this.#handshake = setTimeout(() => {
      this.#giveUp(1006, "the server did not answer in time")
    }, options.handshakeMsMax)
  }

  get server(): ServerPeer | undefined {
    return this.#server
  }

  /** Sends, unless the connection is not there: the sync of a document starts anew with the next connection. */
  send(message: Message): void {
    this.#sendBytes(encodeMessage(message))
  }

  /** Brings a fresh token for the connection as it is; who does not speak the extension is sent none. */
  sendToken(token: string): void {
    if (!this.#server?.isTiebreak) return
    this.#sendBytes(encodeToken(this.#options.peerId, this.#server.peerId, token))
  }

  /** Asks whether the server is still there, and gives it one beat less than usual to say so. */
  probe(): void {
    this.#ping()
    if (!this.#server?.isTiebreak) return
    this.#quietBeats = Math.max(this.#quietBeats, QUIET_BEATS_MAX - 1)
    // A whole beat: the next one may have been due at once.
    this.#startHeartbeat()
  }

  /** Ends it without a word to `ended`. */
  close(): void {
    this.#stop()
    this.#socket.close(1000)
  }

  #receive(data: unknown): void {
    if (this.#isOver) return
    this.#quietBeats = 0
    let frame: ServerFrame
    try {
      if (!(data instanceof ArrayBuffer)) throw new TypeError("a message that is text")
      frame = decodeFrame(new Uint8Array(data))
    } catch (error) {
      // A message passed over in silence could be missed for ever.
      return this.#giveUp(MALFORMED, `unreadable: ${messageOf(error)}`)
    }
    if (frame.kind === "peer") this.#join(frame.server)
    else if (frame.kind === "error") this.#lastWords = frame.message
    else if (this.#server && frame.kind !== "pong") this.#options.received(frame)
  }

  #join(server: ServerPeer): void {
    if (this.#server) return
    clearTimeout(this.#handshake)
    this.#server = server
    this.#joinedAt = performance.now()
    this.#startHeartbeat()
    this.#ping()
    this.#options.joined(server)
  }

  #startHeartbeat(): void {
    clearInterval(this.#heartbeat)
    this.#heartbeat = setInterval(() => this.#beat(), this.#options.heartbeatMs)
  }

  // Browsers answer WebSocket pings by themselves and show none: only messages tell that the server is there. Beats are
  // counted, not milliseconds, because a device that slept has missed both.
  #beat(): void {
    // Who does not speak the extension is sent no pings, and may be silent.
    if (!this.#server?.isTiebreak) return
    this.#quietBeats += 1
    if (this.#quietBeats >= QUIET_BEATS_MAX) return this.#giveUp(1006, "the server has fallen silent")
    this.#ping()
  }

  #ping(): void {
    if (!this.#server?.isTiebreak) return
    this.#sendBytes(encodePing(this.#options.peerId, this.#server.peerId, ++this.#pings))
  }

  #sendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#isOver && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(bytes)
  }

  #explanation(): string {
    const { host, pathname } = this.#options.url
    if (this.#hasOpened) return this.#failure
    if (this.#failure) return `no connection to ${host}: ${this.#failure}`
    return (
      `no connection to ${host}, and this platform does not tell why: is the address right (${pathname}), ` +
      "is the server running, is its certificate trusted, does a proxy on the way let WebSockets through?"
    )
  }

  /** Ends it here and now: the close handshake with somebody who is not there may take minutes. */
  #giveUp(code: number, reason: string): void {
    this.#end(code, reason)
    this.#socket.close(code === MALFORMED ? MALFORMED : 1000)
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#stop()
    this.#options.ended({ code, reason, livedMs: this.#server ? performance.now() - this.#joinedAt : 0 })
  }

  #stop(): void {
    this.#isOver = true
    clearTimeout(this.#handshake)
    clearInterval(this.#heartbeat)
  }
}

/** The words of an error event, where the platform gives any: `error` is beyond the browsers' standard. */
function failureOf(event: Event): string {
  const { error, message } = event as Partial<ErrorEvent>
  // A host with several addresses fails with one error for each, and no words of its own.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  return (first instanceof Error && first.message) || message || ""
}
