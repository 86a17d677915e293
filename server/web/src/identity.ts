/** Who stands where on the page, and which documents are whose: remembered, so that a reload changes nothing. */

import type { DocumentIds } from "./documents.js"
import { forget, remember, remembered } from "./remember.js"

export interface Identity {
  /** The account's id. */
  account: string
  username: string
  displayName: string
  /** None before the first device has made them. */
  ids: Partial<DocumentIds>
}

/** Documents outlive a sign-out: who comes back finds them on the server. */
export function rememberPerson(slot: string, person: Omit<Identity, "ids"> & Partial<Identity>): Identity {
  const identity = { ...person, ids: person.ids ?? idsOf(person.account, slot) }
  remember(personKey(slot), JSON.stringify(identity))
  remember(documentsKey(person.account, slot), JSON.stringify(identity.ids))
  return identity
}

export function personIn(slot: string): Identity | null {
  return JSON.parse(remembered(personKey(slot)) ?? "null") as Identity | null
}

export function forgetPerson(slot: string): void {
  forget(personKey(slot))
}

/** Four digits that tell the changes of this person's devices from others'. */
export function authorOf({ account }: Identity): string {
  const sum = [...account].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 0x10000, 7)
  return sum.toString(16).padStart(4, "0")
}

function idsOf(account: string, slot: string): Partial<DocumentIds> {
  return JSON.parse(remembered(documentsKey(account, slot)) ?? "{}") as Partial<DocumentIds>
}

function personKey(slot: string): string {
  return `tiebreak-demo-person-${slot}`
}

/** By place, too: only who stands first has a group. */
function documentsKey(account: string, slot: string): string {
  return `tiebreak-demo-documents-${account}-${slot}`
}
