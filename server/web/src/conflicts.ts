/** What two devices wrote apart into the same place. */

import { getConflicts, type Doc } from "@automerge/automerge/slim"
import { register, type Register } from "./documents.js"

/** The values that lost against the one which the document shows, without those that say the same. */
export function otherValues<T extends object>(object: T | undefined, key: keyof T & string): string[] {
  const candidates = object && getConflicts(object as Doc<T>, key)
  if (!candidates) return []
  const shown = String(object[key])
  const others = Object.values(candidates).map(String)
  return [...new Set(others)].filter(other => other !== shown)
}

/** Makes `text` the only value. The library takes writing what is shown for no change, and would keep the others. */
export function writeRegister<K extends string>(object: Record<K, Register>, key: K, text: string): void {
  if (String(object[key]) === text) delete (object as Partial<Record<K, Register>>)[key]
  object[key] = register(text)
}
