import { Automerge } from "@automerge/automerge-repo/slim"
import type { Doc, Heads } from "@automerge/automerge-repo/slim"

/** automerge's own view of a document: there, other sides than the one that is shown can be read, with their types. */
export type Backend = ReturnType<typeof Automerge.getBackend>
/** What stands somewhere: its type; what it is, or the object's id; and, unless it is an object, the operation's id. */
export type Version = ReturnType<Backend["getAll"]>[number]
/** A key of a map, or a position in a list. */
export type Prop = string | number

/** A place of a document at some heads, and a version that stands there. */
export interface Found {
  /** The id of the map or list. */
  readonly parent: string
  readonly prop: Prop
  readonly version: Version
}

const ROOT: Version = ["map", "_root"]

export function backendOf(doc: Doc<unknown>): Backend {
  return Automerge.getBackend(doc)
}

/** The id of the operation that wrote it: objects have the same one. */
export function idOf(version: Version): string {
  return version[2] ?? (version[1] as string)
}

/**
 * Where an operation wrote. Positions may be others than in `path`, but an operation wrote in one place only: where it
 * is found, that is the place. Not found is what was written over or removed at these heads.
 */
export function placeOf(backend: Backend, path: readonly (Prop | null)[], id: string, heads: Heads): Found | undefined {
  const steps = path.slice(0, -1)
  const last = path.at(-1)
  if (last === undefined) return undefined
  for (const parent of objectsAt(backend, ROOT, steps, heads)) {
    for (const { prop, version } of versionsIn(backend, parent, last, heads)) {
      if (idOf(version) === id) return { parent: parent[1] as string, prop, version }
    }
  }
  return undefined
}

/** The way to an object from the root, if it leads there: what is hidden behind another version cannot be written in. */
export function wayTo(backend: Backend, object: string, heads: Heads): Prop[] | undefined {
  const { path } = backend.objInfo(object, heads)
  let at = ROOT[1] as string
  for (const prop of path ?? []) {
    const shown = backend.getWithType(at, prop, heads)
    if (shown?.[0] !== "map" && shown?.[0] !== "list") return undefined
    at = shown[1] as string
  }
  return at === object ? path : undefined
}

/** Where in this object one of these operations' values stands. */
export function propIn(backend: Backend, { parent, prop }: Found, ids: ReadonlySet<string>, heads: Heads): Prop | undefined {
  // A key is the same whatever stands there, nothing too.
  if (typeof prop === "string") return prop
  for (let position = 0; position < backend.length(parent, heads); position += 1) {
    if (backend.getAll(parent, position, heads).some(version => ids.has(idOf(version)))) return position
  }
  return undefined
}

/** What stands there, so that written again it has the same type. Throws what cannot be written with it. */
export function contentOf(backend: Backend, [type, value]: readonly unknown[], heads: Heads): unknown {
  switch (type) {
    case "map": {
      const keys = backend.keys(value as string, heads)
      return Object.fromEntries(keys.map(key => [key, contentAt(backend, value as string, key, heads)]))
    }
    case "list": {
      const positions = Array.from({ length: backend.length(value as string, heads) }, (_, position) => position)
      return positions.map(position => contentAt(backend, value as string, position, heads))
    }
    case "text":
      return backend.text(value as string, heads)
    case "str":
      return new Automerge.ImmutableString(value as string)
    case "int":
      return typeof value === "bigint" ? value : new Automerge.Int(value as number)
    case "uint":
      return new Automerge.Uint(Number(value))
    case "f64":
      return new Automerge.Float64(value as number)
    case "counter":
      return new Automerge.Counter(value as number)
    case "boolean":
    case "null":
    case "bytes":
    case "timestamp":
      return value
    default:
      throw new TypeError(`nothing can be written that is a ${String(type)}`)
  }
}

function contentAt(backend: Backend, object: string, prop: Prop, heads: Heads): unknown {
  const shown = backend.getWithType(object, prop, heads)
  if (!shown) throw new TypeError("a place that is listed and empty")
  return contentOf(backend, shown, heads)
}

/** The objects that stand, or stand behind another version, on this way. */
function* objectsAt(
  backend: Backend,
  object: Version,
  [step, ...rest]: readonly (Prop | null)[],
  heads: Heads,
): Generator<Version> {
  if (step === undefined) return yield object
  for (const { version } of versionsIn(backend, object, step, heads)) {
    if (version[0] === "map" || version[0] === "list") yield* objectsAt(backend, version, rest, heads)
  }
}

/** Everything that stands in a place: of a list, in any, the one where it was last before all others. */
function* versionsIn(backend: Backend, [type, id]: Version, step: Prop | null, heads: Heads) {
  const object = id as string
  if (typeof step === "string") {
    if (type !== "map") return
    for (const version of backend.getAll(object, step, heads)) yield { prop: step, version }
    return
  }
  if (type !== "list") return
  const positions = Array.from({ length: backend.length(object, heads) }, (_, position) => position)
  if (step !== null && step < positions.length) positions.unshift(...positions.splice(step, 1))
  for (const prop of positions) for (const version of backend.getAll(object, prop, heads)) yield { prop, version }
}
