/** Virtual time for what waits by promises: a step lets all that is due, and what follows of it, come to rest. */
import { VirtualTimeScheduler } from 'rxjs'

export function virtualClock() {
  const clock = new VirtualTimeScheduler(undefined, Number.POSITIVE_INFINITY)
  clock.maxFrames = 0
  const rest = async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    clock,
    rest,
    /** ms pass, each timer in its turn. */
    async pass(ms: number): Promise<void> {
      const until = clock.frame + ms
      await rest()
      for (;;) {
        const next = clock.actions.reduce(
          (least, { delay }) => Math.min(least, delay),
          Number.POSITIVE_INFINITY,
        )
        if (next > until) break
        clock.maxFrames = next
        clock.flush()
        await rest()
      }
      clock.frame = until
    },
    /** Timers that wait. */
    pending: () => clock.actions.filter(({ closed }) => !closed).length,
  }
}
