import { TiebreakError } from "../errors.js"
import type { TiebreakErrorCode } from "../errors.js"

const NOT_FOUND = 404
const TOO_MANY_REQUESTS = 429
/** Answers of proxies, too, in front of a server that is away. */
const COMES_BACK = [408, TOO_MANY_REQUESTS, 502, 503, 504, 507]

/** The server's codes, as what a person can do about them. */
const CODES: Readonly<Record<string, TiebreakErrorCode>> = {
  username_taken: "username_taken",
  invalid_username: "invalid_username",
  invalid_password: "invalid_password",
  invalid_name: "invalid_argument",
  invalid_parameter: "invalid_argument",
  malformed_json: "invalid_argument",
  invalid_credentials: "wrong_credentials",
  too_many_attempts: "too_many_attempts",
  session_over: "signed_out",
  signed_out: "signed_out",
  token_expired: "signed_out",
  unauthorized: "signed_out",
  last_owner: "last_owner",
  sole_owner: "last_owner",
  account_not_found: "no_such_account",
  access_denied: "not_allowed",
  origin_not_allowed: "not_allowed",
  host_not_allowed: "not_allowed",
  document_not_found: "not_found",
  document_deleted: "not_found",
  grant_not_found: "not_found",
  device_not_found: "not_found",
  invitation_invalid: "not_found",
  conflict_not_found: "not_found",
  conflict_closed: "conflict_closed",
  conflict_changed: "conflict_changed",
  precondition_failed: "conflict_changed",
  accounts_off: "no_accounts",
}

/** What an answer that is no success means. `problem` is its body, if that is problem details (RFC 9457). */
export function errorOf(status: number, problem: unknown, retryAfter: string | null): TiebreakError {
  const { code, detail } = Object(problem) as { code?: unknown; detail?: unknown }
  const message = typeof detail === "string" ? detail : `the server answered with ${status}`
  const retryAfterS = Number.parseInt(retryAfter ?? "", 10)
  return new TiebreakError(meaningOf(status, code), message, Number.isNaN(retryAfterS) ? {} : { retryAfterS })
}

function meaningOf(status: number, code: unknown): TiebreakErrorCode {
  const known = typeof code === "string" && Object.hasOwn(CODES, code) ? CODES[code] : undefined
  if (known) return known
  if (COMES_BACK.includes(status)) return "busy"
  // Something answers there, but no accounts do.
  return status === NOT_FOUND ? "no_accounts" : "server"
}
