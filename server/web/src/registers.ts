/** Values that are written whole. */

import { register, type Register } from "./documents.js"

/** What is shown already is written no second time: another device may have written something else meanwhile. */
export function writeRegister<K extends string>(object: { [P in K]?: Register }, key: K, text: string): void {
  if (String(object[key] ?? "") !== text) object[key] = register(text)
}

/** The same where nothing stands for the empty text. */
export function writeOrRemove<K extends string>(object: { [P in K]?: Register }, key: K, text: string): void {
  if (text === "") delete object[key]
  else writeRegister(object, key, text)
}
