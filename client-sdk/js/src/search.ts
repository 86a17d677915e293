import type { DocHandle, DocumentId } from "@automerge/automerge-repo/slim"
import { TiebreakError } from "./errors.js"
import { isStopped } from "./status.js"
import type { ConnectionState, SyncStatus } from "./status.js"
import type { Verdict, WaitOptions } from "./wait.js"

/** How long a search waits until the server is reached and has said whether it has the document. */
export const FIND_MS = 15_000
/** How long the server may take to send a document that it has. */
const ANSWER_MS_MAX = 60_000

/** What the server has said of a document on this connection. */
export type ServerAnswer = "none yet" | "has it" | "has nothing"

/** How far the search for a document has got. */
export type Standing = "here" | "asking" | "coming" | "nowhere" | "offline"

export function standingOf(handle: DocHandle<unknown>, state: ConnectionState, answer: ServerAnswer): Standing {
  if (handle.isReady()) return "here"
  // What is stored on this device is still being looked through.
  if (!handle.inState(["requesting", "unavailable"])) return "asking"
  if (isStopped(state)) return "offline"
  if (state.kind !== "connected" || answer === "none yet") return "asking"
  return answer === "has it" ? "coming" : "nowhere"
}

export interface Search {
  readonly documentId: DocumentId
  readonly findMs: number
  readonly signal: AbortSignal | undefined
  /** How far it has got, or why it is in vain. */
  standing(): Standing | TiebreakError
  /** Waits for a verdict, which is asked for whenever anything has happened. */
  wait(judge: () => Verdict, options: WaitOptions): Promise<SyncStatus>
}

/** Resolves when the document is here. `not_found` means that the server was asked and has nothing. */
export async function untilFound(search: Search): Promise<void> {
  let standing = await after("asking", search, search.findMs)
  if (standing === "coming") standing = await after("coming", search, ANSWER_MS_MAX)
  const { documentId, findMs } = search
  switch (standing) {
    case "here":
      return
    case "nowhere":
      throw new TiebreakError("not_found", `document ${documentId} is neither on this device nor on the server`)
    case "coming":
      throw new TiebreakError("timeout", `the server did not send document ${documentId} within ${ANSWER_MS_MAX} ms`)
    case "asking":
      throw offline(documentId, `no answer within ${findMs} ms`)
    case "offline":
      throw offline(documentId, "this device is not connected")
  }
}

/** What comes after this standing, or the same if it lasts too long. */
async function after(present: Standing, { signal, standing, wait }: Search, timeoutMs: number): Promise<Standing> {
  let last = present
  const judge = () => {
    const now = standing()
    if (now instanceof TiebreakError) return now
    last = now
    return now === present ? "not yet" : "reached"
  }
  await wait(judge, { timeoutMs, ...(signal && { signal }) }).catch(error => {
    if (!(error instanceof TiebreakError) || error.code !== "timeout") throw error
  })
  return last
}

function offline(documentId: DocumentId, why: string): TiebreakError {
  return new TiebreakError("offline", `document ${documentId} is not on this device, and the server could not be asked: ${why}`)
}
