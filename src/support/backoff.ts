/** Waiting longer after each failure, with jitter, so that many clients don't all knock again at once. */

export interface BackoffOptions {
  /** Milliseconds; 250 by default. */
  readonly first?: number
  /** Milliseconds; 30,000 by default. */
  readonly last?: number
  /** 0 to 1; given in tests. */
  readonly random?: () => number
}

export interface Backoff {
  /** Milliseconds to wait after one more failure: between a half and the whole of `first * 2^failures`. */
  next(): number
  /** After a success. */
  reset(): void
}

export function createBackoff({
  first = 250,
  last = 30_000,
  random = Math.random,
}: BackoffOptions = {}): Backoff {
  let failures = 0
  return {
    next() {
      const whole = Math.min(first * 2 ** failures, last)
      failures = Math.min(failures + 1, 30)
      return Math.round(whole * (0.5 + random() / 2))
    },
    reset() {
      failures = 0
    },
  }
}
