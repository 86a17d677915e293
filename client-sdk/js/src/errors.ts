import type { DocumentId } from "@automerge/automerge-repo/slim"

export type TiebreakErrorCode =
  | "aborted" // the caller's signal
  | "closed" // this Tiebreak was closed
  | "deleted" // the document was deleted on this device
  | "exposed_token" // a token would travel over ws:// to another machine
  | "invalid_id" // not a document's id or URL
  | "invalid_url"
  | "not_found" // the server was asked, and neither it nor this device has the document
  | "offline" // the document is not on this device, and the server could not be asked
  | "refused" // the server does not take a change, or does not give a document
  | "rejected" // the server told this device not to come back unchanged
  | "storage" // this device cannot store or read something
  | "timeout"
  | "unauthorized" // signed out, or the token was not taken
  | "wasm_missing" // automerge was not initialized
  | "websocket_missing" // this platform has none, and none was given

/** What a call of this package fails with. */
export class TiebreakError extends Error {
  override readonly name = "TiebreakError"
  readonly code: TiebreakErrorCode

  constructor(code: TiebreakErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The last thing that went wrong while syncing: `connection`, `token`, `storage`, or the code of a refusal. */
export interface SyncError {
  readonly code: string
  readonly message: string
  readonly documentId?: DocumentId
}

/** A change that the server did not take. It stays on this device and counts as pending. */
export interface RefusedChange {
  readonly documentId: DocumentId
  /** The hash of the change, if the server named it. */
  readonly change?: string
  /** A stable code, as `change_too_large`. */
  readonly code: string
  /** Words that a person can act on. */
  readonly detail: string
}

/** Waits, and fails with this code whatever goes wrong. */
export async function failingAs<T>(code: TiebreakErrorCode, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw cause instanceof TiebreakError ? cause : new TiebreakError(code, messageOf(cause), { cause })
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
