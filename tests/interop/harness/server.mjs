// The server under test: started on a free loopback port and a directory of its own, killed and restarted at will.

import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { afterwards, newFolder } from "./afterwards.mjs"
import { until } from "./until.mjs"

const here = path.dirname(fileURLToPath(import.meta.url))

/** The built server. */
export const BINARY = process.env.TIEBREAK_BIN ?? path.join(here, "../../../target/debug/tiebreak")

const LOG_CHARACTERS_MAX = 20_000

/** Lifts the limits of one device, for tests in which one connection does the work of a crowd. */
export const UNLIMITED = ["--changes-per-second", "1000000", "--changes-burst", "1000000"]

/**
 * TIEBREAK_SERVER is a command with {port} and {data} in it, for another server of the same protocol; it also
 * finds PORT and DATA_DIR in its environment. TIEBREAK_BIN is the built binary.
 */
function commandFor(port, data, flags) {
  const other = process.env.TIEBREAK_SERVER
  if (other) {
    return ["sh", ["-c", `exec ${other.replaceAll("{port}", port).replaceAll("{data}", data)}`]]
  }
  if (!fs.existsSync(BINARY)) throw new Error(`${BINARY} is missing: build it first`)
  return [BINARY, ["serve", "--listen", `127.0.0.1:${port}`, "--data", data, ...flags]]
}

/** Whether another server than this project's is under test, of which less is expected. */
export const isForeign = Boolean(process.env.TIEBREAK_SERVER)

export class Server {
  #flags
  #child
  #log = ""

  constructor(port, data, flags) {
    this.port = port
    this.data = data
    this.url = `ws://127.0.0.1:${port}/automerge`
    this.http = `http://127.0.0.1:${port}`
    this.#flags = flags
  }

  /** Starts a server and ends it with the test `t`. */
  static async start(t, { flags = [], port } = {}) {
    const data = path.join(newFolder(), "data")
    fs.mkdirSync(data)
    const server = new Server(port ?? (await freePort()), data, flags)
    afterwards(t, () => server.kill())
    await server.restart()
    return server
  }

  /** Starts the process again after `stop` or `kill`, on the same port and data. */
  async restart() {
    const [program, programArguments] = commandFor(String(this.port), this.data, this.#flags)
    const env = { ...process.env, PORT: String(this.port), DATA_DIR: this.data }
    const child = spawn(program, programArguments, { env, stdio: ["ignore", "pipe", "pipe"] })
    for (const output of [child.stdout, child.stderr]) {
      output.on("data", text => (this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX)))
    }
    this.#child = child
    await until("the server listens", async () => {
      if (child.exitCode !== null) throw new Error(`the server ended at its start:\n${this.#log}`)
      return canConnect(this.port)
    })
  }

  /** Ends it as an operator would. */
  async stop() {
    await this.#end("SIGTERM")
  }

  /** Ends it as a crash would. */
  async kill() {
    await this.#end("SIGKILL")
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child?.signalCode === null
  }

  get log() {
    return this.#log
  }

  async #end(signal) {
    if (!this.isRunning) return
    const ended = once(this.#child, "exit")
    this.#child.kill(signal)
    await ended
  }
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

function canConnect(port) {
  return new Promise(resolve => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => resolve(true) || socket.destroy())
    socket.once("error", () => resolve(false))
  })
}
