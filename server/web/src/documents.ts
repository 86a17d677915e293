/** The three documents that both devices edit, and where their ids are kept. */

import { Counter, ImmutableString } from "@automerge/automerge/slim"
import { KINDS, type Kind } from "./kinds.js"
import { forget, remember, remembered } from "./remember.js"

export { KINDS, type Kind }
export type DocumentIds = Record<Kind, string>

/** A value that is written whole. Where two devices write one apart, the library keeps both and shows one. */
export type Register = ImmutableString
export const register = (text: string): Register => new ImmutableString(text)

/** The member that a group begins with: before all that join. */
const FOUNDER = "0-founder"

/** Documents of the kinds that every server knows: it says where two devices really disagree. */
interface OfKind {
  "@kind": string
}

export interface Profile extends OfKind {
  display_name: Register
  /** Edited together, letter by letter. */
  bio: string
  units: Register
  birthday?: Register
}

export interface Line {
  qty: Counter
  note: Register
}

export interface Cart extends OfKind {
  lines: Record<string, Line>
}

export interface GroupEvent {
  title: Register
  /** A moment; the demo writes days, at noon. */
  at?: Register
  place: Register
}

export interface Group extends OfKind {
  name: Register
  description: string
  /** How people call themselves here: who is a member, only the server says. */
  nicknames: Record<string, Register>
  events: Record<string, GroupEvent>
}

export interface Documents {
  profile: Profile
  cart: Cart
  group: Group
}

export interface Product {
  sku: string
  title: string
  priceCents: number
}

export const CATALOGUE: readonly Product[] = [
  { sku: "tent", title: "Two-person tent", priceCents: 18_900 },
  { sku: "stove", title: "Camping stove", priceCents: 4_950 },
  { sku: "lamp", title: "Head lamp", priceCents: 2_900 },
  { sku: "mug", title: "Enamel mug", priceCents: 1_250 },
  { sku: "map", title: "Trail map", priceCents: 890 },
  { sku: "tea", title: "Mountain tea", priceCents: 640 },
]

export const KIND_TITLES: Record<Kind, string> = { profile: "Profile", cart: "Cart", group: "Group" }

/** What each document holds when the phone makes it, beside its kind. */
export function initialDocuments(name = "Robin"): { [K in Kind]: Omit<Documents[K], "@kind"> } {
  return {
    profile: { display_name: register(name), bio: "", units: register("metric") },
    cart: { lines: {} },
    group: {
      name: register("Sunday walkers"),
      description: "",
      nicknames: { [FOUNDER]: register(name) },
      events: {},
    },
  }
}

/** An id for an entry of a map, greater than those made before: by the device's clock, which orders nothing else. */
export function newId(now = Date.now()): string {
  return `${now.toString(36)}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`
}

/** The entries of a map in the order in which they were made, on every device the same: a map itself has none. */
export function inOrder<T>(map: Record<string, T>): [string, T][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))
}

export function newLine(): Line {
  return { qty: new Counter(0), note: register("") }
}

/** How many pieces there are: pieces taken away twice, apart, may leave less than none. */
export function pieces(line: Line | undefined): number {
  return Math.max(0, Number(line?.qty ?? 0))
}

const STORED_IDS = "tiebreak-demo-documents"

/** The ids in the page's address, which others may have sent, or else those that this browser remembers. */
export function knownIds(): DocumentIds | null {
  return idsIn(location.hash.slice(1)) ?? idsIn(remembered(STORED_IDS) ?? "")
}

/** What came with a link does not replace what this browser remembers as its own. */
export function rememberIds(ids: DocumentIds): void {
  const text = new URLSearchParams(ids).toString()
  if (remembered(STORED_IDS) === null) remember(STORED_IDS, text)
  history.replaceState(null, "", `#${text}`)
}

/** Whether the page shows the documents of a link, while this browser has its own. */
export function areIdsOfLink(ids: DocumentIds): boolean {
  const own = idsIn(remembered(STORED_IDS) ?? "")
  return own !== null && KINDS.some(kind => own[kind] !== ids[kind])
}

export function backToOwnDocuments(): void {
  history.replaceState(null, "", location.pathname)
  location.reload()
}

export function forgetIds(): void {
  forget(STORED_IDS)
  history.replaceState(null, "", location.pathname)
}

function idsIn(text: string): DocumentIds | null {
  const parameters = new URLSearchParams(text)
  const [profile, cart, group] = KINDS.map(kind => parameters.get(kind))
  return profile && cart && group ? { profile, cart, group } : null
}
