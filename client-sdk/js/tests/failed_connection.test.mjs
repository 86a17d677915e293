import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer } from "node:http"
import { describe, test } from "node:test"
import { afterwards } from "../../../tests/interop/harness/afterwards.mjs"
import { NOWHERE, openDevice, SLOW_BACKOFF, untilState } from "./harness/device.mjs"
import { ScriptedServer } from "./harness/scripted_server.mjs"

/** Where this server of HTTP alone listens. */
async function startHttp(t, server) {
  afterwards(t, () => server.close())
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return `ws://127.0.0.1:${server.address().port}/automerge`
}

describe("a connection that fails", () => {
  for (const [kind, expected, start] of [
    ["nobody listens", /^no connection to 127\.0\.0\.1:9: .*ECONNREFUSED/, async () => NOWHERE],
    ["nobody listens on any address of the host", /ECONNREFUSED/, async () => "ws://localhost:9/automerge"],
    ["nothing is at this path", /404/, t => startHttp(t, createServer((_, response) => response.writeHead(404).end()))],
    ["the other side speaks no TLS", /SSL|TLS/, async t => (await startHttp(t, createServer())).replace("ws:", "wss:")],
  ]) {
    test(`says what Node knows when ${kind}`, async t => {
      const device = await openDevice(t, { url: await start(t), backoff: SLOW_BACKOFF })
      await untilState(device, "waiting")
      assert.match(device.status.lastError.message, expected)
    })
  }

  test("says what may be wrong when the platform, as browsers, tells nothing", async t => {
    class BrowserSocket extends EventTarget {
      constructor() {
        super()
        queueMicrotask(() => {
          this.onerror(new Event("error"))
          this.onclose({ code: 1006, reason: "" })
        })
      }
      close() {}
    }
    const device = await openDevice(t, { url: "wss://sync.example/automerge", webSocket: BrowserSocket })
    await untilState(device, "waiting")
    const { message } = device.status.lastError
    for (const cause of ["sync.example", "/automerge", "server", "certificate", "proxy"]) assert.ok(message.includes(cause))
  })

  test("after it was made says only that", async t => {
    const server = await ScriptedServer.start(t, connection => connection.terminate())
    const device = await openDevice(t, { url: server.url, backoff: SLOW_BACKOFF })
    await untilState(device, "waiting")
    assert.equal(device.status.lastError.message, "the connection was closed (1006)")
  })
})
