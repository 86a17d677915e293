// Somebody was away all the while: what is written then is no loser of a choice that it could not know.

import assert from "node:assert/strict"
import { Device } from "./device.mjs"

const rename = name => doc => void (doc.display_name = name)

/** Ann and Ben disagree and it is settled; Cleo, who was offline, comes back; Ben settles that by writing. */
export async function lateEdit(run) {
  const { ann, ben, server } = run
  const cleo = new Device("Cleo", server.devicesConnectTo)
  const one = { what: "an edit that comes late", id: ann.create({ "@kind": "profile", display_name: "Ann" }) }
  try {
    await cleo.goOnline()
    await Promise.all([ben.open(one.id), cleo.open(one.id)])
    await run.untilSame([one], [ann, ben, cleo])
    for (const device of [ann, ben, cleo]) await device.goOffline()
    for (const [device, name] of [[ann, "Anna"], [ben, "Anne"], [cleo, "Annie"]]) device.edit(one.id, rename(name))
    for (const device of [ann, ben]) await device.goOnline()
    await run.untilSame([one], [ann, ben])
    const [first] = await server.conflicts(one.id)
    assert(first, "no conflict was recorded")
    const settled = await server.settle(first, { value: "Anna" })
    assert.equal(settled.state, "settled")

    await cleo.goOnline()
    await run.untilSame([one], [ann, ben, cleo])
    const [again, ...more] = await server.conflicts(one.id)
    assert.deepEqual([again.id, again.state, more.length], [first.id, "open", 0], "the late edit was not flagged")
    assert.deepEqual(again.candidates.map(side => side.value).sort(), ["Anna", "Annie"])

    ben.edit(one.id, rename("Annie"))
    await run.untilSame([one], [ann, ben, cleo])
    const [last] = await server.conflicts(one.id)
    assert.deepEqual([last.state, last.settled?.how, last.settled?.value], ["overtaken", "write", "Annie"])
    return [
      ["Anna, Anne", `${first.type}, open, version ${first.version}`],
      ['POST {"value":"Anna"}', `${settled.state}, by ${settled.settled.how}, version ${settled.version}`],
      ["Cleo is back with Annie", `the same one is open again, version ${again.version}`],
      ["Ben has seen both, writes Annie", `${last.state}, by ${last.settled.how}, version ${last.version}`],
    ]
  } catch (error) {
    run.wrong.push(`${one.what}: ${error.message}`)
    return []
  } finally {
    await cleo.close()
  }
}
