/** What is said where two devices wrote the same place apart. */

import { html, nothing } from "lit"

export function conflictHint(others: readonly string[], id: string) {
  if (others.length === 0) return nothing
  const values = others.map(other => (other === "" ? "an empty one" : `“${other}”`)).join(" and ")
  return html`
    <p class="conflict" id=${id}>
      <strong>Both changed this.</strong> The other value is ${values}, and is kept. Write once more to settle it.
    </p>
  `
}
