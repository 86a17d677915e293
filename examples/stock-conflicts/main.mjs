// Two stock automerge-repo clients edit apart; a Tiebreak server says where they disagree, and settles it.

import { parseArgs } from "node:util"
import { AGREEMENTS } from "./agreements.mjs"
import { CONFLICTS, NOT_YET } from "./conflicts.mjs"
import { lateEdit } from "./late.mjs"
import { Run } from "./run.mjs"
import { Server } from "./server.mjs"
import { table } from "./table.mjs"

const USAGE = `usage: npm start [-- --server URL]

  --server URL   a server that runs already, as http://127.0.0.1:7070; else one is started for this run`

const say = (...lines) => console.log(lines.join("\n"))
const json = value => JSON.stringify(value)
const mark = one => (one.isWrong ? "WRONG" : "ok")
const did = ({ ann, again }) => (again ? `${ann.words}, then ${again.words}` : ann.words)

function conflictRow(one) {
  const { conflict } = one
  const found = conflict ? `${conflict.type} at ${conflict.path.join("/")}` : "nothing"
  const sides = conflict?.candidates.map(side => (side.removed ? "gone" : json(side.value))).join(" or ") ?? "-"
  const choice = "candidate" in one.choose ? `candidate ${json(one.choose.candidate)}` : json(one.choose)
  return [one.what, did(one), one.ben.words, found, sides, choice, mark(one)]
}

function agreementRow(one) {
  const found = one.conflict ? `${one.conflict.type} at ${one.conflict.path.join("/")}` : "nothing"
  return [one.what, did(one), one.ben.words, found, mark(one)]
}

/** Everything, in order; answers what went otherwise than it must. */
async function play(server, isOurs) {
  const run = new Run(server)
  const conflicts = CONFLICTS.filter(one => isOurs || !one.isPlain)
  const cases = [...conflicts, ...AGREEMENTS]
  try {
    await run.prepare(cases)
    await run.editApart(cases)
    for (const one of cases) await run.compare(one)
    for (const one of conflicts) await run.settle(one)
    await run.untilSame(cases, run.both)
    for (const one of cases) await run.conclude(one)
    say("These are conflicts. Each was settled over HTTP, and both devices and the server show the choice:", "")
    say(table(["case", "Ann did", "Ben did", "the server says", "sides", "settled with", ""], conflicts.map(conflictRow)), "")
    say("These are not: they merge, and nobody is asked.", "")
    say(table(["case", "Ann did", "Ben did", "the server says", ""], AGREEMENTS.map(agreementRow)), "")
    const late = await lateEdit(run)
    say("Cleo was offline all the while:", "", table(["what happened", "the record"], late), "")
  } finally {
    await run.close()
  }
  if (!isOurs) say("Left out: documents without a kind, which only --plain-documents flagged looks into.")
  say(`Left out: conflicts of type ${NOT_YET.join(" and ")}, which the server does not open yet.`)
  const count = `${cases.length + 1} cases`
  say(run.wrong.length === 0 ? `All is as it must be: ${count}.` : `WRONG in ${run.wrong.length} places, of ${count}:`)
  for (const wrong of run.wrong) say(`- ${wrong}`)
  return run.wrong
}

async function main() {
  const { values } = parseArgs({ options: { server: { type: "string" }, help: { type: "boolean", short: "h" } } })
  if (values.help) return void say(USAGE)
  const server = values.server ? new Server(values.server.replace(/\/$/, "")) : await Server.start()
  say(`Server: ${server.url}`, "")
  try {
    const wrong = await play(server, !values.server)
    process.exitCode = wrong.length === 0 ? 0 : 1
  } finally {
    await server.stop()
  }
}

main().catch(error => {
  console.error(`It could not be played to its end: ${error.message}`)
  process.exit(2)
})
