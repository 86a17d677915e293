// A page with a stock client, bundled from its unmodified packages and served from an origin of its own.

import fs from "node:fs"
import http from "node:http"
import { once } from "node:events"
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterwards, newFolder } from "../../interop/harness/afterwards.mjs"
import { until } from "../../interop/harness/until.mjs"
import { openBrowser } from "./browser.mjs"

const browserTests = path.join(path.dirname(fileURLToPath(import.meta.url)), "..")
const bundler = createRequire(path.join(browserTests, "../../server/web/package.json")).resolve("vite")

const TYPES = { ".html": "text/html", ".js": "text/javascript" }

/** Serves the page until the test ends, and answers its origin. */
export async function serveStockPage(t) {
  const outDir = newFolder()
  const { build } = await import(pathToFileURL(bundler))
  const root = path.join(browserTests, "stock_page")
  await build({ root, base: "./", logLevel: "error", configFile: false, build: { outDir, target: "es2022" } })
  const server = http.createServer((request, response) => {
    const name = new URL(request.url, "http://page").pathname.replace(/\/$/, "/index.html")
    const file = path.join(outDir, path.normalize(name))
    if (!fs.existsSync(file)) return void response.writeHead(404).end()
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" })
    response.end(fs.readFileSync(file))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  afterwards(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${server.address().port}`
}

/** The page in a browser of its own, as a person meets it. */
export class StockPage {
  constructor(page) {
    this.name = page.getByLabel("Display name")
    this.online = page.getByRole("switch", { name: "Online" })
    this.values = page.getByRole("list", { name: "Values" }).getByRole("listitem")
  }

  static async open(t, { origin, id, server }) {
    const page = await openBrowser(t)
    await page.goto(`${origin}/#${id}@127.0.0.1:${server.port}`)
    const stock = new StockPage(page)
    await stock.values.first().waitFor()
    return stock
  }

  async write(name) {
    await this.name.fill(name)
    await this.name.blur()
  }

  async shows(...values) {
    await until(`the stock client shows ${values.join(" and ")}`, async () => {
      const shown = await this.values.allTextContents()
      return shown.sort().join("|") === values.sort().join("|")
    })
  }
}
