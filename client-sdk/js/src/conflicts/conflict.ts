import { Answer } from "../account/account_server.js"

/** One side of a conflict. */
export interface ConflictCandidate {
  /** What to choose it by. */
  readonly id: string
  /** Null when it removes what was there. */
  readonly value: unknown
  readonly removed: boolean
  /** `value` is only its beginning, as a string. */
  readonly truncated: boolean
  /** The document's kind keeps it secret: `value` is null in its place. */
  readonly secret: boolean
  /** The latest change that keeps it. */
  readonly change: string
  /** The last changes that keep it, `change` among them. */
  readonly changes: readonly string[]
  readonly actor: string
  /** Whose it is; null where nobody is asked who they are. */
  readonly principal: { readonly account: string; readonly name: string | null } | null
  readonly device: string | null
  /** As that device said: order nothing by it. */
  readonly deviceTime: string | null
  readonly serverTime: string | null
}

export type ConflictType = "write_write" | "delete_edit" | "replace_edit" | "lost_increment" | "mark" | "rule"

/** Two or more sides that disagree about one place of a document. */
export interface Conflict {
  readonly id: string
  readonly document: string
  readonly kind: string | null
  /** Keys and positions; null is an element that is gone. */
  readonly path: readonly (string | number | null)[]
  /** What people call the place. */
  readonly label: string
  readonly type: ConflictType
  /** Another one once a side came or went. */
  readonly version: number
  /** What all sides started from. */
  readonly base: unknown
  readonly candidates: readonly ConflictCandidate[]
  /** How many sides there are beside `candidates`. */
  readonly moreCandidates: number
  readonly openedAt: string | null
}

/** What to make of a conflict: one side, something else, or whether what one side wants to remove is kept. */
export type Resolution = { readonly candidate: string } | { readonly value: unknown } | { readonly keep: boolean }

/** A conflict as the server tells it. */
export function conflictOf(item: Answer): Conflict {
  return Object.freeze({
    id: item.text("id"),
    document: item.text("document"),
    kind: item.textOrNull("kind"),
    path: Object.freeze(item.list("path") as Conflict["path"]),
    label: item.text("label"),
    type: item.text("type") as ConflictType,
    version: item.number("version"),
    base: item.value("base"),
    candidates: Object.freeze(item.items("candidates").map(candidateOf)),
    moreCandidates: item.value("more_candidates") === null ? 0 : item.number("more_candidates"),
    openedAt: item.textOrNull("opened_at"),
  })
}

function candidateOf(item: Answer): ConflictCandidate {
  const principal = item.answerOrNull("principal")
  return Object.freeze({
    id: item.text("id"),
    value: item.value("value"),
    removed: item.flag("removed"),
    truncated: item.flag("truncated"),
    secret: item.flag("secret"),
    change: item.text("change"),
    changes: Object.freeze(item.list("changes").map(String)),
    actor: item.text("actor"),
    principal: principal && { account: principal.text("account"), name: principal.textOrNull("name") },
    device: item.textOrNull("device"),
    deviceTime: item.textOrNull("device_time"),
    serverTime: item.textOrNull("server_time"),
  })
}
