/** Time for tests of an Eureka registry. */
import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs'

/** Real time that counts what is still to come. */
export function countingClock(): { clock: SchedulerLike; pending: () => number } {
  const open = new Set<Subscription>()
  const clock: SchedulerLike = {
    now: () => asyncScheduler.now(),
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T) {
      const action = asyncScheduler.schedule<T>(
        function (given) {
          open.delete(action)
          work.call(this, given)
        },
        delay,
        state,
      )
      open.add(action)
      action.add(() => open.delete(action))
      return action
    },
  }
  return { clock, pending: () => open.size }
}
