// The course of the day: together, apart, together again, and every conflict settled.

import { getConflicts, getHeads } from "@automerge/automerge"
import assert from "node:assert/strict"
import { Device } from "./device.mjs"
import { until } from "./until.mjs"

/** Two devices, what they were given to do, and what went otherwise than it must. */
export class Run {
  wrong = []

  constructor(server) {
    this.server = server
    this.ann = new Device("Ann", server.devicesConnectTo)
    this.ben = new Device("Ben", server.devicesConnectTo)
  }

  get both() {
    return [this.ann, this.ben]
  }

  async close() {
    await Promise.all(this.both.map(device => device.close()))
  }

  /** Both have all documents, and both have seen what one did after the other. */
  async prepare(cases) {
    await Promise.all(this.both.map(device => device.goOnline()))
    for (const one of cases) one.id = this.ann.create(one.start())
    await Promise.all(cases.map(one => this.ben.open(one.id)))
    const ordered = cases.filter(one => one.isOrdered)
    for (const one of ordered) this.ann.edit(one.id, one.ann.edit)
    await this.untilSame(cases, this.both)
    for (const one of ordered) this.ben.edit(one.id, one.ben.edit)
    await this.untilSame(ordered, this.both)
  }

  /** Each does a part without knowing of the other; Ann is back first. */
  async editApart(cases) {
    await Promise.all(this.both.map(device => device.goOffline()))
    for (const one of cases.filter(one => !one.isOrdered)) {
      this.ann.edit(one.id, one.ann.edit)
      if (one.again) this.ann.edit(one.id, one.again.edit)
      this.ben.edit(one.id, one.ben.edit)
    }
    await this.ann.goOnline()
    await this.untilSame(cases, [this.ann])
    await this.ben.goOnline()
    await this.untilSame(cases, this.both)
  }

  /** What the server has found must be what the case says. */
  async compare(one) {
    await this.#check(one, async () => {
      const [conflict, ...more] = await this.server.conflicts(one.id)
      one.conflict = conflict
      if (one.type === undefined) return assert.equal(conflict, undefined, `a conflict was recorded: ${JSON.stringify(conflict)}`)
      assert(conflict, "no conflict was recorded")
      assert.equal(more.length, 0, "there is more than one conflict")
      assert.equal(conflict.state, "open")
      assert.equal(conflict.type, one.type)
      assert.deepEqual(conflict.path, one.path)
      assert.deepEqual(conflict.base, one.base)
      assert.deepEqual(sorted(conflict.candidates.map(side => side.value)), sorted(one.sides))
    })
  }

  async settle(one) {
    if (!one.conflict) return
    await this.#check(one, async () => {
      const settled = await this.server.settle(one.conflict, choiceFor(one))
      assert.deepEqual([settled.state, settled.settled.how], ["settled", "choice"])
      one.isSettled = true
    })
  }

  /** Both devices and the server show the same, and it is right. */
  async conclude(one) {
    await this.#check(one, async () => {
      const onServer = await this.server.document(one.id)
      for (const device of this.both) {
        const shown = device.show(one.id)
        assert.deepEqual(plain(shown), onServer, `${device.name} shows something else than the server`)
        assert(one.isRight?.(shown) ?? true, `${device.name} shows ${JSON.stringify(shown)}`)
        if (one.path) assert.equal(disagreementsAt(shown, one.path), 0, `${device.name}'s library shows a conflict still`)
      }
      if (!one.path) return
      assert.deepEqual(valueAt(onServer, one.path), one.stands)
      const states = (await this.server.conflicts(one.id)).map(conflict => conflict.state)
      assert.deepEqual(states, ["settled"])
    })
  }

  /** Waits until the server and these devices have the same changes. */
  async untilSame(cases, devices) {
    for (const one of cases) {
      const names = devices.map(device => device.name).join(", ")
      await until(`${names} and the server have the same of "${one.what}"`, async () => {
        const heads = devices.map(device => getHeads(device.show(one.id)))
        heads.push(await this.server.heads(one.id))
        return new Set(heads.map(heads => sorted(heads).join())).size === 1
      })
    }
  }

  async #check(one, check) {
    try {
      await check()
    } catch (error) {
      one.isWrong = true
      this.wrong.push(`${one.what}: ${error.message}`)
    }
  }
}

/** The body of the request that settles a case. */
function choiceFor({ choose, conflict }) {
  if (!("candidate" in choose)) return choose
  const wanted = JSON.stringify(sorted([choose.candidate]))
  const side = conflict.candidates.find(side => JSON.stringify(sorted([side.value])) === wanted)
  assert(side, `no side says ${JSON.stringify(choose.candidate)}`)
  return { candidate: side.id }
}

function disagreementsAt(doc, path) {
  const above = valueAt(doc, path.slice(0, -1))
  return Object.keys(getConflicts(above, path.at(-1)) ?? {}).length
}

function valueAt(doc, path) {
  return path.reduce((value, step) => value?.[step], doc) ?? null
}

/** As JSON: counters are numbers, fixed strings are strings. */
function plain(doc) {
  return JSON.parse(JSON.stringify(doc))
}

/** In an order that depends on nothing but the values; keys of objects too. */
function sorted(values) {
  const text = value => JSON.stringify(value, (_, inner) => (isObject(inner) ? Object.fromEntries(Object.entries(inner).sort()) : inner))
  return values.map(text).sort()
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
