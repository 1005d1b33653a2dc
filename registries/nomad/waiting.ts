/** Waiting, by the clock that is given. */
import type { SchedulerLike } from 'rxjs'

/** Resolves after `ms`, or when the signal is aborted. */
export function pause(clock: SchedulerLike, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) return resolve()
    const timer = clock.schedule(() => {
      signal.removeEventListener('abort', end)
      resolve()
    }, ms)
    function end() {
      timer.unsubscribe()
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
  })
}

/** A wish that interrupts whoever waits on the signal. */
export interface Nudge {
  readonly signal: AbortSignal
  /** Interrupts; the next `signal` is a fresh one. */
  now(): void
}

/** Each signal also ends with `outer`. */
export function createNudge(outer: AbortSignal): Nudge {
  let own = new AbortController()
  let signal = AbortSignal.any([outer, own.signal])
  return {
    get signal() {
      return signal
    },
    now() {
      const before = own
      own = new AbortController()
      signal = AbortSignal.any([outer, own.signal])
      before.abort()
    },
  }
}

/** Tokens that come back one each `ms`, `burst` at most: what may be done at once after quiet, and how often under churn. */
export function createBucket(clock: SchedulerLike, burst: number, ms: number) {
  let tokens = burst
  let last = clock.now()
  return {
    /** Takes one; ms until it may be used. */
    take(): number {
      const now = clock.now()
      tokens = Math.min(burst, tokens + (now - last) / ms)
      last = now
      tokens--
      return tokens >= 0 ? 0 : Math.ceil(-tokens * ms)
    },
  }
}
