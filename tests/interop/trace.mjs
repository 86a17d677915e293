// npm run trace -- --edits 50000
// Replays that many edits of real editing histories; see trace/replay.mjs.

import { parseArgs } from "node:util"
import { replayTrace } from "./trace/replay.mjs"

const { values } = parseArgs({ options: { edits: { type: "string", default: "20000" } } })
const edits = Number(values.edits)
if (!Number.isInteger(edits) || edits < 20) throw new Error("--edits is a number, at least 20")

const tidying = []
const test = { after: tidy => tidying.push(tidy) }
try {
  const { changes, seconds } = await replayTrace(test, edits, line => console.log(line))
  console.log(`ok: ${changes} changes in ${seconds} s, all replicas equal`)
} finally {
  for (const tidy of tidying) await tidy()
}
process.exit(process.exitCode ?? 0)
