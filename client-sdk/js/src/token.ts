/** Why a token is asked for: the first connection, another try, or a token that was not taken or runs out. */
export type TokenReason = "initial" | "retry" | "expired"

export type GetToken = (request: { reason: TokenReason }) => Promise<string | null>

/** Asks for a token, if anybody has one: `undefined` means that none is used, `null` that nobody is signed in. */
export async function fetchToken(
  getToken: GetToken | undefined,
  reason: TokenReason,
  waitMsMax: number,
  signal?: AbortSignal,
): Promise<string | null | undefined> {
  if (!getToken) return undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no token came in time")), waitMsMax)
    // Whoever does not want it any more must not keep a process from ending.
    signal?.addEventListener("abort", () => reject(new Error("the token is not wanted any more")))
  })
  try {
    // An app without types may give nothing at all: that is no token either, and not a wish to come without.
    return (await Promise.race([getToken({ reason }), late])) ?? null
  } finally {
    clearTimeout(timer)
  }
}
