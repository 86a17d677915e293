// A server that does what a test says: no documents, only connections, messages and close codes.

import { cbor } from "@automerge/automerge-repo"
import { once } from "node:events"
import { WebSocketServer } from "ws"
import { afterwards } from "../../../../tests/interop/harness/afterwards.mjs"
import { until } from "../../../../tests/interop/harness/until.mjs"

const SERVER_ID = "scripted-server"

class ServedConnection {
  /** Every message of the client, its `join` first. */
  received = []
  #socket

  constructor(socket, answers) {
    this.#socket = socket
    socket.on("message", bytes => {
      const message = cbor.decode(bytes)
      this.received.push(message)
      answers(this, message)
    })
    socket.on("error", () => {})
  }

  get join() {
    return this.received[0]
  }

  /** Messages that are not automerge-repo's. */
  get extensionMessages() {
    return this.received.filter(({ type }) => type.startsWith("x-"))
  }

  get isOpen() {
    return this.#socket.readyState === 1
  }

  send(message) {
    this.#socket.send(cbor.encode({ senderId: SERVER_ID, targetId: this.join.senderId, ...message }))
  }

  welcome(peerMetadata = {}) {
    this.send({ type: "peer", peerMetadata, selectedProtocolVersion: "1" })
  }

  sendBytes(bytes) {
    this.#socket.send(bytes)
  }

  /** Is gone without a word. */
  terminate() {
    this.#socket.terminate()
  }

  close(code, reason) {
    this.#socket.close(code, reason)
  }
}

/** Metadata of a server that speaks the extension. */
export const TIEBREAK = { storageId: "scripted-storage", isEphemeral: false, extensions: ["tiebreak/1"] }

/** Takes everybody in. */
export const welcomeAll = (connection, message) => {
  if (message.type === "join") connection.welcome(TIEBREAK)
}

/** Takes everybody in and answers pings. */
export const answerAll = (connection, message) => {
  welcomeAll(connection, message)
  if (message.type === "x-tiebreak:ping") connection.send({ type: "x-tiebreak:pong", nonce: message.nonce })
}

/** Closes each connection that joins with the next of these codes, and welcomes when there are no more. */
export const closeWith = (...codes) => (connection, message) => {
  if (message.type !== "join") return
  const code = codes.shift()
  if (code === undefined) connection.welcome(TIEBREAK)
  else connection.close(code, `closed with ${code}`)
}

export class ScriptedServer {
  connections = []
  /** What is done with each message; may be replaced at any time. */
  answers
  #sockets

  static async start(t, answers) {
    const server = new ScriptedServer()
    server.answers = answers
    await server.#listen(0)
    afterwards(t, () => server.stop())
    return server
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/automerge`
  }

  /** The connection that came last, once there were so many. */
  async connection(number) {
    return until(`connection ${number} has joined`, () => {
      const connection = this.connections[number - 1]
      return connection?.join && connection
    })
  }

  async stop() {
    for (const client of this.#sockets.clients) client.terminate()
    const closed = once(this.#sockets, "close")
    this.#sockets.close()
    await closed
  }

  async restart() {
    await this.#listen(this.port)
  }

  async #listen(port) {
    this.#sockets = new WebSocketServer({ host: "127.0.0.1", port })
    this.#sockets.on("connection", socket => {
      this.connections.push(new ServedConnection(socket, (connection, message) => this.answers(connection, message)))
    })
    await once(this.#sockets, "listening")
    this.port = this.#sockets.address().port
  }
}
