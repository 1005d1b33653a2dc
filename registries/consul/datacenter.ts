/**
 * One datacenter: four blocking queries (names, nodes, checks that are critical, checks that warn) say that something
 * changed and mostly what; only the services that it may concern are read, by a bounded number of plain requests.
 */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { createBackoff } from '#support/backoff.ts'
import type { Logger } from '#support/logger.ts'
import { registryError } from '../trouble.ts'
import { type ConsulAnswer, type ConsulClient, ConsulFailure } from './answer.ts'
import { createReads, defaultReads, type ReadsOptions } from './reads.ts'
import {
  type Checks,
  changedChecks,
  changedNames,
  changedNodes,
  isNewHistory,
  type Listed,
  type Nodes,
  toChecks,
  toNodes,
} from './signals.ts'
import {
  type Answer,
  asFailure,
  checked,
  notUnderstood,
  type Watch,
  type WatchTiming,
  watch,
} from './watch.ts'
import { readChecks, readEntries, readNodes, readServices, readSummaries, type WireEntry } from './wire.ts'

export interface DatacenterOptions {
  /** `dc`, `stale`: of every question. */
  readonly query: Readonly<Record<string, string>>
  /** Names of services that are not read. */
  readonly isSkipped: (name: string) => boolean
  readonly timing: WatchTiming
  readonly reads?: ReadsOptions
}

export interface DatacenterDeps {
  readonly client: ConsulClient
  readonly clock: SchedulerLike
  readonly random: () => number
  readonly log: Logger
}

export interface DatacenterEvents {
  /** The instances of a service as they are now; none: it is deregistered. Also before `synced`. */
  service(name: string, entries: readonly WireEntry[]): void
  /** What was told before belongs to a history that is over. */
  newHistory(): void
  /** Everything has been told: the first time, after a new history, and after a trouble. */
  settled(): void
  trouble(error: PilotError, retryAt: Date): void
  /** What this service says is not believed; ends with its next `service`. */
  doubted(name: string, error: PilotError, retryAt: Date): void
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
/** Up to so many services all are read when it isn't known which one changed; beyond it, summaries are compared first. */
const SMALL = 256
/** Services that changed last are the likeliest to change next. */
const HOT = 16

type Part = 'services' | 'nodes' | 'critical' | 'warning' | 'reads'

export function watchDatacenter(
  { query, isSkipped, timing, reads: pace = defaultReads }: DatacenterOptions,
  { client, clock, random, log }: DatacenterDeps,
  events: DatacenterEvents,
): { stop(): void } {
  const stopped = new AbortController()
  const { signal } = stopped
  const entries = new Map<string, Entry>()
  const reads = createReads(pace)
  const hot = new Set<string>()
  const filteredAtFirst = new Map<Part, boolean>()
  const failing = new Map<Part, string>()
  const backoff = createBackoff({ ...timing.retry, random })
  let listed: Listed | undefined
  let catalogIndex = 0
  let nodes: Nodes | undefined
  let checks: { critical?: Checks; warning?: Checks } = {}
  let generation = 0
  let settled = false
  /** Something failed since the nodes were seen last: is it still the same history? */
  let unsure = false
  let checking: Promise<void> | undefined
  /** A change of the catalogue up to this index has not been found yet. */
  let sought = 0
  /** The summaries were compared for it. */
  let summed = 0
  let summing = false
  let summaryAt = 0
  let activeReads = 0
  let paused: Subscription | undefined
  let later: Subscription | undefined

  // ---- what the blocking queries say

  async function onServices(answer: Answer, reset: boolean): Promise<void> {
    believe('services', answer)
    const all = readServices(answer.text)
    if (!all || answer.status !== 200) throw notUnderstood('/catalog/services')
    if (reset) startHistory('services')
    await sure()
    const now = new Map([...all].filter(([name]) => !isSkipped(name)))
    const before = listed ?? new Map<string, string>()
    const names = changedNames(before, now)
    for (const name of names) reads.urgent(name)
    // What is not listed but was read goes only when a read says so, too.
    for (const name of entries.keys()) if (!now.has(name)) reads.urgent(name)
    const moved = listed !== undefined && answer.index !== catalogIndex
    listed = now
    catalogIndex = answer.index
    if (moved) seek(answer.index)
    works('services')
  }

  async function onNodes(answer: Answer, reset: boolean): Promise<void> {
    believe('nodes', answer)
    const read = readNodes(answer.text)
    if (!read || answer.status !== 200) throw notUnderstood('/catalog/nodes')
    const now = toNodes(read.values)
    if (reset || (nodes && isNewHistory(nodes, now))) startHistory('nodes')
    else if (nodes) touchNodes(changedNodes(nodes, now))
    nodes = now
    unsure = false
    works('nodes')
  }

  const onChecks = (status: 'critical' | 'warning') => async (answer: Answer) => {
    believe(status, answer)
    const read = readChecks(answer.text)
    if (!read || answer.status !== 200) throw notUnderstood(`/health/state/${status}`)
    await sure()
    const now = toChecks(read.values)
    const before = checks[status]
    checks = { ...checks, [status]: now }
    if (before) {
      const touched = changedChecks(before, now)
      for (const name of touched.services) if (!isSkipped(name)) reads.urgent(name)
      touchNodes([...touched.nodes])
    }
    works(status)
  }

  function touchNodes(names: readonly string[]): void {
    if (names.length === 0) return
    const touched = new Set(names)
    for (const [name, entry] of entries) if (entry.nodes.some((node) => touched.has(node))) reads.urgent(name)
  }

  const start = (
    part: Part,
    path: string,
    onAnswer: (answer: Answer, reset: boolean) => Promise<void>,
  ): Watch =>
    watch(
      {
        path,
        query,
        // Names cost the server about 1 ms for 1,000 instances.
        gap: () => (part === 'services' ? Math.min(1000, Math.max(20, entries.size / 20)) : 20),
        onAnswer,
        onFailure: (failure, retryAt) => fails(part, failure, retryAt),
      },
      { client, clock, random, timing },
    )
  const watches = {
    services: start('services', '/catalog/services', onServices),
    nodes: start('nodes', '/catalog/nodes', onNodes),
    critical: start('critical', '/health/state/critical', onChecks('critical')),
    warning: start('warning', '/health/state/warning', onChecks('warning')),
  }

  // ---- one history after the other

  /** Before anything is believed after a failure: are these the nodes that there were? */
  function sure(): Promise<void> {
    if (!unsure) return Promise.resolve()
    checking ??= question('/catalog/nodes')
      .then((answer) => onNodes(answer, false))
      .finally(() => {
        checking = undefined
      })
    return checking
  }

  function startHistory(by: Part): void {
    log.warn({ by }, 'Consul has begun a new history: everything is read again')
    generation++
    entries.clear()
    reads.clear()
    hot.clear()
    listed = undefined
    nodes = undefined
    checks = {}
    sought = 0
    settled = false
    events.newHistory()
    for (const part of ['services', 'nodes', 'critical', 'warning'] as const)
      if (part !== by) watches[part].restart()
  }

  // ---- finding what changed

  /** Some instance has changed up to this index of the catalogue; names, nodes and checks may not say which. */
  function seek(index: number): void {
    sought = index
    reads.doubt()
    for (const name of hot) if (entries.has(name)) reads.urgent(name)
    reads.fast(entries.size <= SMALL)
  }

  /** Counts and nodes of all services in one answer (what Consul's own UI shows); without it, all are read in turn. */
  async function compareSummaries(): Promise<void> {
    const began = clock.now()
    const current = generation
    summing = true
    summed = sought
    try {
      const answer = await question('/internal/ui/services')
      const read = answer.status === 200 ? readSummaries(answer.text) : undefined
      if (!read || current !== generation) return
      for (const { Name, InstanceCount, Nodes } of read.values) {
        const entry = entries.get(Name)
        if (isSkipped(Name) || !entry) continue
        if (entry.count === InstanceCount && sameNodes(entry.nodes, Nodes)) continue
        reads.urgent(Name)
      }
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'no summaries; services are read in turn')
    } finally {
      summing = false
      // A fifth of the server's time at most.
      summaryAt = clock.now() + (clock.now() - began) * 4
      pump()
    }
  }

  /** The next step of the search, when what is known to have changed has been read; ms until there may be one. */
  function search(): number {
    const none = Number.POSITIVE_INFINITY
    if (sought === 0 || summing || !reads.quiet()) return none
    if (!reads.inDoubt()) sought = 0
    else if (entries.size <= SMALL || summed === sought) reads.fast(true)
    else if (clock.now() < summaryAt) return summaryAt - clock.now()
    else void compareSummaries()
    return none
  }

  // ---- reading services

  function pump(): void {
    if (signal.aborted || paused) return
    later?.unsubscribe()
    later = undefined
    while (activeReads < POOL) {
      const patience = search()
      const next = reads.next(clock.now())
      if (typeof next !== 'string') {
        const wait = Math.min(patience, next ?? Number.POSITIVE_INFINITY)
        if (Number.isFinite(wait)) later = clock.schedule(pump, wait)
        break
      }
      activeReads++
      void readService(next).finally(() => {
        activeReads--
        reads.done(next)
        if (!entries.has(next)) reads.forget(next)
        pump()
      })
    }
    settle()
  }

  async function readService(name: string): Promise<void> {
    const current = generation
    try {
      const answer = await question(`/health/service/${encodeURIComponent(name)}`)
      await sure()
      if (current !== generation || signal.aborted) return
      if (answer.status !== 200) throw notUnderstood(`/health/service/${name}`)
      accept(name, answer)
      failing.delete('reads')
      backoff.reset()
    } catch (error) {
      if (signal.aborted || current !== generation) return
      reads.urgent(name)
      const wait = backoff.next()
      fails('reads', asFailure(error, `/health/service/${name}`), new Date(clock.now() + wait))
      paused ??= clock.schedule(() => {
        paused = undefined
        pump()
      }, wait)
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
    if (fewer && answer.filtered && !before.filtered) return doubt(name, rightsLost(name))
    if (fewer && answer.index <= before.index) return doubt(name, notBelieved(name))
    if (sought > 0 && answer.index >= sought) found()
    if (list.length === 0) {
      entries.delete(name)
      hot.delete(name)
      if (before) events.service(name, [])
      return
    }
    entries.set(name, {
      index: answer.index,
      count: list.length,
      filtered: answer.filtered,
      nodes: [...new Set(list.map((entry) => entry.Node.Node))],
    })
    if (before && before.index !== answer.index) heat(name)
    events.service(name, list)
  }

  /** The change that was looked for; others may have come with it, so the others are read in their turn. */
  function found(): void {
    if (entries.size <= SMALL) return
    sought = 0
    reads.fast(false)
  }

  function heat(name: string): void {
    hot.delete(name)
    hot.add(name)
    if (hot.size > HOT) hot.delete(hot.values().next().value!)
  }

  function doubt(name: string, failure: ConsulFailure): void {
    const wait = Math.max(1000, backoff.next())
    events.doubted(name, failure.error, new Date(clock.now() + wait))
    const timer = clock.schedule(() => {
      reads.urgent(name)
      pump()
    }, wait)
    signal.addEventListener('abort', () => timer.unsubscribe(), { once: true })
  }

  const question = async (path: string): Promise<Answer> =>
    checked(await client.get({ path, query, timeout: timing.timeout, signal }), path)

  // ---- trouble and its end

  /** A token that sees less than it saw takes nothing away. */
  function believe(part: Part, { filtered }: ConsulAnswer): void {
    const atFirst = filteredAtFirst.get(part)
    if (atFirst === undefined) filteredAtFirst.set(part, filtered)
    else if (filtered && !atFirst) throw rightsLost('the catalogue')
    else if (!filtered) filteredAtFirst.set(part, false)
  }

  function fails(part: Part, { error }: ConsulFailure, retryAt: Date): void {
    unsure = true
    settled = false
    const known = failing.size > 0 && [...failing.values()].includes(error.code)
    failing.set(part, error.code)
    if (!known) events.trouble(error, retryAt)
  }

  function works(part: Part): void {
    if (failing.delete(part)) for (const each of Object.values(watches)) each.kick()
    pump()
  }

  function settle(): void {
    if (settled || failing.size > 0 || paused || !reads.quiet() || summing) return
    if (!listed || !nodes || !checks.critical || !checks.warning) return
    if (sought > 0 && reads.inDoubt()) return
    settled = true
    events.settled()
  }

  return {
    stop() {
      stopped.abort()
      paused?.unsubscribe()
      later?.unsubscribe()
      for (const each of Object.values(watches)) each.stop()
    },
  }
}

function sameNodes(known: readonly string[], listed: readonly string[]): boolean {
  const now = new Set(listed)
  return now.size === known.length && known.every((node) => now.has(node))
}

const rightsLost = (what: string): ConsulFailure =>
  new ConsulFailure(
    registryError(
      'PH3002',
      `The token may no longer read all of ${what}: Consul leaves out what it could see before.`,
    ),
  )

const notBelieved = (name: string): ConsulFailure =>
  new ConsulFailure(
    registryError(
      'PH3006',
      `Service ${name} has fewer instances than before, but Consul's index says that it has not changed.`,
    ),
  )
