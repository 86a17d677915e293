/** The part of a browser's `window` and `document` that tells when the network may be back. */
export interface WakeUpSource {
  readonly window: Pick<EventTarget, "addEventListener" | "removeEventListener">
  readonly document: Pick<EventTarget, "addEventListener" | "removeEventListener"> & { readonly visibilityState: string }
}

/** Calls `wake` when the browser says that it is online, or the page is looked at again. Gives what ends it. */
export function onWakeUp(wake: () => void, source: WakeUpSource | null = browser()): () => void {
  if (!source) return () => {}
  const { window, document } = source
  const whenVisible = () => {
    if (document.visibilityState === "visible") wake()
  }
  window.addEventListener("online", wake)
  document.addEventListener("visibilitychange", whenVisible)
  return () => {
    window.removeEventListener("online", wake)
    document.removeEventListener("visibilitychange", whenVisible)
  }
}

/** Calls `leave` when the page is about to be gone. Gives what ends it. */
export function onPageHide(leave: () => void, source: WakeUpSource | null = browser()): () => void {
  if (!source) return () => {}
  source.window.addEventListener("pagehide", leave)
  return () => source.window.removeEventListener("pagehide", leave)
}

function browser(): WakeUpSource | null {
  return typeof window === "object" && typeof document === "object" ? { window, document } : null
}
