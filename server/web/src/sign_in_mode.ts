/** How people sign in at this server: the page asks it once, and remembers the answer. */

import { remember, remembered } from "./remember.js"

/** `elsewhere`: an identity provider, of which this page knows nothing. */
export type SignInMode = "open" | "accounts" | "elsewhere"

const STORED_MODE = "tiebreak-demo-sign-in"

export async function signInMode(): Promise<SignInMode> {
  const known = remembered(STORED_MODE)
  if (known === "open" || known === "accounts") return known
  const mode = await askMode()
  if (mode === null) return "open"
  remember(STORED_MODE, mode)
  return mode
}

/** For a page that is turned away: the server may have been started in another way since. */
export async function reloadIfModeChanged(): Promise<void> {
  const mode = await askMode()
  if (mode === null || mode === remembered(STORED_MODE)) return
  remember(STORED_MODE, mode)
  location.reload()
}

/** An open server lists documents to everybody; of the others, one that keeps no accounts says so. */
async function askMode(): Promise<SignInMode | null> {
  const documents = await statusOf("documents?limit=1")
  if (documents === null) return null
  if (documents !== 401) return "open"
  return (await statusOf("account")) === 404 ? "elsewhere" : "accounts"
}

async function statusOf(path: string): Promise<number | null> {
  try {
    return (await fetch(`/v1/${path}`, { cache: "no-store" })).status
  } catch {
    return null
  }
}
