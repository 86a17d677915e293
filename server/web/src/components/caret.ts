/** Shows a text that others edit as well without moving the caret of whoever is writing in it. */

type TextInput = HTMLInputElement | HTMLTextAreaElement

export function showText(input: TextInput, text: string): void {
  const before = input.value
  if (before === text) return
  const { selectionStart: start, selectionEnd: end } = input
  const hasCaret = document.activeElement === input && start !== null && end !== null
  input.value = text
  if (hasCaret) input.setSelectionRange(moved(start, before, text), moved(end, before, text))
}

/** Where a position in one text is in the text that came after it. */
export function moved(position: number, before: string, after: string): number {
  const shorter = Math.min(before.length, after.length)
  let prefix = 0
  while (prefix < shorter && before[prefix] === after[prefix]) prefix += 1
  let suffix = 0
  while (suffix < shorter - prefix && before.at(-1 - suffix) === after.at(-1 - suffix)) suffix += 1
  if (position <= prefix) return position
  if (position >= before.length - suffix) return position + after.length - before.length
  return Math.min(position, after.length - suffix)
}
