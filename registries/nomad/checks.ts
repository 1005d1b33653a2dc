/**
 * Results of Nomad's own checks, which are no events and can't be waited for: asked for each allocation whose job has
 * checks, at their own interval, never more often than the setting `checkInterval`, and never more than `RATE` a second
 * in all: with n allocations of which checks are known, a result is at most max(interval, checkInterval, n / RATE) old.
 */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { Backoff } from '#support/backoff.ts'
import type { Answer } from './api.ts'
import { type CheckStatus, parseCheckInterval, parseChecks, type Registration } from './wire.ts'

/** Questions a second, in all; first questions are only bounded by `AT_ONCE`. */
const RATE = 50
const AT_ONCE = 4
/** Until a new allocation's checks have a first result, ms. */
const PENDING = 1000
/** Questions due within this are asked together, ms. */
const TOGETHER = 100

export interface ChecksDeps {
  readonly get: (path: string, namespace: string) => Promise<Answer>
  /** undefined: there are none, or they can't be had. */
  readonly verdicts: (alloc: string, found: ReadonlyMap<string, CheckStatus> | undefined) => void
  readonly clock: SchedulerLike
  /** Between attempts to read jobs. */
  readonly backoff: Backoff
  /** ms */
  readonly shortest: number
  readonly denied: (message: string) => void
}

export interface Checks {
  /** The registrations of a service now, and those before. */
  watch(before: readonly Registration[], after: readonly Registration[]): void
  /** Its checks may have other results: asked as soon as may be. */
  hint(alloc: string): void
  /** Each allocation and job that was known has been asked about; no job waits for another attempt. */
  settled(): boolean
  stop(): void
}

interface Watched {
  readonly alloc: string
  readonly namespace: string
  readonly job: string
  users: number
  due: number
  asking: boolean
  /** It has answered once. */
  known: boolean
}

interface Job {
  readonly namespace: string
  readonly name: string
  /** The newest registration that the interval was read for. */
  index: number
  /** ms; undefined: not read yet; 0: no checks. */
  interval?: number
  readonly allocs: Set<Watched>
  reading: boolean
}

export function createChecks(deps: ChecksDeps, onSettled: () => void): Checks {
  const { get, verdicts, clock, backoff, shortest, denied } = deps
  const watched = new Map<string, Watched>()
  const jobs = new Map<string, Job>()
  const queue: (() => Promise<void>)[] = []
  /** Jobs that could not be read. */
  const later = new Set<Job>()
  let retry: Subscription | undefined
  let running = 0
  let timer: Subscription | undefined
  let timerAt = Number.POSITIVE_INFINITY
  let stopped = false

  function enqueue(task: () => Promise<void>): void {
    queue.push(task)
    pump()
  }
  function pump(): void {
    while (!stopped && running < AT_ONCE && queue.length > 0) {
      running++
      void queue.shift()!().then(() => {
        running--
        if (stopped) return
        pump()
        if (settled()) onSettled()
      })
    }
  }
  const settled = (): boolean => running === 0 && queue.length === 0 && later.size === 0

  const jobKey = ({ namespace, job }: { namespace: string; job: string }) => `${namespace}/${job}`

  function add(registration: Registration): void {
    const { alloc, namespace, job: name, modifyIndex } = registration
    if (alloc === '' || name === '') return
    const key = jobKey(registration)
    const job: Job = jobs.get(key) ?? { namespace, name, index: -1, allocs: new Set(), reading: false }
    jobs.set(key, job)
    const known = watched.get(alloc)
    const one = known ?? { alloc, namespace, job: name, users: 0, due: 0, asking: false, known: false }
    one.users++
    watched.set(alloc, one)
    job.allocs.add(one)
    if (modifyIndex > job.index) {
      job.index = modifyIndex
      readJob(job)
    } else if (!known && job.interval !== undefined) begin(one, job)
  }

  function remove({ alloc, ...rest }: Registration): void {
    const one = watched.get(alloc)
    if (!one || --one.users > 0) return
    watched.delete(alloc)
    const key = jobKey(rest)
    const job = jobs.get(key)
    job?.allocs.delete(one)
    if (job?.allocs.size !== 0) return
    jobs.delete(key)
    later.delete(job)
  }

  function readJob(job: Job): void {
    if (job.reading) return
    const { namespace, name } = job
    job.reading = true
    later.delete(job)
    enqueue(async () => {
      const answer = await get(`/v1/job/${encodeURIComponent(name)}`, namespace)
      job.reading = false
      if (stopped || jobs.get(jobKey({ namespace, job: name })) !== job) return
      if (answer.ok) {
        backoff.reset()
        job.interval = parseCheckInterval(answer.body) ?? 0
      } else if (answer.status === 403) {
        denied(answer.error.message)
        // Whether it has checks is not known: the next registration asks again.
        job.index = -1
        job.interval ??= 0
      } else readLater(job)
      for (const one of job.allocs) begin(one, job)
    })
  }
  function readLater(job: Job): void {
    later.add(job)
    retry ??= clock.schedule(() => {
      retry = undefined
      for (const each of [...later]) readJob(each)
    }, backoff.next())
  }

  /** What its checks say is asked for the first time, or no more. */
  function begin(one: Watched, job: Job): void {
    if (!job.interval) verdicts(one.alloc, undefined)
    else if (!one.known) ask(one)
    else plan(one.due)
  }

  function ask(one: Watched): void {
    if (one.asking) return
    one.asking = true
    enqueue(async () => {
      if (watched.get(one.alloc) !== one) return
      const answer = await get(`/v1/client/allocation/${one.alloc}/checks`, one.namespace)
      one.asking = false
      if (stopped || watched.get(one.alloc) !== one) return
      const found = answer.ok ? parseChecks(answer.body) : undefined
      if (found) verdicts(one.alloc, found)
      // What was known stays; what was awaited is no reason for doubt.
      else if (!one.known) verdicts(one.alloc, undefined)
      if (!answer.ok && answer.status === 403) denied(answer.error.message)
      one.known = true
      const pending = found !== undefined && [...found.values()].includes('pending')
      const interval = Math.max(jobs.get(jobKey(one))?.interval ?? 0, shortest)
      const fair = (watched.size / RATE) * 1000
      one.due = clock.now() + Math.max(pending ? PENDING : interval, fair)
      plan(one.due)
    })
  }

  function plan(at: number): void {
    if (stopped || at >= timerAt) return
    timer?.unsubscribe()
    timerAt = at
    timer = clock.schedule(tick, Math.max(0, at - clock.now()))
  }
  function tick(): void {
    timerAt = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    const now = clock.now() + TOGETHER
    for (const one of watched.values()) {
      if (!one.known || one.asking || !jobs.get(jobKey(one))?.interval) continue
      if (one.due <= now) ask(one)
      else next = Math.min(next, one.due)
    }
    if (next < Number.POSITIVE_INFINITY) plan(next)
  }

  return {
    watch(before, after) {
      for (const each of after) add(each)
      for (const each of before) remove(each)
    },
    hint(alloc) {
      const one = watched.get(alloc)
      if (one?.known && jobs.get(jobKey(one))?.interval) ask(one)
    },
    settled,
    stop() {
      stopped = true
      queue.length = 0
      timer?.unsubscribe()
      retry?.unsubscribe()
    },
  }
}
