/** One subscription: what the namespaces, the event streams and the checks say becomes the registry's word. */
import type { SchedulerLike } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { serviceKey } from '#model/service.ts'
import { createBackoff } from '#support/backoff.ts'
import type { Logger } from '#support/logger.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold } from '../told.ts'
import type { NomadClient } from './api.ts'
import { createBook, type NameKey, nameKey, nameOf } from './book.ts'
import { createChecks } from './checks.ts'
import { createCluster } from './cluster.ts'
import type { NomadSettings } from './options.ts'
import { createOutage } from './outage.ts'
import { createReading } from './reading.ts'
import { followScope, type Scope, without } from './scope.ts'
import { followStates, type States, type StatesDeps } from './states.ts'
import type { NomadTiming } from './timing.ts'
import { createTranslate } from './translate.ts'
import { readUnhealthy } from './unhealthy.ts'
import { type Events, parseAllocations, parseNodes, type ServiceName } from './wire.ts'
import { createWord } from './word.ts'

export interface SessionDeps {
  readonly client: NomadClient
  readonly clock: SchedulerLike
  readonly log: Logger
  readonly random: () => number
  readonly signal: AbortSignal
  readonly timing: NomadTiming
  readonly tell: (update: RegistryUpdate) => void
}

/** Services read at once. */
const READERS = 8
/** Allocations that are on their way in or out, or out of sight; ended ones have no registrations any more. */
const UNUSUAL =
  'ClientStatus == "pending" or ClientStatus == "unknown" or (ClientStatus == "running" and DesiredStatus != "run")'

export function startSession(settings: NomadSettings, deps: SessionDeps): void {
  const { client, clock, log, random, signal, timing } = deps
  const { name: registry, namespaces } = settings
  const tell = (update: RegistryUpdate) => {
    if (!signal.aborted) deps.tell(update)
  }
  const told = createTold()
  const warn = (problem: string) => log.warn({ registry }, `${registry}: ${problem}`)
  const book = createBook({ translate: createTranslate(settings), checks: settings.checks, warn })
  const keysOf = (name: NameKey) => book.servicesOf(name).map(serviceKey)
  const within = (namespace: string) => (name: NameKey) =>
    namespace === '*' || nameOf(name).namespace === namespace
  const keysIn = (namespace: string) => [...book.names()].filter(within(namespace)).flatMap(keysOf)
  const outage = createOutage({ clock, namespaces, tell, told, keysOf, keysIn })
  const scopes = new Map<string, Scope>()
  signal.addEventListener('abort', stop, { once: true })

  const once = createOnce(warn)
  const checks = settings.checks
    ? createChecks(
        {
          get: (path, namespace) => client.get({ path, query: { namespace }, signal }),
          verdicts(alloc, found) {
            book.verdicts(alloc, found)
            word.flush()
          },
          clock,
          backoff: createBackoff({ ...timing.retry, random }),
          shortest: settings.checkInterval,
          denied: (message) => once('checks', `checks are not read: ${message}`),
        },
        () => word.flush(),
      )
    : undefined
  const reading = createReading({
    ask(key) {
      const { namespace, name } = nameOf(key)
      return client.get({ path: `/v1/service/${encodeURIComponent(name)}`, query: { namespace }, signal })
    },
    read(key, found, again) {
      if (again) word.recovered()
      if (found.broken > 0) once(key, `${found.broken} registrations of ${key} are not understood`)
      const before = book.registrationsOf(key)
      book.registrations(key, found, word.synced())
      checks?.watch(before, book.registrationsOf(key))
      outage.serviceFine(key)
      word.flush()
    },
    failed(key, error, retryAt) {
      // Whether it can't be reached, or not be read, as a whole, is told by its list.
      if (error.code === 'PH3001' || error.code === 'PH3002')
        for (const scope of scopes.values()) scope.relist()
      if (error.code !== 'PH3001') outage.serviceTrouble(key, error, retryAt)
    },
    idle: () => word.flush(),
    backoff: createBackoff({ ...timing.retry, random }),
    clock,
    limit: READERS,
  })

  const word = createWord({
    ...{ clock, told, book, outage, tell },
    namespaces: namespaces.length,
    quiet: () => reading.idle(),
    failing: () => reading.failing(),
    settled: () => checks?.settled() ?? true,
    hold: timing.hold,
  })
  const cluster = createCluster({
    ...{ client, signal, region: settings.connection.region },
    meta: Object.values(settings.locality).some((source) => source?.startsWith('meta.')),
    book: {
      ...book,
      node(node) {
        book.node(node)
        word.flush()
      },
    },
    denied: () => once('nodes', 'the token lacks node:read: which nodes drain is not known'),
  })

  function wantAll(namespace: string, names: readonly ServiceName[], index: number): void {
    for (const each of names) reading.want(nameKey(each), index)
    wantGone(namespace, names, index)
  }
  /** Whom a list no longer names is gone when its own answer says so: a list may be filtered by rights. */
  function wantGone(namespace: string, names: readonly ServiceName[], index: number): void {
    for (const key of without([...book.names()].filter(within(namespace)), names)) reading.want(key, index)
  }
  function hear(events: Events): void {
    for (const each of events.services) reading.want(nameKey(each), events.index)
    for (const each of events.allocations) {
      book.allocation(each)
      checks?.hint(each.id)
    }
    for (const { node, meta } of events.nodes) cluster.node(node, meta)
    if (events.allocations.length > 0) word.flush()
  }

  const follow = { client, clock, random, signal, timing }
  function stateList(path: string, query: Record<string, string>, take: StatesDeps['take']): States {
    const refused = ({ error }: { error: PilotError }) => once(path, error.message)
    return followStates({ ...follow, path, query, take, refused })
  }
  const streams = new Set<string>()
  const nodes = stateList('/v1/nodes', {}, (body) => {
    const found = parseNodes(body)
    if (found) cluster.nodes(found.values)
    word.flush()
    return found !== undefined
  })

  function start(namespace: string): Scope {
    const allocations = stateList('/v1/allocations', allocationQuery(namespace), async (body, index) => {
      const found = parseAllocations(body)
      if (!found) return false
      const unhealthy = await readUnhealthy(client, namespace, signal)
      const of = namespace === '*' ? undefined : namespace
      book.allocations([...found.values, ...unhealthy], of, index)
      word.flush()
      return true
    })
    return followScope({
      ...follow,
      namespace,
      topics: () => ['Service', 'Allocation', ...(cluster.denied() ? [] : ['Node'])],
      reacquaint: () => cluster.acquaint(namespace),
      names(names, index) {
        for (const each of names) if (!book.knows(nameKey(each))) reading.want(nameKey(each), index)
        wantGone(namespace, names, index)
      },
      readAll: (names, index) => wantAll(namespace, names, index),
      events: hear,
      streaming(on, error) {
        if (error) log.debug({ registry, namespace, error }, 'the event stream has ended')
        if (on) streams.add(namespace)
        else streams.delete(namespace)
        allocations.streaming(on)
        nodes.streaming(streams.size > 0 && !cluster.denied())
      },
      newHistory() {
        word.anew(namespace)
        reading.anew()
        log.warn({ registry }, `${registry}: a new history of the server; all is read again`)
      },
      trouble: (error, retryAt) => outage.scopeTrouble(namespace, error, retryAt),
      fine() {
        word.listed(namespace)
        reading.retryNow()
        outage.scopeFine(namespace)
        word.flush()
      },
    })
  }
  for (const namespace of namespaces) scopes.set(namespace, start(namespace))

  function stop(): void {
    word.stop()
    reading.stop()
    checks?.stop()
  }
}

const allocationQuery = (namespace: string) => ({
  ...{ namespace, filter: UNUSUAL, resources: 'false', task_states: 'false' },
})

/** Says a thing once, whatever its words. */
function createOnce(say: (message: string) => void) {
  const said = new Set<string>()
  return (what: string, message: string) => {
    if (!said.has(what)) say(message)
    said.add(what)
  }
}
