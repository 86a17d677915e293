import { Automerge, decodeHeads, encodeHeads } from "@automerge/automerge-repo/slim"
import type { Doc, DocHandle, Heads } from "@automerge/automerge-repo/slim"
import { TiebreakError } from "../errors.js"
import type { Conflict, ConflictCandidate, ConflictType, Resolution } from "./conflict.js"
import { backendOf, contentOf, placeOf, propIn, wayTo } from "./place.js"
import type { Backend, Found, Prop } from "./place.js"

/** What disagrees about one place, which can be written anew. */
const IN_ONE_PLACE: readonly ConflictType[] = ["write_write", "delete_edit", "replace_edit", "lost_increment"]

/** What is to stand in the place; undefined: nothing. */
type Content = { readonly value: unknown } | undefined

/** Where it is written, at these heads. */
interface Target {
  readonly way: readonly Prop[]
  readonly prop: Prop
  readonly heads: Heads
}

/** One side's value, where it stands at the heads that keep it. */
interface Side {
  readonly candidate: ConflictCandidate
  readonly found: Found
}

/**
 * Writes a choice into the document as if nothing but the conflict's sides had been seen: what came later is in conflict
 * with it and not lost. Answers the hash of the change, or nothing if it cannot be written here: this device lacks a
 * side, or the place is one that automerge lets nobody write in, as an element that was removed.
 */
export function writeChoice(handle: DocHandle<unknown>, conflict: Conflict, resolution: Resolution): string | undefined {
  const doc = handle.doc()
  const heads = [...new Set(conflict.candidates.flatMap(({ changes }) => changes))]
  const isAllKnown = conflict.moreCandidates === 0 && IN_ONE_PLACE.includes(conflict.type)
  if (!isAllKnown || heads.length === 0 || !Automerge.hasHeads(doc, heads)) return undefined
  const backend = backendOf(doc)
  const sides = sidesOf(backend, conflict)
  const target = targetOf(backend, conflict, sides, heads)
  if (!target) return undefined
  let content: Content
  try {
    content = chosen(backend, conflict, sides, resolution)
  } catch (error) {
    if (error instanceof TiebreakError) throw error
    return undefined
  }
  return write(handle, conflict.id, target, content)
}

/** Fails as `invalid_argument` unless it says one thing, which this conflict has. */
export function mustFit({ candidates }: Conflict, resolution: Resolution): void {
  const { candidate, value, keep } = resolution as { candidate?: unknown; value?: unknown; keep?: unknown }
  const given = [candidate, value, keep].filter(part => part !== undefined)
  if (given.length !== 1) throw invalid("a resolution is one of { candidate }, { value } and { keep }")
  if (candidate !== undefined && !candidates.some(({ id }) => id === candidate)) {
    throw invalid(`the conflict has no such candidate; it has ${candidates.map(({ id }) => id).join(", ")}`)
  }
  const kept = candidates.filter(({ removed }) => !removed)
  if (keep === true && kept.length !== 1) {
    throw invalid(`several candidates are worth keeping; name one of ${kept.map(({ id }) => id).join(", ")}`)
  }
}

function sidesOf(backend: Backend, { candidates, path }: Conflict): Side[] {
  return candidates.flatMap(candidate => {
    const found = candidate.removed ? undefined : placeOf(backend, path, candidate.id, [...candidate.changes])
    return found ? [{ candidate, found }] : []
  })
}

function targetOf(backend: Backend, { candidates }: Conflict, sides: Side[], heads: Heads): Target | undefined {
  const found = sides[0]?.found
  const way = found && wayTo(backend, found.parent, heads)
  const prop = found && propIn(backend, found, new Set(candidates.map(({ id }) => id)), heads)
  return way === undefined || prop === undefined ? undefined : { way, prop, heads }
}

function chosen(backend: Backend, { candidates }: Conflict, sides: Side[], resolution: Resolution): Content {
  if ("value" in resolution) {
    const isText = sides.some(({ found }) => found.version[0] === "text")
    return { value: isText ? resolution.value : withoutTexts(resolution.value) }
  }
  if ("keep" in resolution && !resolution.keep) return undefined
  const isChosen = ({ id, removed }: ConflictCandidate) =>
    "candidate" in resolution ? id === resolution.candidate : !removed
  if (candidates.find(isChosen)?.removed) return undefined
  const side = sides.find(({ candidate }) => isChosen(candidate))
  if (!side) throw new TypeError("a side that is not here")
  return { value: contentOf(backend, side.found.version, [...side.candidate.changes]) }
}

function write(handle: DocHandle<unknown>, id: string, target: Target, content: Content): string | undefined {
  let failure: { readonly error: unknown } | undefined
  const change = (doc: unknown) => {
    try {
      replace(doc, target, content)
    } catch (error) {
      // If this went on to the library, it would leave the document as it was at these heads.
      backendOf(doc as Doc<unknown>).rollback()
      failure = { error }
    }
  }
  const made = handle.changeAt(encodeHeads(target.heads), change, { message: JSON.stringify({ resolve: id }) })
  if (failure) throw failure.error
  return made && decodeHeads(made)[0]
}

function replace(doc: unknown, { way, prop }: Target, content: Content): void {
  const parent = way.reduce((at, step) => (at as Record<Prop, unknown>)[step], doc) as Record<Prop, unknown>
  // The library writes nothing for a value that is shown already, and a late edit would then win unseen. After this,
  // which nobody ever sees, the choice is an operation in any case.
  parent[prop] = content?.value === null ? false : null
  if (content) put(parent, prop, content.value)
  else if (typeof prop === "number") (parent as unknown as unknown[]).splice(prop, 1)
  else delete parent[prop]
}

/** Part by part: of what is put as a whole, the library makes maps of numbers whose type is told. */
function put(parent: Record<Prop, unknown>, prop: Prop, value: unknown): void {
  if (!Array.isArray(value) && !isPlain(value)) {
    parent[prop] = value
    return
  }
  parent[prop] = Array.isArray(value) ? [] : {}
  const made = parent[prop] as Record<Prop, unknown>
  if (Array.isArray(value)) value.forEach((part, position) => put(made, position, part))
  else for (const [key, part] of Object.entries(value)) put(made, key, part)
}

/** Strings in new values stand as those beside them do: as texts that several can type in, or as values. */
function withoutTexts(value: unknown): unknown {
  if (typeof value === "string") return new Automerge.ImmutableString(value)
  if (Array.isArray(value)) return value.map(withoutTexts)
  if (!isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withoutTexts(part)]))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype
}

function invalid(message: string): TiebreakError {
  return new TiebreakError("invalid_argument", message)
}
