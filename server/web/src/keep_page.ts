/** The page itself, kept in this browser: it opens while its server is away. */

export function keepPage(): void {
  // Browsers have this for secure contexts only. A page that is being developed changes too often.
  if (import.meta.env.DEV || !("serviceWorker" in navigator)) return
  // Where the browser forbids it, the page works as long as there is a server to load it from.
  navigator.serviceWorker.register("./sw.js").catch(() => undefined)
}

/** For a page whose files are broken: the next load asks the server for all of them. */
export async function forgetPage(): Promise<void> {
  if (!("serviceWorker" in navigator)) return
  const kept = await navigator.serviceWorker.getRegistration("./")
  await kept?.unregister()
  for (const name of await caches.keys()) if (name.startsWith("tiebreak-demo-page-")) await caches.delete(name)
}
