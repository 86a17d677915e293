// A device: a stock automerge-repo client, with nothing of Tiebreak on it.

import { Repo } from "@automerge/automerge-repo"
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket"
import { until } from "./until.mjs"

export class Device {
  #address
  #adapter
  #repo = new Repo()
  #handles = new Map()

  /** It begins offline. */
  constructor(name, address) {
    this.name = name
    this.#address = address
  }

  async goOnline() {
    this.#adapter = new WebSocketClientAdapter(this.#address)
    this.#repo.networkSubsystem.addNetworkAdapter(this.#adapter)
    await until(`${this.name} is online`, () => this.#repo.peers.length > 0)
  }

  async goOffline() {
    this.#repo.networkSubsystem.removeNetworkAdapter(this.#adapter)
    await until(`${this.name} is offline`, () => this.#repo.peers.length === 0)
  }

  /** Makes a document, and answers its id. */
  create(content) {
    const handle = this.#repo.create(content)
    this.#handles.set(handle.documentId, handle)
    return handle.documentId
  }

  async open(id) {
    const find = () => this.#repo.find(`automerge:${id}`).catch(() => undefined)
    this.#handles.set(id, await until(`${this.name} has ${id}`, find))
  }

  edit(id, change) {
    this.#handles.get(id).change(change)
  }

  show(id) {
    return this.#handles.get(id).doc()
  }

  async close() {
    if (this.#repo.peers.length > 0) await this.goOffline()
    await this.#repo.shutdown()
  }
}
