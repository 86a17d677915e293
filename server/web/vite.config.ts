import { fileURLToPath } from "node:url"
import { defineConfig } from "vite"
import { compress } from "./compress.js"
import { serviceWorker } from "./service_worker.js"

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))

export default defineConfig({
  base: "./",
  resolve: {
    alias: { "@tiebreak/client": pathOf("../../client-sdk/js/src/index.ts") },
    // The client is compiled from its sources: it shall find the libraries of this page, not a second copy beside it.
    dedupe: ["@automerge/automerge", "@automerge/automerge-repo"],
  },
  // For `npm run dev`, beside a server that runs as `make run` starts it.
  server: { proxy: { "/automerge": { target: "http://127.0.0.1:7070", ws: true }, "/v1": "http://127.0.0.1:7070" } },
  build: {
    target: "es2022",
    // The page's policy allows no `data:`; and WebAssembly is compiled while it arrives only from a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  plugins: [
    serviceWorker({ source: pathOf("src/service_worker.js"), fileName: "sw.js" }),
    compress({ totalBytesMax: 2_000_000 }),
  ],
})
