/** Lists that the event stream keeps up to date while it lives: read when it begins; by blocking questions while it can't be had. */
import type { SchedulerLike } from 'rxjs'
import { createBackoff } from '#support/backoff.ts'
import type { Answer, NomadClient, Query } from './api.ts'
import type { NomadTiming } from './timing.ts'
import { createBucket, createNudge, pause } from './waiting.ts'

export interface StatesDeps {
  readonly client: NomadClient
  readonly path: string
  readonly query: Query
  readonly clock: SchedulerLike
  readonly random: () => number
  readonly signal: AbortSignal
  readonly timing: NomadTiming
  /** false: it was not understood. */
  readonly take: (body: unknown, index: number) => boolean | Promise<boolean>
  readonly refused: (answer: Extract<Answer, { ok: false }>) => void
}

export interface States {
  /** The stream has begun: what it says is complete from now on. Or it has ended. */
  streaming(on: boolean): void
}

/** Without the stream, a list that changes all the time is read this often, ms. */
const EVERY = 2000
/** Who may not read, or is not understood, asks again this late, ms: rights are seldom given while one waits. */
const REFUSED = 60_000

export function followStates(deps: StatesDeps): States {
  const { client, path, query, clock, random, signal, timing, take, refused } = deps
  const nudge = createNudge(signal)
  const backoff = createBackoff({ ...timing.retry, random })
  const bucket = createBucket(clock, 2, EVERY)
  let streams = false

  async function follow(): Promise<void> {
    let index = 0
    while (!signal.aborted) {
      const interrupt = nudge.signal
      const blocking = index > 0 && !streams
      const answer = await client.get({
        path,
        query: blocking ? { ...query, index } : query,
        ...(blocking ? { wait: timing.wait } : {}),
        signal: interrupt,
      })
      if (signal.aborted) return
      if (interrupt.aborted) {
        index = 0
        continue
      }
      if (!answer.ok || answer.index < 1 || !(await take(answer.body, answer.index))) {
        index = 0
        if (!answer.ok) refused(answer)
        await pause(clock, isRefusal(answer) ? REFUSED : backoff.next(), interrupt)
        continue
      }
      backoff.reset()
      index = answer.index
      if (streams) await untilAborted(interrupt)
      else await pause(clock, bucket.take(), interrupt)
      if (interrupt.aborted) index = 0
    }
  }
  void follow()
  return {
    streaming(on) {
      streams = on
      nudge.now()
    },
  }
}

const isRefusal = (answer: Answer): boolean =>
  !answer.ok &&
  answer.status !== undefined &&
  answer.status >= 400 &&
  answer.status < 500 &&
  answer.status !== 429

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
