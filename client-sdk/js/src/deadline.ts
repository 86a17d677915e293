/**
 * Waits for work, but not longer than this: then its signal is aborted, and the wait fails with `late()` whether or not
 * the work heeds the signal.
 */
export async function within<T>(
  msMax: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  const abort = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late())
      abort.abort()
    }, msMax)
  })
  try {
    return await Promise.race([work(abort.signal), deadline])
  } finally {
    clearTimeout(timer)
  }
}
