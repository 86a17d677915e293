/** Light, dark, or as the system has it. */

import { forget, remember, remembered } from "./remember.js"

export const THEMES = ["auto", "light", "dark"] as const
export type Theme = (typeof THEMES)[number]

const STORED_THEME = "tiebreak-demo-theme"

export function theme(): Theme {
  return THEMES.find(name => name === remembered(STORED_THEME)) ?? "auto"
}

export function setTheme(theme: Theme): void {
  if (theme === "auto") forget(STORED_THEME)
  else remember(STORED_THEME, theme)
  applyTheme()
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme()
}
