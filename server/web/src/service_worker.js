// Keeps the page itself in the browser, so that it opens while its server is away. The build puts two constants before
// this: VERSION, which changes with the page, and FILES, whose names change with their content.

const OURS = "tiebreak-demo-page-"
const CACHE = OURS + VERSION
const INDEX = new URL("./", self.location.href).href
const kept = new Set(FILES.map(name => new URL(name, INDEX).href))

/** A server that does not answer within this time is taken for one that is away. */
const ANSWER_MS_MAX = 4_000

self.addEventListener("install", event => {
  // A page loads all its files when it opens: it does not miss the ones of its version.
  event.waitUntil(keep().then(() => self.skipWaiting()))
})

self.addEventListener("activate", event => {
  event.waitUntil(forget(name => name !== CACHE).then(() => self.clients.claim()))
})

self.addEventListener("fetch", event => {
  const { method, mode, url } = event.request
  if (method !== "GET") return
  if (mode === "navigate" && url.split(/[?#]/)[0] === INDEX) event.respondWith(index())
  else if (kept.has(url)) event.respondWith(file(event.request))
})

async function keep() {
  const cache = await caches.open(CACHE)
  // The index is the one that belongs to these files; those come from what the browser has just loaded.
  await cache.addAll([new Request(INDEX, { cache: "no-cache" }), ...kept])
}

/** The server's, which may be newer; the kept one while it is away. */
async function index() {
  const answer = await fetch(INDEX, { cache: "no-cache", signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(() => null)
  if (answer?.status === 404) await leave()
  if (answer && answer.status < 500) return answer
  return (await find(INDEX)) ?? answer ?? Response.error()
}

async function file(request) {
  return (await find(request)) ?? fetch(request)
}

async function find(request) {
  const cache = await caches.open(CACHE)
  return cache.match(request, { ignoreVary: true })
}

/** The server shows no demo: nothing of it stays. */
async function leave() {
  await self.registration.unregister()
  await forget(() => true)
}

async function forget(isOver) {
  const ours = (await caches.keys()).filter(name => name.startsWith(OURS))
  await Promise.all(ours.filter(isOver).map(name => caches.delete(name)))
}
