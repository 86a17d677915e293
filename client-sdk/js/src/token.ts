/** Why a token is asked for: the first connection, another try, or one whose token was not taken. */
export type TokenReason = "initial" | "retry" | "expired"

export type GetToken = (request: { reason: TokenReason }) => Promise<string | null>

/** Asks for a token, if anybody has one: `undefined` means that none is used, `null` that nobody is signed in. */
export async function fetchToken(
  getToken: GetToken | undefined,
  reason: TokenReason,
  waitMsMax: number,
): Promise<string | null | undefined> {
  if (!getToken) return undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no token came in time")), waitMsMax)
  })
  try {
    return await Promise.race([getToken({ reason }), late])
  } finally {
    clearTimeout(timer)
  }
}
