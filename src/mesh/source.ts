/** A source as the mesh hears it: one that breaks its contract becomes trouble, and is asked again. */
import { concat, defer, type Observable, retry, type SchedulerLike, tap, throwError, timer } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { meshError, reasonOf } from './conflicts.ts'

const FIRST_RETRY = 1_000
const LAST_RETRY = 30_000

/**
 * Never errors and never ends by itself: an error, a throw at subscription and an end call `onBroken` and are followed
 * by another subscription after 1 s, 2 s, ... 30 s.
 */
export const steady = <Update>(
  source: { readonly name: string; readonly updates: Observable<Update> },
  clock: SchedulerLike,
  onBroken: (error: PilotError) => void,
): Observable<Update> => {
  const ended = throwError(() => new Error('its updates ended'))
  return concat(
    defer(() => source.updates),
    ended,
  ).pipe(
    tap({
      error: (reason: unknown) =>
        onBroken(meshError('PH2040', `${source.name} stopped without saying why: ${reasonOf(reason)}.`)),
    }),
    retry({
      delay: (_reason, count) => timer(Math.min(FIRST_RETRY * 2 ** (count - 1), LAST_RETRY), clock),
      resetOnSuccess: true,
    }),
  )
}
