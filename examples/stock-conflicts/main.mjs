// Two stock automerge-repo clients edit apart; a Tiebreak server says where they disagree, and settles it.

import { parseArgs } from "node:util"
import { AGREEMENTS } from "./agreements.mjs"
import { CONFLICTS, NOT_YET } from "./conflicts.mjs"
import { lateEdit } from "./late.mjs"
import { Run } from "./run.mjs"
import { Server } from "./server.mjs"
import { table } from "./table.mjs"

const USAGE = `usage: npm start [-- --server URL [--leave-open]]

  --server URL   a server that runs already, as http://127.0.0.1:7070; else one is started for this run
  --leave-open   settle nothing, and leave the conflicts there to look at`

const OPTIONS = { server: { type: "string" }, "leave-open": { type: "boolean" }, help: { type: "boolean", short: "h" } }

const say = (...lines) => console.log(lines.join("\n"))
const json = value => JSON.stringify(value)
const mark = one => (one.isWrong ? "WRONG" : "ok")
const did = ({ ann, again }) => (again ? `${ann.words}, then ${again.words}` : ann.words)

function conflictRow(one) {
  const { conflict } = one
  const found = conflict ? `${conflict.type} at ${conflict.path.join("/")}` : "nothing"
  const sides = conflict?.candidates.map(side => (side.removed ? "gone" : json(side.value))).join(" or ") ?? "-"
  const choice = !one.isSettled ? "-" : "candidate" in one.choose ? `candidate ${json(one.choose.candidate)}` : json(one.choose)
  return [one.what, did(one), one.ben.words, found, sides, choice, mark(one)]
}

function agreementRow(one) {
  const found = one.conflict ? `${one.conflict.type} at ${one.conflict.path.join("/")}` : "nothing"
  return [one.what, did(one), one.ben.words, found, mark(one)]
}

/** Both edit apart; what the server then says is compared with what it must say. */
async function disagree(run, conflicts) {
  const cases = [...conflicts, ...AGREEMENTS]
  await run.prepare(cases)
  await run.editApart(cases)
  for (const one of cases) await run.compare(one)
  return cases
}

/** Every conflict is settled; what the devices and the server then show is compared with what they must show. */
async function agree(run, conflicts, cases) {
  for (const one of conflicts) await run.settle(one)
  await run.untilSame(cases, run.both)
  for (const one of cases) await run.conclude(one)
}

function report(conflicts) {
  say("These are conflicts:", "")
  say(table(["case", "Ann did", "Ben did", "the server says", "sides", "settled with", ""], conflicts.map(conflictRow)), "")
  say("These are not. They merge, and nobody is asked:", "")
  say(table(["case", "Ann did", "Ben did", "the server says", ""], AGREEMENTS.map(agreementRow)), "")
}

/** Everything, in order; answers what went otherwise than it must. */
async function play(server, { isOurs, leavesOpen }) {
  const run = new Run(server)
  const conflicts = CONFLICTS.filter(one => isOurs || !one.isPlain)
  let count = conflicts.length + AGREEMENTS.length
  try {
    const cases = await disagree(run, conflicts)
    if (!leavesOpen) await agree(run, conflicts, cases)
    report(conflicts)
    if (!leavesOpen) {
      say("Cleo was offline all the while:", "", table(["what happened", "the record"], await lateEdit(run)), "")
      count += 1
    }
  } finally {
    await run.close()
  }
  if (!isOurs) say("Left out: documents without a kind, which only --plain-documents flagged looks into.")
  say(`Left out: conflicts of type ${NOT_YET.join(" and ")}, which the server does not open yet.`)
  if (leavesOpen) say("Left open: nothing was settled.")
  say(run.wrong.length === 0 ? `All is as it must be: ${count} cases.` : `WRONG in ${run.wrong.length} places, of ${count} cases:`)
  for (const wrong of run.wrong) say(`- ${wrong}`)
  return run.wrong
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) return void say(USAGE)
  if (values["leave-open"] && !values.server) throw new Error("--leave-open needs --server")
  const server = values.server ? new Server(values.server.replace(/\/$/, "")) : await Server.start()
  say(`Server: ${server.url}`, "")
  try {
    const wrong = await play(server, { isOurs: !values.server, leavesOpen: values["leave-open"] ?? false })
    process.exitCode = wrong.length === 0 ? 0 : 1
  } finally {
    await server.stop()
  }
}

main().catch(error => {
  console.error(`It could not be played to its end: ${error.message}`)
  process.exit(2)
})
