// The small size of `npm run trace`.

import { test } from "node:test"
import { replayTrace } from "../trace/replay.mjs"

const EDITS = Number(process.env.TIEBREAK_TRACE_EDITS ?? 1_500)

test("stock and samod clients that retype real histories end equal though the server was killed", async t => {
  const { changes, seconds } = await replayTrace(t, EDITS)
  t.diagnostic(`${changes} changes in ${seconds} s`)
})
