/** What each field is called: on its form, in the history, and when it is announced. */

import { CATALOGUE, type Kind } from "./documents.js"

export const LABELS = {
  profile: { display_name: "Display name", bio: "About", units: "Units", birthday: "Birthday" },
  cart: { lines: "Cart", note: "Note", qty: "Quantity" },
  group: {
    name: "Group name",
    description: "Description",
    nicknames: "Nicknames",
    events: "Events",
    title: "Title",
    at: "Date",
    place: "Place",
  },
} as const

/** In the middle of a sentence. */
export function inSentence(label: string): string {
  return label.charAt(0).toLowerCase() + label.slice(1)
}

/** Where in a document something is, as in "Events: Title". */
export function placeWords(kind: Kind, path: string): string {
  const [part, key, ...inside] = path.split("/")
  const labels: Record<string, string> = LABELS[kind]
  const product = part === "lines" ? CATALOGUE.find(({ sku }) => sku === key)?.title : undefined
  const names = [product ?? labels[part ?? ""], ...inside.map(name => labels[name])]
  return names.filter(name => name !== undefined).join(": ")
}
