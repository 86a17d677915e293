// Tells the service worker which files make up the page, and gives it a name that its address keeps.

import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"

/** @param {{ source: string, fileName: string }} options @returns {import("vite").Plugin} */
export function serviceWorker({ source, fileName }) {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const files = Object.keys(bundle).filter(name => name.startsWith("assets/")).sort()
        const code = readFileSync(source, "utf8")
        const version = createHash("sha256").update(JSON.stringify([code, files, bundle["index.html"].source]))
        const constants = { VERSION: version.digest("hex").slice(0, 12), FILES: files }
        const lines = Object.entries(constants).map(([name, value]) => `const ${name} = ${JSON.stringify(value)}\n`)
        this.emitFile({ type: "asset", fileName, source: lines.join("") + code })
      },
    },
  }
}
