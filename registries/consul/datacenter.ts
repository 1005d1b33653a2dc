/**
 * One datacenter: four blocking queries (names, nodes, checks that are critical, checks that warn) say that something
 * changed and mostly what; only the services that it may concern are read, by a bounded number of plain requests.
 */
import type { SchedulerLike } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import type { Logger } from '#support/logger.ts'
import type { ConsulAnswer, ConsulClient, ConsulFailure } from './answer.ts'
import { notUnderstood, rightsLost, rightsMissing } from './failures.ts'
import { createReading, type Question } from './reading.ts'
import type { ReadsOptions } from './reads.ts'
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
import { type Answer, checked, consistent, type Watch, type WatchTiming, watch } from './watch.ts'
import { readChecks, readNodes, readServices, type WireEntry } from './wire.ts'

export interface DatacenterOptions {
  /** `dc`, `stale`: of every question. */
  readonly query: Readonly<Record<string, string>>
  /** Of the default namespace and partition, where Consul always has its own service and servers. */
  readonly whole: boolean
  /** Names of services that are not read. */
  readonly isSkipped: (name: string) => boolean
  readonly timing: WatchTiming
  readonly pace?: ReadsOptions
}

export interface DatacenterDeps {
  readonly client: ConsulClient
  readonly clock: SchedulerLike
  readonly random: () => number
  readonly log: Logger
}

export interface DatacenterEvents {
  /** The instances of a service as they are now; none: it is deregistered. Also before `settled`. */
  service(name: string, entries: readonly WireEntry[]): void
  /** What was told before belongs to a history that is over. */
  newHistory(): void
  /** Everything has been told: the first time, after a new history, and after a trouble. */
  settled(): void
  /** Once when it begins, and when its kind changes. */
  trouble(error: PilotError, retryAt: Date): void
  /** The trouble stands. */
  retries(retryAt: Date): void
  /** What this service says is not believed; ends with its next `service`. */
  doubted(name: string, error: PilotError, retryAt: Date): void
}

type Signal = 'services' | 'nodes' | 'critical' | 'warning'
type Part = Signal | 'reads'
/** What a list names. */
type Seen = ReadonlyMap<string, unknown>

export function watchDatacenter(
  { query, whole, isSkipped, timing, pace }: DatacenterOptions,
  { client, clock, random, log }: DatacenterDeps,
  events: DatacenterEvents,
): { stop(): void } {
  const stopped = new AbortController()
  const filteredBefore = new Map<Signal, boolean>()
  const failing = new Map<Part, string>()
  let listed: Listed | undefined
  let catalogIndex = 0
  let nodes: Nodes | undefined
  let checks: { critical?: Checks; warning?: Checks } = {}
  let settled = false
  /** Something failed since the nodes were seen last: is it still the same history? */
  let unsure = false
  let checking: Promise<void> | undefined

  const question: Question = async (path, { more, since = 0, sure } = {}) => {
    const ask = async (asked: Readonly<Record<string, string>>) => {
      const all = { ...asked, ...more }
      return checked(
        await client.get({ path, query: all, timeout: timing.timeout, signal: stopped.signal }),
        path,
      )
    }
    const answer = await ask(sure ? consistent(query) : query)
    return sure || answer.index >= since ? answer : ask(consistent(query))
  }

  const reading = createReading(
    { question, sure, isSkipped, clock, random, timing, ...(pace && { pace }), log },
    {
      service: events.service,
      doubted: (name, { error }, retryAt) => events.doubted(name, error, retryAt),
      failed: (failure, retryAt) => fails('reads', failure, retryAt),
      worked() {
        if (reading.quiet()) failing.delete('reads')
        settle()
      },
    },
  )

  async function onServices(answer: Answer, reset: boolean): Promise<void> {
    const all = answer.status === 200 ? readServices(answer.text) : undefined
    if (!all) throw notUnderstood('/catalog/services')
    believe('services', answer, listed, all)
    // Without a token Consul does not say that it filters.
    if ((answer.filtered || whole) && all.size === 0)
      throw rightsMissing('the services', 'service_prefix "" read')
    if (reset) beginHistory('services')
    await sure()
    const now = new Map([...all].filter(([name]) => !isSkipped(name)))
    for (const name of changedNames(listed ?? new Map(), now)) reading.service(name)
    reading.notIn(now)
    if (listed && answer.index !== catalogIndex) reading.search(catalogIndex, answer.index)
    listed = now
    catalogIndex = answer.index
    works('services')
  }

  async function onNodes(answer: Answer, reset: boolean): Promise<void> {
    const read = answer.status === 200 ? readNodes(answer.text) : undefined
    if (!read) throw notUnderstood('/catalog/nodes')
    if ((answer.filtered || whole) && read.values.length === 0)
      throw rightsMissing('the nodes', 'node_prefix "" read')
    const now = toNodes(read.values)
    believe('nodes', answer, nodes?.content, now.content)
    if (reset || (nodes && isNewHistory(nodes, now))) beginHistory('nodes')
    else if (nodes) reading.onNodes(changedNodes(nodes, now))
    nodes = now
    unsure = false
    works('nodes')
  }

  const onChecks = (status: 'critical' | 'warning') => async (answer: Answer) => {
    const read = answer.status === 200 ? readChecks(answer.text) : undefined
    if (!read) throw notUnderstood(`/health/state/${status}`)
    await sure()
    const now = toChecks(read.values)
    const before = checks[status]
    checks = { ...checks, [status]: now }
    if (before) {
      const touched = changedChecks(before, now)
      for (const name of touched.services) if (!isSkipped(name)) reading.service(name)
      reading.onNodes([...touched.nodes])
    }
    works(status)
  }

  const start = (
    part: Signal,
    path: string,
    onAnswer: (answer: Answer, reset: boolean) => Promise<void>,
  ): Watch =>
    watch(
      {
        path,
        query,
        // The list of names costs the server about 1 ms for 1,000 instances.
        gap: () => (part === 'services' ? Math.min(1000, Math.max(20, reading.size() / 20)) : 50),
        onAnswer,
        onFailure: (failure, retryAt) => fails(part, failure, retryAt),
      },
      { client, clock, random, timing },
    )
  const watches: Readonly<Record<Signal, Watch>> = {
    services: start('services', '/catalog/services', onServices),
    nodes: start('nodes', '/catalog/nodes', onNodes),
    critical: start('critical', '/health/state/critical', onChecks('critical')),
    warning: start('warning', '/health/state/warning', onChecks('warning')),
  }

  /** Before anything is believed after a failure: are these the nodes that there were? */
  function sure(): Promise<void> {
    if (!unsure) return Promise.resolve()
    checking ??= question('/catalog/nodes', { sure: true })
      .then((answer) => onNodes(answer, false))
      .finally(() => {
        checking = undefined
      })
    return checking
  }

  function beginHistory(by: Signal): void {
    log.warn({ by }, 'Consul has begun a new history: everything is read again')
    reading.clear()
    listed = undefined
    nodes = undefined
    checks = {}
    settled = false
    events.newHistory()
    for (const part of Object.keys(watches) as Signal[]) if (part !== by) watches[part].restart()
  }

  /**
   * A token that sees less than it saw takes nothing away. Checks are not judged: they only say what to read, and a
   * list of one status is filtered as soon as something that the token may not see has it.
   */
  function believe(part: Signal, { filtered }: ConsulAnswer, known: Seen | undefined, now: Seen): void {
    const seesAll = known !== undefined && [...known.keys()].every((each) => now.has(each))
    if (filtered && filteredBefore.get(part) === false && !seesAll) throw rightsLost('the catalogue')
    filteredBefore.set(part, filtered)
  }

  function fails(part: Part, { error }: ConsulFailure, retryAt: Date): void {
    unsure = true
    settled = false
    const known = [...failing.values()].includes(error.code)
    failing.set(part, error.code)
    if (known) events.retries(retryAt)
    else events.trouble(error, retryAt)
  }

  function works(part: Part): void {
    if (failing.delete(part)) for (const each of Object.values(watches)) each.kick()
    reading.pump()
    settle()
  }

  function settle(): void {
    if (settled || failing.size > 0 || !reading.quiet()) return
    if (!listed || !nodes || !checks.critical || !checks.warning) return
    settled = true
    events.settled()
  }

  return {
    stop() {
      stopped.abort()
      reading.stop()
      for (const each of Object.values(watches)) each.stop()
    },
  }
}
