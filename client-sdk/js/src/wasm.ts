import { Automerge } from "@automerge/automerge-repo/slim"
import { TiebreakError } from "./errors.js"

/** The most common cause, and one that looks as if it could not be. */
const WASM_MISSING =
  'automerge is not initialized: import "@automerge/automerge-repo", or await initializeWasm of ' +
  '"@automerge/automerge-repo/slim", before this. If that was done, there are two copies of automerge-repo, and it was ' +
  "done to the other: `npm ls @automerge/automerge-repo` must show one"

export function mustBeInitialized(): void {
  if (!Automerge.isWasmInitialized()) throw new TiebreakError("wasm_missing", WASM_MISSING)
}
