/** What two devices wrote apart into the same place. */

import { getConflicts, type Doc } from "@automerge/automerge/slim"

/** The values that lost against the one which the document shows, without those that say the same. */
export function otherValues<T extends object>(object: T | undefined, key: keyof T & string): string[] {
  const candidates = object && getConflicts(object as Doc<T>, key)
  if (!candidates) return []
  const shown = String(object[key])
  const others = Object.values(candidates).map(String)
  return [...new Set(others)].filter(other => other !== shown)
}
