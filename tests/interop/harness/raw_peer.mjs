// A peer made of nothing but a socket, to say what stock clients never say and to see every byte of the answers.

import { Decoder, Encoder } from "cbor-x"
import { once } from "node:events"
import WebSocket from "ws"
import { afterwards } from "./afterwards.mjs"
import { until } from "./until.mjs"

const encoder = new Encoder({ tagUint8Array: false, useRecords: false })
// 64-bit integers come out as BigInt, so that none goes unnoticed.
const decoder = new Decoder({ useRecords: false, int64AsNumber: false })

export class RawPeer {
  received = []
  closed = null

  constructor(socket, id) {
    this.socket = socket
    this.id = id
    socket.on("message", (bytes, isBinary) => {
      this.received.push(isBinary ? decoder.decode(bytes) : { type: "TEXT", text: bytes.toString() })
    })
    socket.on("close", (code, reason) => (this.closed = { code, reason: reason.toString() }))
    socket.on("error", () => {})
  }

  /** Opens a socket and says nothing. */
  static async open(t, url, id = `raw-${Math.random().toString(36).slice(2)}`) {
    const socket = new WebSocket(url)
    const peer = new RawPeer(socket, id)
    afterwards(t, () => socket.terminate())
    await once(socket, "open")
    return peer
  }

  /** Opens a socket and joins. */
  static async join(t, url, peerMetadata = {}) {
    const peer = await RawPeer.open(t, url)
    peer.sendJoin({ peerMetadata })
    peer.server = await peer.expect("peer")
    return peer
  }

  sendJoin(more = {}) {
    this.send({ type: "join", senderId: this.id, supportedProtocolVersions: ["1"], peerMetadata: {}, ...more })
  }

  send(message) {
    this.sendBytes(encoder.encode(message))
  }

  sendBytes(bytes) {
    this.socket.send(bytes)
  }

  /** Waits for a message of this type. */
  expect(type, isRight = () => true) {
    return until(`a ${type} message arrives`, () => {
      return this.received.find(message => message.type === type && isRight(message))
    })
  }

  /** Waits for an error message with the connection's end behind it. */
  async expectRefusal() {
    const error = await this.expect("error")
    await until("the server closes the connection", () => this.closed)
    return error
  }
}

/** Everything in a message that JavaScript or its CBOR library cannot hold exactly, or chokes on. */
export function oddValues(value, where = "") {
  if (value === null) return where === "" ? [] : [`${where} is null`]
  if (typeof value === "bigint") return [`${where} is the 64-bit integer ${value}`]
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) return [`${where} is ${value}`]
  if (typeof value !== "object" || ArrayBuffer.isView(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => oddValues(inner, `${where}.${key}`))
}
