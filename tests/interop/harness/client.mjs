// Stock automerge-repo clients.

import { Repo } from "@automerge/automerge-repo"
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket"
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs"
import { afterwards } from "./afterwards.mjs"
import { until } from "./until.mjs"

const RETRY_MS = 150

/**
 * The stock adapter, but for two faults of 2.5 under Node that its main branch has repaired: it throws, uncaught,
 * on connection errors other than ECONNREFUSED, and on sending while the socket closes.
 */
class SteadyAdapter extends WebSocketClientAdapter {
  onError = () => {}

  send(message) {
    try {
      super.send(message)
    } catch (error) {
      if (!error.message.startsWith("Websocket not ready")) throw error
    }
  }
}

export class Client {
  constructor(url, { folder, gossips = false } = {}) {
    this.adapter = new SteadyAdapter(url, RETRY_MS)
    this.repo = new Repo({
      network: [this.adapter],
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
