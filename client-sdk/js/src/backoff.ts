export interface BackoffLimits {
  readonly minMs: number
  readonly maxMs: number
}

export const DEFAULT_BACKOFF: BackoffLimits = { minMs: 500, maxMs: 30_000 }

/**
 * How long to wait after `failures` tries in vain. Full jitter, the first wait too: a server that comes back must not
 * meet everybody at once. `random` gives numbers from 0 to below 1.
 */
export function backoffMs(failures: number, { minMs, maxMs }: BackoffLimits, random: () => number): number {
  return Math.round(random() * Math.min(maxMs, minMs * 2 ** failures))
}
