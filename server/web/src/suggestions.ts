/** What the page proposes to people who have no account yet. */

/** Neither 0 nor 1: they are read as letters. */
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"

const NAMES = { first: "Ann", second: "Bob" } as const

export interface Suggestion {
  displayName: string
  username: string
  password: string
}

export function suggestionFor(slot: keyof typeof NAMES): Suggestion {
  const displayName = NAMES[slot]
  const groups = [1, 2, 3, 4].map(() => letters(4))
  return { displayName, username: `${displayName.toLowerCase()}-${letters(4)}`, password: groups.join("-") }
}

function letters(count: number): string {
  const numbers = crypto.getRandomValues(new Uint8Array(count))
  return [...numbers].map(number => LETTERS[number % LETTERS.length]).join("")
}
