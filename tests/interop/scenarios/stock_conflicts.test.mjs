// The example in examples/stock-conflicts, started as its README says.

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import http from "node:http"
import net from "node:net"
import path from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { afterwards } from "../harness/afterwards.mjs"
import { BINARY, isForeign, Server } from "../harness/server.mjs"

const example = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../examples/stock-conflicts")
const ours = { skip: isForeign && "another server knows no conflicts" }

/** Runs the example to its end; answers its exit code and what it printed. */
async function play(t, ...flags) {
  const env = { ...process.env, TIEBREAK_BIN: BINARY }
  const child = spawn("npm", ["--prefix", example, "start", "--", ...flags], { env, stdio: ["ignore", "pipe", "pipe"] })
  afterwards(t, () => child.kill())
  let printed = ""
  for (const output of [child.stdout, child.stderr]) output.on("data", text => (printed += text))
  const [code] = await once(child, "close")
  return { code, printed }
}

/** A server that merges like ours, and is silent about conflicts. */
async function startSilent(t) {
  const server = await Server.start(t)
  const proxy = http.createServer(async (request, response) => {
    if (request.url.startsWith("/v1/conflicts")) return void response.end(`{"items":[],"next":null}`)
    const { accept = "*/*" } = request.headers
    const answer = await fetch(server.http + request.url, { headers: { accept } })
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
  })
  proxy.on("upgrade", (request, socket, head) => {
    const behind = net.connect(server.port, "127.0.0.1")
    for (const end of [behind, socket]) end.on("error", () => {})
    const headers = request.rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("")
    behind.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`)
    behind.write(head)
    socket.pipe(behind).pipe(socket)
  })
  proxy.listen(0, "127.0.0.1")
  afterwards(t, () => proxy.close())
  await once(proxy, "listening")
  return `http://127.0.0.1:${proxy.address().port}`
}

test("the example with stock clients finds and settles what it must, on a server of its own", ours, async t => {
  const { code, printed } = await play(t)
  assert.equal(code, 0, printed)
  assert.match(printed, /^All is as it must be: \d+ cases\.$/m)
  for (const type of ["write_write", "delete_edit", "replace_edit", "lost_increment", "rule"]) {
    assert.match(printed, new RegExp(` ${type} at .* ok$`, "m"))
  }
})

test("the example asks a server that runs already", ours, async t => {
  const server = await Server.start(t)
  const { code, printed } = await play(t, "--server", server.http)
  assert.equal(code, 0, printed)
  assert.match(printed, /^Left out: documents without a kind/m)
})

test("the example says what is wrong with a server that is silent about conflicts", ours, async t => {
  const { code, printed } = await play(t, "--server", await startSilent(t))
  assert.equal(code, 1, printed)
  assert.match(printed, /^WRONG in \d+ places/m)
  assert.match(printed, /^- two strings: no conflict was recorded$/m)
  assert.doesNotMatch(printed, /^- equal values/m)
})
