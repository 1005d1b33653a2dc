/**
 * One blocking query after the other on one path, with Consul's rules for clients
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking): an index that goes backwards is a reset, none is
 * below 1, a return is no proof of change, churn is paced, failures are retried later and later.
 */
import type { SchedulerLike } from 'rxjs'
import { createBackoff } from '#support/backoff.ts'
import { registryError } from '../trouble.ts'
import { type ConsulAnswer, type ConsulClient, ConsulFailure } from './answer.ts'
import { asFailure } from './failures.ts'
import { sleep } from './sleep.ts'

export interface WatchTiming {
  /** How long a query may block, ms; Consul adds up to a sixteenth, we take up to a tenth away. */
  readonly wait: number
  /** Until an answer that doesn't block counts as lost, ms. */
  readonly timeout: number
  /** Back-off after failures, ms. */
  readonly retry: { readonly first: number; readonly last: number }
}

/**
 * A minute: a server that hangs is noticed after it, and connections that are idle for longer are cut by many proxies.
 * The bound of the back-off is how late an end of an outage may be noticed.
 */
export const defaultTiming: WatchTiming = {
  wait: 55_000,
  timeout: 15_000,
  retry: { first: 250, last: 10_000 },
}

export interface WatchDeps {
  readonly client: ConsulClient
  readonly clock: SchedulerLike
  readonly random: () => number
  readonly timing: WatchTiming
}

export interface WatchOptions {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** ms between two questions under churn; the first ones after quiet don't wait. */
  gap(): number
  /** `reset`: the index went backwards, also as the leader says it. What it throws or rejects with counts as a failure of the answer. */
  onAnswer(answer: Answer, reset: boolean): Promise<void> | void
  onFailure(failure: ConsulFailure, retryAt: Date): void
}

/** An answer with an index. */
export type Answer = ConsulAnswer & { readonly index: number }

export interface Watch {
  stop(): void
  /** Ends a back-off. */
  kick(): void
  /** Forgets the index and asks at once. */
  restart(): void
}

export function watch(options: WatchOptions, { client, clock, random, timing }: WatchDeps): Watch {
  const backoff = createBackoff({ ...timing.retry, random })
  const bucket = createBucket(clock)
  let stopped = false
  let round = new AbortController()
  let resting = false
  /** The index to wait for; 0 asks at once. */
  let index = 0
  /** The highest index of this history. */
  let last = 0

  async function ask(signal: AbortSignal): Promise<void> {
    await sleep(clock, bucket.take(options.gap()), signal)
    const wait = Math.round(timing.wait * (1 - random() / 10))
    const blocking = index > 0
    const get = async (query: Readonly<Record<string, string>>, timeout: number) => {
      const answer = await client.get({ path: options.path, query, timeout, signal })
      signal.throwIfAborted()
      return checked(answer, options.path)
    }
    let whole = blocking
      ? await get(
          { ...options.query, index: String(index), wait: `${wait}ms` },
          timing.timeout + wait * (17 / 16),
        )
      : await get(consistent(options.query), timing.timeout)
    if (blocking && whole.index < last) whole = await get(consistent(options.query), timing.timeout)
    const reset = whole.index < last
    await options.onAnswer(whole, reset)
    signal.throwIfAborted()
    last = whole.index
    index = reset ? 0 : Math.max(1, whole.index)
    backoff.reset()
  }

  async function rest(failure: ConsulFailure, signal: AbortSignal): Promise<void> {
    const wait = backoff.next()
    // After an outage the end of it must be heard, not the next change.
    index = 0
    options.onFailure(failure, new Date(clock.now() + wait))
    resting = true
    await sleep(clock, wait, signal).catch(() => undefined)
    resting = false
  }

  async function run(): Promise<void> {
    while (!stopped) {
      const { signal } = round
      try {
        await ask(signal)
      } catch (error) {
        if (!signal.aborted) await rest(asFailure(error, options.path), signal)
        if (signal.aborted && !stopped) round = new AbortController()
      }
    }
  }
  void run()

  return {
    stop() {
      stopped = true
      round.abort()
    },
    kick() {
      if (resting) round.abort()
    },
    restart() {
      index = 0
      last = 0
      round.abort()
    },
  }
}

/**
 * Asks a leader that is sure to be one and has read its log to the end. By default also one answers that was elected a
 * moment ago and is still reading it (Consul 1.22: without a word of it, at old indexes), and with `stale` any server.
 * https://developer.hashicorp.com/consul/api-docs/features/consistency
 */
export function consistent({ stale: _, ...query }: Readonly<Record<string, string>>): Record<string, string> {
  return { ...query, consistent: '' }
}

/** Only an answer of a server that has a leader, with an index, is believed. */
export function checked(answer: ConsulAnswer, path: string): Answer {
  if (!answer.knownLeader)
    throw new ConsulFailure(registryError('PH3004', `Consul has no leader; ${path} may be old.`))
  const { index } = answer
  if (index === undefined)
    throw new ConsulFailure(
      registryError('PH3005', `The answer to ${path} has no X-Consul-Index; is this a Consul agent?`),
    )
  return { ...answer, index }
}

/** A few at once, then one each `gap` ms. */
function createBucket(clock: SchedulerLike, burst = 3) {
  let tokens = burst
  let at = clock.now()
  return {
    /** ms to wait for the one that is taken. */
    take(gap: number): number {
      const now = clock.now()
      tokens = Math.min(burst, tokens + (gap > 0 ? (now - at) / gap : burst)) - 1
      at = now
      return tokens >= 0 ? 0 : Math.ceil(-tokens * gap)
    },
  }
}
