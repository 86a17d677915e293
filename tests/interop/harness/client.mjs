// Stock automerge-repo clients.

import { Repo, cbor } from "@automerge/automerge-repo"
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket"
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs"
import { afterwards } from "./afterwards.mjs"
import { until } from "./until.mjs"

const RETRY_MS = 150

/**
 * The stock adapter, but for three faults of 2.5 under Node: it throws, uncaught, on connection errors other than
 * ECONNREFUSED and on sending while the socket closes, and a reconnection that waits survives the disconnection.
 */
class SteadyAdapter extends WebSocketClientAdapter {
  /** Messages of extensions, which a stock repo would pass over. */
  extensionMessages = []
  #extensions
  #isOver = false

  constructor(url, extensions) {
    super(url, RETRY_MS)
    this.#extensions = extensions
  }

  onError = () => {}

  connect(peerId, peerMetadata) {
    if (this.#isOver) return
    super.connect(peerId, this.#extensions ? { ...peerMetadata, extensions: this.#extensions } : peerMetadata)
  }

  disconnect() {
    this.#isOver = true
    super.disconnect()
  }

  receiveMessage(bytes) {
    const message = cbor.decode(new Uint8Array(bytes))
    if (message.type?.startsWith("x-")) this.extensionMessages.push(message)
    else super.receiveMessage(bytes)
  }

  send(message) {
    try {
      super.send(message)
    } catch (error) {
      if (!error.message.startsWith("Websocket not ready")) throw error
    }
  }
}

export class Client {
  /** Without a URL the client is offline. */
  constructor(url, { folder, gossips = false, extensions } = {}) {
    this.adapter = url && new SteadyAdapter(url, extensions)
    this.repo = new Repo({
      network: url ? [this.adapter] : [],
      storage: folder && new NodeFSStorageAdapter(folder),
      enableRemoteHeadsGossiping: gossips,
    })
  }

  /** Connects a client and closes it with the test `t`. */
  static async connect(t, url, options) {
    const client = new Client(url, options)
    afterwards(t, () => client.close())
    await client.whenConnected()
    return client
  }

  /** The server's peer id, once it has answered the join. */
  async whenConnected() {
    return until("the client is connected", () => this.repo.peers.length > 0 && this.repo.peers[0])
  }

  get serverPeerId() {
    return this.adapter.remotePeerId
  }

  get serverMetadata() {
    return this.repo.peerMetadataByPeerId[this.serverPeerId]
  }

  /** Finds a document that exists, however long the server takes to hear of it. */
  async find(url) {
    return until(`${url} is found`, () => this.repo.find(url))
  }

  async close() {
    this.isClosed ??= this.repo.shutdown().catch(() => {})
    await this.isClosed
  }
}

/** The heads of a handle's document, as text that can be compared. */
export function headsOf(handle) {
  return [...handle.heads()].sort().join(" ")
}

/** Waits until all handles have the same heads, and `isRight` holds for the first one's document. */
export async function untilEqual(handles, isRight = () => true, deadlineMs = 20_000) {
  await until(
    "all replicas are equal",
    () => {
      const all = handles.map(headsOf)
      if (new Set(all).size > 1) throw new Error(`heads: ${all.join(" | ")}`)
      return isRight(handles[0].doc())
    },
    deadlineMs,
  )
}
