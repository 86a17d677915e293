// The rules of axe, which ask whether everybody can use a page.

import assert from "node:assert/strict"
import fs from "node:fs"
import { createRequire } from "node:module"

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

export const loadRules = page => page.evaluate(axe)

export async function checkRules(page, where) {
  // What fades in is judged once it is there.
  const violations = await page.evaluate(async () => {
    await Promise.allSettled(
      document
        .getAnimations()
        .filter(each => each.effect.getTiming().iterations !== Infinity)
        .map(each => each.finished),
    )
    const { violations } = await globalThis.axe.run()
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.map(node => node.failureSummary + " " + node.html),
    }))
  })
  assert.deepEqual(violations, [], where)
}
