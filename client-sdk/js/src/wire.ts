import { Automerge, cbor } from "@automerge/automerge-repo/slim"
import type { DocumentId, Heads, Message, PeerId, PeerMetadata, StorageId } from "@automerge/automerge-repo/slim"
import type { RefusedChange } from "./errors.js"

/** The name of Tiebreak's extension in `peerMetadata.extensions` of `join` and `peer`. */
export const EXTENSION = "tiebreak/1"
const PROTOCOL_VERSION = "1"

/** The server, as it presents itself. */
export interface ServerPeer {
  readonly peerId: PeerId
  readonly metadata: PeerMetadata
  /** What tells one server's memory from another's. */
  readonly storageId: StorageId | PeerId
  /** Whether it speaks Tiebreak's extension: nothing of it is sent otherwise. */
  readonly isTiebreak: boolean
}

/** One message from the server. */
export type ServerFrame =
  | { kind: "peer"; server: ServerPeer }
  | { kind: "error"; message: string }
  /** For automerge-repo. */
  | { kind: "repo"; message: Message }
  | { kind: "durable"; documentId: DocumentId; heads: Heads }
  /** Behind the next sync message of this document, which names these heads, more parts follow. */
  | { kind: "more"; documentId: DocumentId; heads: Heads }
  | { kind: "refused"; refused: RefusedChange }
  /** A conflict of this document was opened, has changed or is over: a hint to read what is open. */
  | { kind: "conflict"; documentId: DocumentId }
  | { kind: "pong" }
  /** The token of this connection runs out in `leftMs`: a fresh one is wanted before. */
  | { kind: "token-wanted"; leftMs: number }
  /** An extension's message that this version does not know: newer servers may speak. */
  | { kind: "unknown"; type: string }

interface Fields {
  readonly type?: unknown
  readonly [name: string]: unknown
}

export function encodeJoin(senderId: PeerId, metadata: PeerMetadata, token: string | undefined): Uint8Array<ArrayBuffer> {
  const peerMetadata = { ...metadata, extensions: [EXTENSION], ...(token !== undefined && { token }) }
  return encode({ type: "join", senderId, peerMetadata, supportedProtocolVersions: [PROTOCOL_VERSION] })
}

export function encodePing(senderId: PeerId, targetId: PeerId, nonce: number): Uint8Array<ArrayBuffer> {
  return encode({ type: "x-tiebreak:ping", senderId, targetId, nonce })
}

export function encodeToken(senderId: PeerId, targetId: PeerId, token: string): Uint8Array<ArrayBuffer> {
  return encode({ type: "x-tiebreak:token", senderId, targetId, token })
}

export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  return encode(message)
}

/** Reads one WebSocket message. Throws what is not a message of the protocol. */
export function decodeFrame(bytes: Uint8Array): ServerFrame {
  const fields = cbor.decode<Fields | null>(bytes)
  if (typeof fields?.type !== "string") throw new TypeError("a message without a type")
  switch (fields.type) {
    case "peer":
      return { kind: "peer", server: serverPeer(fields) }
    case "error":
      return { kind: "error", message: String(fields.message) }
    case "x-tiebreak:durable":
      return { kind: "durable", documentId: text(fields, "documentId") as DocumentId, heads: headsOf(fields) }
    case "x-tiebreak:more":
      return { kind: "more", documentId: text(fields, "documentId") as DocumentId, heads: headsOf(fields) }
    case "x-tiebreak:refused":
      return { kind: "refused", refused: refusedChange(fields) }
    case "x-tiebreak:conflict":
      return { kind: "conflict", documentId: text(fields, "documentId") as DocumentId }
    case "x-tiebreak:pong":
      return { kind: "pong" }
    case "x-tiebreak:token-wanted":
      return { kind: "token-wanted", leftMs: Number(fields.leftMs) }
    default:
      if (fields.type.startsWith("x-")) return { kind: "unknown", type: fields.type }
      return { kind: "repo", message: fields as unknown as Message }
  }
}

/** The heads that the sender of a sync message has. */
export function syncMessageHeads(data: Uint8Array): Heads {
  return Automerge.decodeSyncMessage(data).heads
}

function serverPeer(fields: Fields): ServerPeer {
  const peerId = text(fields, "senderId") as PeerId
  const metadata = (fields.peerMetadata ?? {}) as PeerMetadata & { extensions?: unknown }
  const { extensions } = metadata
  return {
    peerId,
    metadata,
    // A server without a storage forgets what it was told when it ends, and has another peer id when it is back.
    storageId: metadata.isEphemeral ? peerId : (metadata.storageId ?? peerId),
    isTiebreak: Array.isArray(extensions) && extensions.includes(EXTENSION),
  }
}

function refusedChange(fields: Fields): RefusedChange {
  return {
    documentId: text(fields, "documentId") as DocumentId,
    ...(typeof fields.change === "string" && { change: fields.change }),
    code: text(fields, "code"),
    detail: text(fields, "detail"),
  }
}

function headsOf({ heads }: Fields): Heads {
  if (Array.isArray(heads) && heads.every(head => typeof head === "string")) return heads
  throw new TypeError("a message with heads that are none")
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== "string") throw new TypeError(`a message without ${name}`)
  return value
}

function encode(message: object): Uint8Array<ArrayBuffer> {
  // A copy: what the library gives is a view into a larger buffer, and sockets may send all of that.
  return new Uint8Array(cbor.encode(message))
}
