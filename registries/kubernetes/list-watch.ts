/**
 * A collection of the API, kept up to date: list in pages, then watch, for ever. The one owner of restart, back-off and
 * re-list (list-watch-state.ts says what to do next; here it is done). Never errors or completes.
 */
import { Observable, type SchedulerLike } from 'rxjs'
import type {
  KubernetesAnswer,
  KubernetesApi,
  KubernetesRequest,
  KubernetesResource,
  ListWatch,
  ListWatchEvent,
} from '#config/connections/kubernetes-api.ts'
import type { PilotError } from '#model/issue.ts'
import { createBackoff } from '#support/backoff.ts'
import type { Logger } from '#support/logger.ts'
import { connectionError, reasonOf, registryError } from '../trouble.ts'
import { createMachine, type Machine, type Outcome, type Step } from './list-watch-state.ts'
import { createGuard, createLines, type Guard, sleep, textOf } from './stream.ts'
import { messageOf, parseLine, parsePage, type Reading } from './wire.ts'

/** ms */
export interface Timing {
  /** A request without an answer, or a page that stops coming. */
  readonly answer: number
  /** A watch without a byte: the server tells a bookmark about every minute, so the connection is dead. */
  readonly silence: number
  /** A watch that goes on so long after the time it was asked for is not ended by the server. */
  readonly grace: number
  /** A watch is asked for one to two times this. */
  readonly watch: number
  /** Between tries, the first and the longest. */
  readonly backoff: { readonly first: number; readonly last: number }
}

export const TIMING: Timing = {
  answer: 30_000,
  silence: 180_000,
  grace: 30_000,
  watch: 300_000,
  backoff: { first: 250, last: 30_000 },
}

export interface ListWatchDeps {
  readonly api: () => Promise<KubernetesApi>
  readonly clock: SchedulerLike
  readonly log: Logger
  readonly random?: () => number
  readonly timing?: Timing
}

const PAGE_SIZE = 500
/** Bytes; etcd takes no object above 1.5 MB, and a line is JSON of one. */
const MAX_LINE = 16 << 20
const TOO_LONG = { kind: 'garbage', message: 'a line without an end' } as const
/** Bytes of what a server says of its refusal. */
const MAX_MESSAGE = 16 << 10
const METADATA_AS = 'application/json;g=meta.k8s.io;v=v1;as='

/** `relist`: whenever it says something, everything is listed again. */
export const listWatch = <T>(
  resource: KubernetesResource<T>,
  deps: ListWatchDeps,
  relist?: Observable<unknown>,
): ListWatch<T> =>
  new Observable((subscriber) => {
    const stop = new AbortController()
    const loop = createLoop(resource, deps, stop.signal, (events) => subscriber.next(events))
    const asked = relist?.subscribe(loop.relist)
    loop.run().catch((error: unknown) => {
      // A subscriber that throws is a bug, but the collection must not stand still because of it.
      deps.log.error({ error, path: resource.path }, 'a list-watch ended')
    })
    return () => {
      asked?.unsubscribe()
      stop.abort()
    }
  })

function createLoop<T>(
  resource: KubernetesResource<T>,
  { api: connect, clock, log, timing = TIMING, random }: ListWatchDeps,
  stop: AbortSignal,
  emit: (events: readonly ListWatchEvent<T>[]) => void,
) {
  const reading: Reading<T> = { translate: resource.translate, skipped: oncePerKey(resource.path, log) }
  /** Ends the step under way. */
  let current = new AbortController()
  let relistAsked = false
  const tell = (events: readonly ListWatchEvent<T>[]): void => {
    if (events.length > 0 && !stop.aborted) emit(events)
  }

  async function run(): Promise<void> {
    const api = await connect()
    const where = () => `${api.url}${resource.path}`
    const backoff = createBackoff({ ...timing.backoff, ...(random && { random }) })
    const watchSeconds = timing.watch / 1000
    const machine = createMachine<T>({ where, watchSeconds, backoff, ...(random && { random }) })
    let step = machine.first()
    while (!stop.aborted) {
      current = new AbortController()
      const signal = AbortSignal.any([stop, current.signal])
      if (step.renew) api.renew()
      const waited = step.after === 0 || (await sleep(step.after, clock, signal))
      const outcome: Outcome<T> = waited
        ? await take({ step, api, machine, where }, signal)
        : { kind: 'relist' }
      if (stop.aborted) return
      const following = machine.next(relistAsked ? { kind: 'relist' } : outcome, new Date(clock.now()))
      relistAsked = false
      tell(following.events)
      step = following.step
    }
  }

  /** Does one step; never throws. */
  async function take(doing: Doing<T>, signal: AbortSignal): Promise<Outcome<T>> {
    const { step, api, where } = doing
    const guard = createGuard(clock, signal)
    try {
      guard.expect(timing.answer)
      const answer = await api.request({ ...requestOf(step, resource), signal: guard.signal })
      if (answer.status !== 200) return await statusOf(answer, guard)
      return await (step.do === 'watch'
        ? watch(step.timeoutSeconds, answer, doing, guard)
        : page(answer, where(), guard))
    } catch (error) {
      if (guard.cut?.why === 'overdue') return { kind: 'ended', early: false }
      if (guard.cut === undefined) return { kind: 'failed', error: errorOf(error, where()) }
      const message = `${where()}: nothing was heard for ${guard.cut.after / 1000} s.`
      return { kind: 'failed', error: registryError('PH3001', message) }
    } finally {
      guard.end()
    }
  }

  async function page({ body }: KubernetesAnswer, where: string, guard: Guard): Promise<Outcome<T>> {
    const read = parsePage(await textOf(body, guard), reading)
    return typeof read === 'string'
      ? { kind: 'failed', error: registryError('PH3005', `${where}: ${read}.`) }
      : { kind: 'page', page: read }
  }

  /** @throws where the connection breaks */
  async function watch(
    seconds: number,
    { body }: KubernetesAnswer,
    { machine }: Doing<T>,
    guard: Guard,
  ): Promise<Outcome<T>> {
    const began = clock.now()
    tell(machine.opened(new Date(began)))
    guard.expect(timing.silence)
    guard.limit(seconds * 1000 + timing.grace)
    const linesOf = createLines(MAX_LINE)
    for await (const chunk of body) {
      guard.heard()
      const events: ListWatchEvent<T>[] = []
      let whole = true
      for (const text of linesOf(chunk)) {
        const told = machine.line(text === undefined ? TOO_LONG : parseLine(text, reading))
        whole = told !== undefined
        if (!told) break
        events.push(...told)
      }
      tell(events)
      if (!whole) return { kind: 'broken' }
    }
    return { kind: 'ended', early: clock.now() - began < seconds * 900 }
  }

  return {
    run,
    relist(): void {
      relistAsked = true
      current.abort()
    },
  }
}

/** Without credentials nothing was asked; all else is of the connection. */
const errorOf = (error: unknown, where: string): PilotError =>
  (error as { code?: unknown }).code === 'PH3002'
    ? registryError('PH3002', `${where}: ${reasonOf(error)}.`)
    : connectionError(error, where)

interface Doing<T> {
  readonly step: Step
  readonly api: KubernetesApi
  readonly machine: Machine<T>
  readonly where: () => string
}

function requestOf<T>(step: Step, resource: KubernetesResource<T>): Omit<KubernetesRequest, 'signal'> {
  const { path, labelSelector, fieldSelector, metadataOnly, pageSize = PAGE_SIZE } = resource
  const as = (kind: string) => (metadataOnly ? { headers: { accept: `${METADATA_AS}${kind}` } } : {})
  const query = { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) }
  if (step.do === 'watch') {
    const { resourceVersion, timeoutSeconds } = step
    const watch = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds) }
    return { path, query: { ...query, ...watch, resourceVersion }, ...as('PartialObjectMetadata') }
  }
  const limit = step.do === 'probe' ? 1 : step.whole ? 0 : pageSize
  const pages: Record<string, string> = { ...query }
  if (limit > 0) pages.limit = String(limit)
  if (step.do === 'list' && step.continue !== undefined) pages.continue = step.continue
  return { path, query: pages, ...as('PartialObjectMetadataList') }
}

async function statusOf<T>(
  { status, retryAfter, body }: KubernetesAnswer,
  guard: Guard,
): Promise<Outcome<T>> {
  const message = messageOf(await textOf(body, guard, MAX_MESSAGE))
  return { kind: 'status', status, message, ...(retryAfter === undefined ? {} : { retryAfter }) }
}

function oncePerKey(path: string, log: Logger): Reading<unknown>['skipped'] {
  const known = new Set<string>()
  return (key, error) => {
    if (known.has(key) || known.size > 1000) return
    known.add(key)
    log.warn({ path, key, error }, 'an object of Kubernetes is not understood and left out')
  }
}
