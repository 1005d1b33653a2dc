/** One namespace (or `*`): the list of its services by blocking questions, and the event stream that says which changed. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { createBackoff } from '#support/backoff.ts'
import { registryError } from '../trouble.ts'
import type { Answer, NomadClient } from './api.ts'
import { nameKey } from './book.ts'
import type { History } from './cluster.ts'
import { type Coverage, closed, heard, listed, NOTHING, opened, readAll } from './coverage.ts'
import type { NomadTiming } from './timing.ts'
import { createBucket, createNudge, pause } from './waiting.ts'
import { type Events, parseEvents, parseServiceNames, type ServiceName } from './wire.ts'

export interface ScopeDeps {
  readonly client: NomadClient
  readonly namespace: string
  readonly topics: () => readonly string[]
  readonly clock: SchedulerLike
  readonly random: () => number
  readonly signal: AbortSignal
  readonly timing: NomadTiming
  /** Before the first list, and after an outage, is believed: is it the history that was known? */
  readonly reacquaint: () => Promise<History>
  /** The list: who is new and who is gone is read. */
  readonly names: (names: readonly ServiceName[], index: number) => void
  /** All of the list and all that was known are read. */
  readonly readAll: (names: readonly ServiceName[], index: number) => void
  readonly events: (events: Events) => void
  /** The stream has begun or ended. */
  readonly streaming: (on: boolean, error?: PilotError) => void
  readonly newHistory: () => void
  readonly trouble: (error: PilotError, retryAt: Date) => void
  /** After a list was believed. */
  readonly fine: () => void
}

/** Lists: so many at once after quiet, then one each so many ms. */
const LIST_BURST = 3
const LIST_EVERY = 1000

export interface Scope {
  /** Asks for the list at once. */
  relist(): void
}

export function followScope(deps: ScopeDeps): Scope {
  const { client, namespace, clock, random, signal, timing } = deps
  const nudge = createNudge(signal)
  const backoff = createBackoff({ ...timing.retry, random })
  const bucket = createBucket(clock, LIST_BURST, LIST_EVERY)
  let coverage: Coverage = NOTHING
  let names: readonly ServiceName[] = []
  /** X-Nomad-Index of the last list that was believed. */
  let index = 0
  let doubtedSince: number | undefined
  let grace: Subscription | undefined
  /** A question waits at the server. */
  let waiting = false
  /** The stream has begun; the next list that is asked for says from which index. */
  let opening = false
  signal.addEventListener('abort', () => grace?.unsubscribe(), { once: true })

  async function followList(): Promise<void> {
    /** The list is asked for without an index, so that there is an answer at once. */
    let now = true
    let acquainted = false
    while (!signal.aborted) {
      const interrupt = nudge.signal
      const begins = opening
      waiting = !now && !begins
      const answer = await client.get({
        path: '/v1/services',
        query: { namespace, ...(waiting ? { index } : {}) },
        ...(waiting ? { wait: timing.wait } : {}),
        signal: interrupt,
      })
      if (signal.aborted) return
      waiting = false
      now = true
      if (interrupt.aborted && !answer.ok) continue
      const list = believe(answer)
      const history: History = 'code' in list || acquainted ? 'same' : await deps.reacquaint()
      if (signal.aborted) return
      acquainted = !('code' in list) && typeof history === 'string'
      if ('code' in list || typeof history === 'object') {
        const ms = backoff.next()
        deps.trouble('code' in list ? list : (history as PilotError), new Date(clock.now() + ms))
        await pause(clock, ms, signal)
        continue
      }
      now = false
      backoff.reset()
      if (history === 'new' || list.fresh) forget()
      take(list, begins)
      deps.fine()
      await pause(clock, bucket.take(), signal)
    }
  }

  /** What the answer says, if it is to be believed. */
  function believe(answer: Answer): Believed | PilotError {
    if (!answer.ok) return answer.error
    const where = `${client.place}/v1/services, namespace ${namespace}`
    const found = parseServiceNames(answer.body)
    if (!found) return registryError('PH3005', `${where}: the answer is no list of services.`)
    if (answer.index < 1)
      return found.length === 0
        ? registryError(
            'PH3002',
            `${where}: the token may read no namespace (an empty list without an index).`,
          )
        : registryError('PH3005', `${where}: the answer has no X-Nomad-Index.`)
    if (answer.index >= index) {
      doubtedSince = undefined
      return { names: found, index: answer.index, fresh: false }
    }
    doubtedSince ??= clock.now()
    if (clock.now() - doubtedSince >= timing.doubt) {
      doubtedSince = undefined
      return { names: found, index: answer.index, fresh: true }
    }
    return registryError('PH3006', `${where}: its index went backwards, from ${index} to ${answer.index}.`)
  }

  function forget(): void {
    coverage = { ...NOTHING, streaming: false }
    index = 0
    deps.newHistory()
  }

  function take(list: Believed, begins: boolean): void {
    index = list.index
    names = list.names
    deps.names(names, index)
    const verdict = listed(coverage, index)
    if (begins && opening) {
      opening = false
      if (verdict !== 'covered') all()
      coverage = opened(coverage, index)
    } else if (verdict === 'all') all()
    else if (verdict === 'wait') {
      grace ??= clock.schedule(() => {
        grace = undefined
        if (listed(coverage, index) !== 'covered') all()
      }, timing.grace)
    }
  }
  function all(): void {
    coverage = readAll(coverage, index)
    deps.readAll(names, index)
  }

  async function followStream(): Promise<void> {
    const again = createBackoff({ ...timing.stream, random })
    while (!signal.aborted) {
      const silence = new AbortController()
      let watchdog: Subscription | undefined
      let begun = false
      const hear = (line: string) => {
        if (signal.aborted || silence.signal.aborted) return
        const events = parseEvents(line)
        if (!events) return
        watchdog?.unsubscribe()
        watchdog = clock.schedule(() => silence.abort(), timing.silence)
        if (!begun) {
          begun = true
          again.reset()
          opening = true
          deps.streaming(true)
          nudge.now()
        }
        deps.events(events)
        coverage = heard(coverage, events.index)
      }
      const topic = deps.topics()
      const error = await client.stream({ namespace, topic }, hear, AbortSignal.any([signal, silence.signal]))
      watchdog?.unsubscribe()
      if (signal.aborted) return
      coverage = closed(coverage)
      opening = false
      deps.streaming(false, error)
      // Its end may be the server's: the list will tell.
      if (begun) nudge.now()
      await pause(clock, again.next(), signal)
    }
  }

  void followList()
  void followStream()
  return {
    relist() {
      if (waiting) nudge.now()
    },
  }
}

interface Believed {
  readonly names: readonly ServiceName[]
  readonly index: number
  /** Of a new history. */
  readonly fresh: boolean
}

/** Who is in one list and not in the other. */
export const without = (names: Iterable<string>, list: readonly ServiceName[]): readonly string[] => {
  const keys = new Set(list.map(nameKey))
  return [...names].filter((key) => !keys.has(key))
}
