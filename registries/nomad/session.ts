/** One subscription: what the namespaces, the event streams and the checks say becomes the registry's word. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { serviceKey } from '#model/service.ts'
import { createBackoff } from '#support/backoff.ts'
import type { Logger } from '#support/logger.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold } from '../told.ts'
import type { NomadClient } from './api.ts'
import { createBook, type NameKey, nameKey, nameOf } from './book.ts'
import { createChecks } from './checks.ts'
import { historyOf, readNodes, readRegion } from './cluster.ts'
import type { NomadSettings } from './options.ts'
import { createOutage } from './outage.ts'
import { createReading } from './reading.ts'
import { followScope, type Scope, without } from './scope.ts'
import { followStates, type States } from './states.ts'
import type { NomadTiming } from './timing.ts'
import { createTranslate } from './translate.ts'
import { type Events, parseAllocations, parseNodes, type ServiceName } from './wire.ts'

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
/** Changes that come within this are told together, ms. */
const TOGETHER = 2
/** How long the first word waits for the first results of checks, ms. */
const HOLD_CHECKS = 5000
/** Allocations that are not as they should be (DesiredTransition can't be filtered by: it comes as an event); ended ones have no registrations (nomad/state deletes them with it). */
const UNUSUAL =
  'ClientStatus == "pending" or ClientStatus == "unknown" or (ClientStatus == "running" and (DesiredStatus != "run" or DeploymentStatus.Healthy == false))'

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
  /** Until all has been read (again): what then stands is told as a whole. */
  let syncing: { readonly since: number; readAt?: number } | undefined = { since: clock.now() }
  const listed = new Set<string>()
  let nodesDenied = false
  /** CreateIndex of the nodes, by id: what tells one history from another. */
  const identity = new Map<string, number>()
  let flushing: Subscription | undefined
  signal.addEventListener('abort', stop, { once: true })

  const once = createOnce(warn)
  const checks = settings.checks
    ? createChecks(
        {
          get: (path, namespace) => client.get({ path, query: { namespace }, signal }),
          verdicts(alloc, found) {
            book.verdicts(alloc, found)
            flush()
          },
          clock,
          shortest: settings.checkInterval,
          denied: (message) => once('checks', `checks are not read: ${message}`),
        },
        () => flush(),
      )
    : undefined
  const reading = createReading({
    ask(key) {
      const { namespace, name } = nameOf(key)
      return client.get({ path: `/v1/service/${encodeURIComponent(name)}`, query: { namespace }, signal })
    },
    read(key, found) {
      if (found.broken > 0) once(key, `${found.broken} registrations of ${key} are not understood`)
      const before = book.registrationsOf(key)
      book.registrations(key, found, syncing === undefined)
      checks?.watch(before, book.registrationsOf(key))
      outage.serviceFine(key)
      flush()
    },
    failed(key, error, retryAt) {
      // Whether it can't be reached, or not be read, as a whole, is told by its list.
      if (error.code === 'PH3001' || error.code === 'PH3002')
        for (const scope of scopes.values()) scope.relist()
      if (error.code !== 'PH3001') outage.serviceTrouble(key, error, retryAt)
    },
    idle: () => flush(),
    backoff: createBackoff({ ...timing.retry, random }),
    clock,
    limit: READERS,
  })

  function flush(): void {
    if (signal.aborted) return
    flushing ??= clock.schedule(() => {
      flushing = undefined
      if (!syncing) {
        const change = told.change(book.take())
        // It is back when what was missed has been read.
        const delta = reading.idle() ? outage.with(change) : change
        if (delta) tell(delta)
      } else if (complete(syncing)) {
        syncing = undefined
        tell(told.full(book.all()))
        outage.toldAll()
      }
    }, TOGETHER)
  }

  /** Has all been read that is to be told as a whole? Asks to be asked again where only time is missing. */
  function complete(sync: NonNullable<typeof syncing>): boolean {
    const now = clock.now()
    if (listed.size === 0 || !reading.idle()) return false
    const held = listed.size < namespaces.length || outage.servicesInTrouble()
    if (held && now - sync.since < timing.hold) return later(sync.since + timing.hold)
    sync.readAt ??= now
    if (checks && !checks.settled() && now - sync.readAt < HOLD_CHECKS)
      return later(sync.readAt + HOLD_CHECKS)
    return true
  }
  let waker: Subscription | undefined
  function later(at: number): false {
    waker?.unsubscribe()
    waker = clock.schedule(flush, Math.max(1, at - clock.now()))
    return false
  }

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
    for (const { node, meta } of events.nodes) {
      book.node({ ...node, meta })
      if (!identity.has(node.id)) identity.set(node.id, node.createIndex)
    }
    if (events.allocations.length + events.nodes.length > 0) flush()
  }

  async function reacquaint(): Promise<'same' | 'new' | PilotError> {
    const nodes = await readNodes(client, signal)
    if ('code' in nodes) return nodes
    nodesDenied = nodes.denied
    if (nodes.denied)
      once('nodes', 'nodes can not be read (the token lacks node:read): draining nodes are not known')
    const history = historyOf(identity, nodes.list)
    if (nodes.list.length > 0) identity.clear()
    for (const { id, createIndex } of nodes.list) identity.set(id, createIndex)
    book.nodes(nodes.list)
    book.region(settings.connection.region ?? (await readRegion(client, signal)) ?? 'global')
    return history
  }

  const follow = { client, clock, random, signal, timing }
  function stateList(path: string, query: Record<string, string>, take: (body: unknown) => boolean): States {
    const refused = ({ error }: { error: PilotError }) => once(path, error.message)
    return followStates({ ...follow, path, query, take, refused })
  }
  const streams = new Set<string>()
  const nodes = stateList('/v1/nodes', {}, (body) => {
    const found = parseNodes(body)
    if (found) book.nodes(found.values)
    flush()
    return found !== undefined
  })

  function start(namespace: string): Scope {
    const allocations = stateList('/v1/allocations', allocationQuery(namespace), (body) => {
      const found = parseAllocations(body)
      if (found) book.allocations(found.values, namespace === '*' ? undefined : namespace)
      flush()
      return found !== undefined
    })
    return followScope({
      ...follow,
      namespace,
      topics: () => ['Service', 'Allocation', ...(nodesDenied ? [] : ['Node'])],
      reacquaint,
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
        nodes.streaming(streams.size > 0 && !nodesDenied)
      },
      newHistory() {
        listed.clear()
        reading.clear()
        syncing = { since: clock.now() }
        log.warn({ registry }, `${registry}: a new history of the server; all is read again`)
      },
      trouble: (error, retryAt) => outage.scopeTrouble(namespace, error, retryAt),
      fine() {
        listed.add(namespace)
        reading.retryNow()
        outage.scopeFine(namespace)
        flush()
      },
    })
  }
  for (const namespace of namespaces) scopes.set(namespace, start(namespace))

  function stop(): void {
    flushing?.unsubscribe()
    waker?.unsubscribe()
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
