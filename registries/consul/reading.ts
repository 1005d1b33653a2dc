/** Reads single services, a bounded number at once, and says what they hold. */
import type { SchedulerLike, Subscription } from 'rxjs'
import { createBackoff } from '#support/backoff.ts'
import type { Logger } from '#support/logger.ts'
import type { ConsulFailure } from './answer.ts'
import { asFailure, notBelieved, notUnderstood, rightsLost } from './failures.ts'
import { createReads, defaultReads, type ReadsOptions, type Taken } from './reads.ts'
import { createSearch, differs } from './search.ts'
import type { Answer, WatchTiming } from './watch.ts'
import { readEntries, readSummaries, type WireEntry } from './wire.ts'

export interface Reading {
  /** It has changed, or may have. */
  service(name: string): void
  /** All services with an instance on one of these nodes. */
  onNodes(names: readonly string[]): void
  /** All that are known and not listed: gone only when their own answer says so, too. */
  notIn(listed: ReadonlyMap<string, unknown>): void
  /** Some instance changed, after `since` and up to `index` of the catalogue. */
  search(since: number, index: number): void
  /** Goes on with what there is to read. */
  pump(): void
  /** Everything that is known to have changed has been read. */
  quiet(): boolean
  /** Services that are known. */
  size(): number
  clear(): void
  stop(): void
}

/** One that doesn't block. */
export type Question = (path: string, how?: QuestionOptions) => Promise<Answer>
export interface QuestionOptions {
  readonly more?: Readonly<Record<string, string>>
  /** An index that is known: an older answer is asked for again as a sure one. */
  readonly since?: number
  /** The leader's, who has read its log to the end. */
  readonly sure?: boolean
}

export interface ReadingDeps {
  readonly question: Question
  /** Resolves when it is known whether the history is still the same one. */
  readonly sure: () => Promise<void>
  readonly isSkipped: (name: string) => boolean
  readonly clock: SchedulerLike
  readonly random: () => number
  readonly timing: WatchTiming
  readonly pace?: ReadsOptions
  readonly log: Logger
}

export interface ReadingEvents {
  /** The instances as they are now; none: it is deregistered. */
  service(name: string, entries: readonly WireEntry[]): void
  doubted(name: string, failure: ConsulFailure, retryAt: Date): void
  failed(failure: ConsulFailure, retryAt: Date): void
  worked(): void
}

/** What was read of a service. */
interface Entry {
  readonly index: number
  readonly count: number
  readonly filtered: boolean
  readonly nodes: readonly string[]
}

/** Requests at once, beside the blocking ones: Consul allows 200 connections a client by default. */
const POOL = 12
/** What is not believed is asked again after this, ms. */
const DOUBT = 1000

export function createReading(deps: ReadingDeps, events: ReadingEvents): Reading {
  const { question, sure, isSkipped, clock, log } = deps
  const entries = new Map<string, Entry>()
  const reads = createReads(deps.pace ?? defaultReads)
  const search = createSearch(reads, () => entries.size)
  const backoff = createBackoff({ ...deps.timing.retry, random: deps.random })
  const timers = new Set<Subscription>()
  let generation = 0
  let active = 0
  let paused = false
  let later: Subscription | undefined
  let stopped = false

  function after(ms: number, run: () => void): Subscription {
    const timer = clock.schedule(() => {
      timers.delete(timer)
      run()
    }, ms)
    timers.add(timer)
    return timer
  }

  function pump(): void {
    if (stopped || paused) return
    if (later) timers.delete(later)
    later?.unsubscribe()
    later = undefined
    while (active < POOL) {
      const step = search.step(clock.now())
      if (step === 'summaries') void compareSummaries()
      const next = reads.next(clock.now())
      if (typeof next === 'object') {
        void take(next)
        continue
      }
      const waits = [step, next].filter((each) => typeof each === 'number')
      if (waits.length > 0) later = after(Math.min(...waits), pump)
      return
    }
  }

  async function take({ name, urgent }: Taken): Promise<void> {
    const current = generation
    active++
    await read(name, urgent, () => current === generation && !stopped)
    active--
    if (current === generation) {
      reads.done(name)
      if (!entries.has(name)) reads.forget(name)
    }
    pump()
    if (!stopped) events.worked()
  }

  /** `urgent`: its instances; else only its index, by a filter that nothing passes: a hundredth of the bytes. */
  async function read(name: string, urgent: boolean, wanted: () => boolean): Promise<void> {
    const path = `/health/service/${encodeURIComponent(name)}`
    try {
      const since = entries.get(name)?.index ?? 0
      const more = urgent ? undefined : { filter: 'Node.Node == ""' }
      let answer = await question(path, { since, ...(more && { more }) })
      // Gone, or only not yet known to the server that was asked.
      if (urgent && answer.text.trim() === '[]') answer = await question(path, { sure: true })
      await sure()
      if (!wanted()) return
      if (answer.status !== 200) throw notUnderstood(path)
      if (urgent) accept(name, answer)
      else if (answer.index !== entries.get(name)?.index) reads.service(name)
      backoff.reset()
    } catch (error) {
      if (!wanted()) return
      reads.service(name)
      const wait = backoff.next()
      events.failed(asFailure(error, path), new Date(clock.now() + wait))
      if (paused) return
      paused = true
      after(wait, () => {
        paused = false
        pump()
      })
    }
  }

  function accept(name: string, answer: Answer): void {
    const read = readEntries(answer.text)
    if (!read) throw notUnderstood(`/health/service/${name}`)
    const { values: list, broken } = read
    if (broken > 0)
      log.warn({ service: name, broken }, 'entries of a service that make no sense are left out')
    const before = entries.get(name)
    const fewer = before !== undefined && list.length < before.count
    const lost = fewer && answer.filtered && !before.filtered
    if (lost || (fewer && answer.index <= before.index)) {
      doubt(name, lost ? rightsLost(`service ${name}`) : notBelieved(name))
      return
    }
    search.read(name, answer.index, before !== undefined && before.index !== answer.index)
    if (list.length === 0) {
      if (entries.delete(name)) events.service(name, [])
      return
    }
    const nodes = [...new Set(list.map((entry) => entry.Node.Node))]
    entries.set(name, { index: answer.index, count: list.length, filtered: answer.filtered, nodes })
    events.service(name, list)
  }

  function doubt(name: string, failure: ConsulFailure): void {
    events.doubted(name, failure, new Date(clock.now() + DOUBT))
    after(DOUBT, () => {
      reads.service(name)
      pump()
    })
  }

  /** What Consul's own UI shows: counts and nodes of all services in one answer. Without it all are read in turn. */
  async function compareSummaries(): Promise<void> {
    const current = generation
    const began = clock.now()
    try {
      const answer = await question('/internal/ui/services')
      const summaries =
        (answer.status === 200 && current === generation && readSummaries(answer.text)) || undefined
      for (const summary of summaries?.values ?? []) {
        const known = entries.get(summary.Name)
        if (known && !isSkipped(summary.Name) && differs(summary, known)) reads.service(summary.Name)
      }
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'no summaries of the services; they are read in turn')
    }
    search.compared(clock.now() - began)
    pump()
  }

  return {
    service: (name) => reads.service(name),
    onNodes(names) {
      if (names.length === 0) return
      const touched = new Set(names)
      for (const [name, entry] of entries)
        if (entry.nodes.some((node) => touched.has(node))) reads.service(name)
    },
    notIn(listed) {
      for (const name of entries.keys()) if (!listed.has(name)) reads.service(name)
    },
    search: (since, index) => search.begin(since, index, (name) => entries.has(name)),
    pump,
    quiet: () => !paused && reads.quiet() && !search.pending(),
    size: () => entries.size,
    clear() {
      generation++
      entries.clear()
      reads.clear()
      search.clear()
    },
    stop() {
      stopped = true
      for (const timer of timers) timer.unsubscribe()
    },
  }
}
