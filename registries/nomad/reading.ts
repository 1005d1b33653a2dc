/** Reads services by name: each once at a time, a bounded number at once, again where it failed. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import type { Backoff } from '#support/backoff.ts'
import { registryError } from '../trouble.ts'
import type { Answer } from './api.ts'
import type { NameKey } from './book.ts'
import { type Parsed, parseRegistrations, type Registration } from './wire.ts'

export interface ReadingDeps {
  readonly ask: (key: NameKey) => Promise<Answer>
  /** `again`: the last answer was a failure. */
  readonly read: (key: NameKey, registrations: Parsed<Registration>, again: boolean) => void
  /** It is asked again by itself. */
  readonly failed: (key: NameKey, error: PilotError, retryAt: Date) => void
  /** Each wish has been answered, or has failed at least once. */
  readonly idle: () => void
  readonly backoff: Backoff
  readonly clock: SchedulerLike
  /** Questions at once. */
  readonly limit: number
}

export interface Reading {
  /** An answer from before `atLeast` (X-Nomad-Index) is not taken. */
  want(key: NameKey, atLeast: number): void
  /** Nothing is read or waits, but perhaps for a second try. */
  idle(): boolean
  /** The last answer on some name was a failure. */
  failing(): boolean
  /** Who waits for a second try is asked now. */
  retryNow(): void
  /** A new history: indexes so far, and what has been asked, are of no account. */
  anew(): void
  stop(): void
}

export function createReading({ ask, read, failed, idle, backoff, clock, limit }: ReadingDeps): Reading {
  /** What is wanted, from which index on. */
  const wanted = new Map<NameKey, number>()
  const running = new Set<NameKey>()
  const later = new Map<NameKey, number>()
  const failing = new Set<NameKey>()
  let timer: Subscription | undefined
  let stopped = false
  /** What was asked in an earlier one is of no account. */
  let history = 0

  function start(): void {
    if (stopped) return
    for (const [key, atLeast] of wanted) {
      if (running.size >= limit) return
      if (running.has(key)) continue
      wanted.delete(key)
      running.add(key)
      void run(key, atLeast)
    }
  }

  async function run(key: NameKey, atLeast: number): Promise<void> {
    const asked = history
    const answer = await ask(key)
    running.delete(key)
    if (stopped) return
    if (asked !== history) {
      if (!wanted.has(key)) wanted.set(key, 0)
      return proceed()
    }
    const found = understood(answer, atLeast)
    if ('values' in found) {
      backoff.reset()
      later.delete(key)
      // Who was wanted anew in the meantime has been answered, where the answer is new enough.
      if (answer.ok && answer.index >= (wanted.get(key) ?? 0)) wanted.delete(key)
      read(key, found, failing.delete(key))
    } else {
      failing.add(key)
      // Who was wanted anew in the meantime is so once.
      later.set(key, Math.max(atLeast, wanted.get(key) ?? 0))
      wanted.delete(key)
      if (found.code === 'PH3001') postpone()
      failed(key, found, retry())
    }
    proceed()
  }
  function proceed(): void {
    start()
    if (isIdle()) idle()
  }

  /** Who can't be reached by one question can't by the next. */
  function postpone(): void {
    for (const [key, atLeast] of wanted) later.set(key, Math.max(atLeast, later.get(key) ?? 0))
    wanted.clear()
  }

  let retryAt = 0
  function retry(): Date {
    if (!timer) {
      const wait = backoff.next()
      retryAt = clock.now() + wait
      timer = clock.schedule(retryNow, wait)
    }
    return new Date(retryAt)
  }
  function retryNow(): void {
    timer?.unsubscribe()
    timer = undefined
    for (const [key, atLeast] of later) wanted.set(key, Math.max(atLeast, wanted.get(key) ?? 0))
    later.clear()
    start()
  }
  const isIdle = () => wanted.size === 0 && running.size === 0

  return {
    want(key, atLeast) {
      later.delete(key)
      wanted.set(key, Math.max(atLeast, wanted.get(key) ?? 0))
      start()
    },
    idle: isIdle,
    failing: () => failing.size > 0,
    retryNow,
    anew() {
      history++
      for (const map of [wanted, later]) for (const key of map.keys()) map.set(key, 0)
    },
    stop() {
      stopped = true
      timer?.unsubscribe()
    },
  }
}

function understood(answer: Answer, atLeast: number): Parsed<Registration> | PilotError {
  if (!answer.ok) return answer.error
  if (answer.index < Math.max(1, atLeast))
    return registryError('PH3006', `The answer is of index ${answer.index}, from before ${atLeast}.`)
  return (
    parseRegistrations(answer.body) ??
    registryError('PH3005', 'The registrations of a service are no list, as /v1/service/:name would have it.')
  )
}
