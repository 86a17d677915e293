import type { DocumentId } from "@automerge/automerge-repo/slim"

export type TiebreakErrorCode =
  | "aborted" // the caller's signal
  | "busy" // the server has no time for it now: try again, after `retryAfterS` if that is there
  | "closed" // this Tiebreak was closed
  | "conflict_changed" // a side came or went since it was read: look at it again
  | "conflict_closed" // somebody has settled it already
  | "deleted" // the document was deleted on this device
  | "exposed_token" // a token would travel over ws:// to another machine
  | "invalid_argument" // the server does not take what was given; the message says why
  | "invalid_id" // not a document's id or URL
  | "invalid_password" // no account may have it
  | "invalid_url"
  | "invalid_username" // no account may have it
  | "last_owner" // others would be left with a document that nobody owns
  | "no_accounts" // the server keeps none
  | "no_such_account"
  | "not_allowed" // the account's role does not allow it
  | "not_found" // the server was asked, and neither it nor this device has it
  | "offline" // it is not on this device, and the server could not be asked
  | "refused" // the server does not take a change, or does not give a document
  | "rejected" // the server told this device not to come back unchanged
  | "server" // the server's mistake, or no Tiebreak server
  | "signed_out" // this device's session is over: sign in again
  | "storage" // this device cannot store or read something
  | "timeout"
  | "too_many_attempts" // of guessing a password: try again after `retryAfterS`
  | "unauthorized" // signed out, or the token was not taken
  | "username_taken" // by another account, or the name looks like another account's
  | "wasm_missing" // automerge was not initialized
  | "websocket_missing" // this platform has none, and none was given
  | "wrong_credentials" // no account has this name and this password

/** What a call of this package fails with. */
export class TiebreakError extends Error {
  override readonly name = "TiebreakError"
  readonly code: TiebreakErrorCode
  /** Seconds after which the server takes another try, if it said so. */
  readonly retryAfterS: number | undefined

  constructor(code: TiebreakErrorCode, message: string, options: ErrorOptions & { retryAfterS?: number } = {}) {
    super(message, options)
    this.code = code
    this.retryAfterS = options.retryAfterS
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

export function hasCode(error: unknown, ...codes: TiebreakErrorCode[]): boolean {
  return error instanceof TiebreakError && codes.includes(error.code)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function deleted(id: DocumentId): TiebreakError {
  return new TiebreakError("deleted", `document ${id} was deleted on this device: undelete lets it come back`)
}
