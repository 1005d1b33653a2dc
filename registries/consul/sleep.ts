import type { SchedulerLike } from 'rxjs'

/** Resolves after `ms` of the clock; rejects when the signal is aborted. */
export function sleep(clock: SchedulerLike, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason)
  if (ms <= 0) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(() => {
      signal.removeEventListener('abort', end)
      resolve()
    }, ms)
    const end = () => {
      timer.unsubscribe()
      reject(signal.reason)
    }
    signal.addEventListener('abort', end, { once: true })
  })
}
