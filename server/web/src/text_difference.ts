/** What of a text is not in another one, word by word. */

export interface Part {
  text: string
  isNew: boolean
}

/** Longer texts are shown without their differences: comparing takes time for each word by each word. */
const WORDS_MAX = 400

/** The text in parts; `isNew` are those that are not in `before`, by a longest common subsequence of words. */
export function differences(before: string, text: string): Part[] {
  const [old, now] = [wordsOf(before), wordsOf(text)]
  if (before === "" || old.length > WORDS_MAX || now.length > WORDS_MAX) return [{ text, isNew: false }]
  const common = commonLengths(old, now)
  const parts: Part[] = []
  const add = (word: string, isNew: boolean) => {
    const last = parts.at(-1)
    const isSpace = word.trim() === ""
    if (last && (last.isNew === isNew || (isSpace && !last.isNew))) last.text += word
    else parts.push({ text: word, isNew })
  }
  let at = 0
  for (const [position, word] of now.entries()) {
    while (at < old.length && old[at] !== word && common[at + 1]![position]! >= common[at]![position + 1]!) at += 1
    const isKept = at < old.length && old[at] === word
    if (isKept) at += 1
    add(word, !isKept)
  }
  return parts
}

/** Words, and the spaces between them. */
function wordsOf(text: string): string[] {
  return text.match(/\S+|\s+/g) ?? []
}

/** For each pair of positions, how many words from there on both have in the same order. */
function commonLengths(old: readonly string[], now: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(now.length + 1).fill(0))
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const [row, below] = [lengths[i]!, lengths[i + 1]!]
      row[j] = old[i] === now[j] ? below[j + 1]! + 1 : Math.max(below[j]!, row[j + 1]!)
    }
  }
  return lengths
}
