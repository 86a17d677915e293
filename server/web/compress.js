// Writes a gzip copy beside each built file, so that the server compresses nothing while it serves, and holds the
// page to its weight.

import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { constants, gzipSync } from "node:zlib"

/** @param {{ totalBytesMax: number }} limits @returns {import("vite").Plugin} */
export function compress({ totalBytesMax }) {
  let folder = ""
  return {
    name: "compress",
    apply: "build",
    configResolved: config => void (folder = path.resolve(config.root, config.build.outDir)),
    closeBundle() {
      const total = filesIn(folder).reduce((sum, file) => sum + compressFile(file), 0)
      const size = `the page weighs ${(total / 1000).toFixed(0)} kB, compressed`
      if (total > totalBytesMax) throw new Error(`${size}; at most ${totalBytesMax / 1000} kB are allowed`)
      console.log(size)
    },
  }
}

/** @param {string} folder */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath, entry.name))
}

/** @param {string} file */
function compressFile(file) {
  const compressed = gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION })
  writeFileSync(`${file}.gz`, compressed)
  return compressed.length
}
