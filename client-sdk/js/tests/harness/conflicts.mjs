// Conflicts as a server tells them, and documents that have them.

import { Repo } from "@automerge/automerge-repo"
import { Automerge } from "@automerge/automerge-repo/slim"

/** A conflict; `candidates` as `{ id, value, changes }`. */
export function conflict({ id = "cnf_1", version = 1, candidates = [], ...rest } = {}) {
  return {
    id,
    document: "4NMNnkMhL8jXrdJ9jamS58PAVdXu",
    kind: "profile",
    path: ["display_name"],
    label: "Name",
    type: "write_write",
    version,
    base: null,
    candidates: candidates.map(side => ({ removed: false, truncated: false, secret: false, ...side })),
    moreCandidates: 0,
    openedAt: null,
    ...rest,
  }
}

/** A document that people changed apart, each in their own way. */
export class Apart {
  constructor(base, ...edits) {
    this.handle = new Repo({}).create({})
    this.handle.change(base)
    const common = this.handle.doc()
    this.sides = edits.map(edit => Automerge.change(Automerge.clone(common), edit))
    this.common = common
  }

  /** All that they did is here. */
  merge(...sides) {
    for (const side of sides.length > 0 ? sides : this.sides) this.handle.update(doc => Automerge.merge(doc, side))
    return this
  }

  /** What a server says of this place; `read` gives the place in one side's document: its object's id and the key there. */
  conflict(path, place, rest = {}) {
    const candidates = this.sides.map((side, number) => {
      const backend = Automerge.getBackend(side)
      const version = backend.getAll(...place(side, backend)).at(-1)
      const id = version ? (version[2] ?? version[1]) : `${99 + number}@00`
      return { id, removed: !version, changes: Automerge.getHeads(side) }
    })
    return conflict({ path, candidates, document: this.handle.documentId, ...rest })
  }

  /** Everything that stands in a place, with its type. */
  all(object, prop) {
    return Automerge.getBackend(this.handle.doc()).getAll(object, prop)
  }

  /** The last change of this device. */
  get lastChange() {
    return Automerge.decodeChange(Automerge.getLastLocalChange(this.handle.doc()))
  }
}
