// A stock samod client in a process of its own, told what to do line by line.

import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import path from "node:path"
import readline from "node:readline"
import { fileURLToPath } from "node:url"
import { afterwards } from "./afterwards.mjs"

const here = path.dirname(fileURLToPath(import.meta.url))
const binary = process.env.SAMOD_CLIENT ?? path.join(here, "../../../target/debug/samod-client")

export class SamodClient {
  #child
  #answers

  /** Starts a client and ends it with the test `t`. */
  static async start(t, url) {
    if (!fs.existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p samod-client`)
    const client = new SamodClient()
    client.#child = spawn(binary, [url], { stdio: ["pipe", "pipe", "inherit"] })
    client.#answers = readline.createInterface({ input: client.#child.stdout })[Symbol.asyncIterator]()
    afterwards(t, () => client.stop())
    return client
  }

  async create(files) {
    return (await this.#order({ create: { files } })).created.document
  }

  async open(document) {
    await this.#order({ open: { document } })
  }

  /** Replays [position, deleted, inserted] edits on one text. */
  async edit(document, file, edits) {
    await this.#order({ edit: { document, file, edits } })
  }

  /** { heads, files: { name: { characters, sha256 } } } */
  async report(document) {
    return (await this.#order({ report: { document } })).state
  }

  /** The same, once the heads are exactly these, in hexadecimal. */
  async await(document, heads) {
    return (await this.#order({ await: { document, heads } })).state
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, "exit")
    this.#child.kill("SIGKILL")
    await ended
  }

  async #order(order) {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error("the samod client has ended")
    const answer = JSON.parse(value)
    if (answer.error) throw new Error(`samod: ${answer.error}`)
    return answer === "opened" || answer === "edited" ? {} : answer
  }
}
