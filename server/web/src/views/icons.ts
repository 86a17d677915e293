/** Line icons, drawn for this page. All are decoration: words stand beside them. */

import { svg, html, type SVGTemplateResult } from "lit"

function icon(lines: SVGTemplateResult) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${lines}</svg>`
}

export const icons = {
  phone: icon(svg`<rect x="7" y="2.5" width="10" height="19" rx="2.5"/><path d="M11 18.5h2"/>`),
  laptop: icon(svg`<rect x="4" y="5" width="16" height="11" rx="1.8"/><path d="M2 19.5h20"/>`),
  add: icon(svg`<path d="M12 5v14M5 12h14"/>`),
  less: icon(svg`<path d="M5 12h14"/>`),
  remove: icon(svg`<path d="M6 6l12 12M18 6L6 18"/>`),
  done: icon(svg`<path d="M5 12.5l4.5 4.5L19 7.5"/>`),
  link: icon(
    svg`<path d="M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7l1-1"/>`,
  ),
  theme: icon(svg`<circle cx="12" cy="12" r="8.5"/><path class="solid" d="M12 3.5a8.5 8.5 0 0 1 0 17z"/>`),
  again: icon(svg`<path d="M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6"/>`),
  cart: icon(
    svg`<path d="M3 4h2.5l2.3 11h9.7l2.3-8H6.4"/><circle cx="9" cy="19" r="1.3"/><circle cx="16.5" cy="19" r="1.3"/>`,
  ),
}
