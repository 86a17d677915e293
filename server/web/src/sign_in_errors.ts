/** Which field an error is about, and what to do about it. */

import { TiebreakError } from "@tiebreak/client"

export interface FieldError {
  field: "username" | "password" | "form"
  message: string
}

export function fieldErrorOf(error: unknown): FieldError {
  if (!(error instanceof TiebreakError)) return { field: "form", message: String(error) }
  const { code, message } = error
  if (code === "username_taken" || code === "invalid_username") return { field: "username", message: sentence(message) }
  if (code === "invalid_password") return { field: "password", message: sentence(message) }
  if (code === "wrong_credentials") {
    return { field: "password", message: "No account has this username and this password. Type them again." }
  }
  if (code === "too_many_attempts") return { field: "password", message: `${sentence(message)} ${later(error)}` }
  if (code === "offline") return { field: "form", message: sentence(message.startsWith("no answer") ? "the server is not there: try again when it is back" : message) }
  return { field: "form", message: sentence(message) }
}

function later({ retryAfterS }: TiebreakError): string {
  return retryAfterS === undefined ? "Try again later." : `Try again in ${retryAfterS} s.`
}

/** The client's messages are parts of sentences. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
