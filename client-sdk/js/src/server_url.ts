import { TiebreakError } from "./errors.js"

/** The address of a server, as in `wss://host/automerge`. */
export function parseServerUrl(text: string | URL): URL {
  const url = parse(text)
  if (url.protocol === "ws:" || url.protocol === "wss:") return url
  throw new TiebreakError("invalid_url", `${url.protocol} is not ws: or wss:`)
}

/** The address of a server's HTTP interface, as in `https://host`, with a slash at its end. */
export function parseHttpUrl(text: string | URL): URL {
  const url = parse(text)
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TiebreakError("invalid_url", `${url.protocol} is not http: or https:`)
  }
  return new URL(url.pathname.replace(/\/*$/, "/"), url.origin)
}

/** The HTTP interface of the server whose WebSockets are there: `https://host/` for `wss://host/automerge`. */
export function httpUrlOf(text: string | URL): string {
  return new URL(".", parseServerUrl(text)).href.replace(/^ws/, "http")
}

/** Whether what is sent there can be read on the way. */
export function isExposed({ protocol, hostname }: URL): boolean {
  // The parser writes every way to spell a loopback address as one of these.
  const isHere = hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  return (protocol === "ws:" || protocol === "http:") && !isHere
}

function parse(text: string | URL): URL {
  try {
    return new URL(text)
  } catch (cause) {
    throw new TiebreakError("invalid_url", `${text} is not a URL`, { cause })
  }
}
