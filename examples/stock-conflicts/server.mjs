// The server: one that is started for this run, or one that runs already. It is asked over HTTP alone.

import { getHeads, load } from "@automerge/automerge"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { until } from "./until.mjs"

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..")
const LOG_CHARACTERS_MAX = 20_000

export class Server {
  #stop

  constructor(url, stop = () => {}) {
    this.url = url
    this.devicesConnectTo = `${url.replace(/^http/, "ws")}/automerge`
    this.#stop = stop
  }

  /** Starts one on a free port, with its data in a folder that is gone afterwards. */
  static async start(program = builtProgram()) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stock-conflicts-"))
    const port = await freePort()
    const flags = ["--listen", `127.0.0.1:${port}`, "--data", path.join(folder, "data"), "--plain-documents", "flagged"]
    const child = spawn(program, ["serve", ...flags], { stdio: ["ignore", "pipe", "pipe"] })
    let log = ""
    for (const output of [child.stdout, child.stderr]) {
      output.on("data", text => (log = (log + text).slice(-LOG_CHARACTERS_MAX)))
    }
    const ended = once(child, "exit").catch(() => {})
    // However this process ends, neither the server nor its data stay behind.
    process.once("exit", () => {
      child.kill("SIGKILL")
      fs.rmSync(folder, { recursive: true, force: true })
    })
    const server = new Server(`http://127.0.0.1:${port}`, async () => {
      child.kill()
      await ended
    })
    await until("the server listens", async () => {
      if (child.exitCode !== null) throw new Error(`${program} ended at its start:\n${log}`)
      return fetch(`${server.url}/healthz`).then(answer => answer.ok, () => false)
    })
    return server
  }

  async stop() {
    await this.#stop()
  }

  conflicts(id) {
    return this.#ask("GET", `/v1/conflicts?document=${id}`).then(list => list.items)
  }

  /** Settles a conflict as it was shown: if a side came or went since, that fails. */
  settle({ id, version }, choice) {
    return this.#ask("POST", `/v1/conflicts/${id}/resolution`, { choice, "if-match": `"${version}"` })
  }

  document(id) {
    return this.#ask("GET", `/v1/documents/${id}`)
  }

  /** The last changes of a document that the server has. */
  async heads(id) {
    const answer = await fetch(`${this.url}/v1/documents/${id}`, { headers: { accept: "application/octet-stream" } })
    if (!answer.ok) return []
    return getHeads(load(new Uint8Array(await answer.arrayBuffer())))
  }

  async #ask(method, where, { choice, ...headers } = {}) {
    if (choice !== undefined) headers["content-type"] = "application/json"
    const answer = await fetch(this.url + where, { method, headers, body: choice && JSON.stringify(choice) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${where} was answered with ${answer.status}: ${text}`)
    return JSON.parse(text)
  }
}

function builtProgram() {
  const named = process.env.TIEBREAK_BIN
  if (named) return named
  const places = ["target/release/tiebreak", "target/debug/tiebreak"].map(place => path.join(root, place))
  const built = places.find(place => fs.existsSync(place))
  if (!built) throw new Error("no server is built: `make build` makes one, TIEBREAK_BIN names another, --server URL one that runs")
  return built
}

async function freePort() {
  const listener = net.createServer()
  listener.listen(0, "127.0.0.1")
  await once(listener, "listening")
  const { port } = listener.address()
  listener.close()
  await once(listener, "close")
  return port
}
