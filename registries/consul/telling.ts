/** What several datacenters say, put together by hostname and told as one registry. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { Missing, PilotError } from '#model/issue.ts'
import { type Service, serviceKey } from '#model/service.ts'
import type { Logger } from '#support/logger.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import { createMakers, type Member } from './makers.ts'
import type { Instance, TranslateOptions } from './translate.ts'

export interface Telling {
  service(source: number, name: string, hostname: string | undefined, instances: readonly Instance[]): void
  newHistory(source: number): void
  settled(source: number): void
  trouble(source: number, error: PilotError, retryAt: Date): void
  /** The same trouble is tried again later. */
  retries(source: number, retryAt: Date): void
  doubted(source: number, name: string, error: PilotError, retryAt: Date): void
  stop(): void
}

/** One datacenter: what is served of it, and what is being read of a new history. */
interface Source {
  readonly index: number
  members: Map<string, Member>
  /** Not everything has been read yet; nothing of it is told. */
  pending?: Map<string, Member>
  /** It has been read to its end once. */
  heard: boolean
  troubled?: Missing
}

/** Changes are told together, if they come within this time, ms. */
const TOGETHER = 1
/** A datacenter that can't be asked by then does not hold back the others' first word, ms. */
const FIRST_WORD = 10_000

export function createTelling(
  options: TranslateOptions,
  deps: { readonly clock: SchedulerLike; readonly log: Logger; readonly sources: number },
  emit: (update: RegistryUpdate) => void,
): Telling {
  const { clock, log } = deps
  const told = createTold()
  const sources: Source[] = Array.from({ length: deps.sources }, (_, index) => ({
    index,
    members: new Map(),
    pending: new Map(),
    heard: false,
  }))
  const makers = createMakers(options, complain)
  const dirty = new Set<string>()
  const complained = new Set<string>()
  const doubts = new Map<string, Date>()
  let synced = false
  let late = false
  let timer: Subscription | undefined
  const firstWord = clock.schedule(() => {
    late = true
    if (!synced) tellAll()
  }, FIRST_WORD)

  const keyOf = (hostname: string) => serviceKey({ hostname, namespace: options.namespace })

  function put({ members }: Source, name: string, member: Member | undefined): void {
    const changed = member ?? members.get(name)
    if (!changed) return
    if (member) {
      members.set(name, member)
      makers.put(member)
    } else {
      members.delete(name)
      makers.remove(changed)
    }
    dirty.add(changed.hostname)
    if (synced) timer ??= clock.schedule(flush, TOGETHER)
  }

  function flush(): void {
    timer?.unsubscribe()
    timer = undefined
    if (!synced) return
    const changed: Service[] = []
    const removed: string[] = []
    for (const hostname of dirty) {
      const service = makers.made(hostname)
      if (service) changed.push(service)
      else removed.push(keyOf(hostname))
    }
    dirty.clear()
    const delta = told.change({ changed, removed })
    const named = new Set(delta?.changed.map(serviceKey))
    const calmed = changed.filter((service) => doubts.delete(serviceKey(service)))
    const again = calmed.filter((service) => !named.has(serviceKey(service)))
    if (delta || again.length > 0)
      tellChange({ ...(delta ?? nothing), changed: [...(delta?.changed ?? []), ...again] })
  }

  /** What is still in trouble is told again: a delta is heard as the end of it. */
  function tellChange(delta: Delta): void {
    emit(delta)
    for (const each of sources.filter(({ troubled }) => troubled)) {
      const named = delta.changed.filter(({ hostname }) => makers.has(each.index, hostname))
      tellTrouble(each, named)
    }
  }

  function complain(key: string, fields: object, message: string): void {
    if (complained.has(key)) return
    complained.add(key)
    log.warn({ registry: options.name, ...fields }, message)
  }

  /** All that is known, once no datacenter is waited for: one that is being read is, one in trouble only at first. */
  function tellAll(): void {
    const unheard = sources.filter(({ heard }) => !heard)
    const waiting = unheard.some(({ troubled }) => !late || !troubled)
    if (waiting || unheard.length === sources.length) return
    synced = true
    dirty.clear()
    timer?.unsubscribe()
    timer = undefined
    doubts.clear()
    emit(told.full(makers.all(), [], unheard[0]?.troubled))
    for (const each of sources) tellTrouble(each)
  }

  return {
    service(source, name, hostname, instances) {
      if (hostname === undefined && instances.length > 0)
        complain(`host ${name}`, { service: name }, 'a service whose name makes no DNS name is left out')
      const it = sources[source]!
      const member =
        hostname === undefined || instances.length === 0 ? undefined : { source, name, hostname, instances }
      const { pending } = it
      if (!pending) put(it, name, member)
      else if (member) pending.set(name, member)
      else pending.delete(name)
    },
    newHistory(source) {
      sources[source]!.pending = new Map()
    },
    settled(source) {
      const it = sources[source]!
      const { pending, troubled } = it
      delete it.troubled
      flush()
      if (pending) {
        delete it.pending
        it.heard = true
        for (const name of [...it.members.keys()]) if (!pending.has(name)) put(it, name, undefined)
        for (const [name, member] of pending) put(it, name, member)
        tellAll()
        return
      }
      if (!troubled || !synced) return
      emit({ ...nothing, changed: deps.sources === 1 ? [] : servicesOf(it) })
      // That was heard as the end of all trouble.
      for (const each of sources) tellTrouble(each)
    },
    trouble(source, error, retryAt) {
      const it = sources[source]!
      const { troubled } = it
      it.troubled = { since: troubled?.since ?? new Date(clock.now()), error, retryAt }
      if (troubled?.error.code === error.code) return
      tellTrouble(it)
      if (it.heard) return
      flush()
      tellAll()
    },
    retries(source, retryAt) {
      const it = sources[source]!
      if (it.troubled) it.troubled = { ...it.troubled, retryAt }
    },
    doubted(source, name, error, retryAt) {
      const member = sources[source]!.members.get(name)
      if (!member || !synced) return
      const key = keyOf(member.hostname)
      if (doubts.has(key)) return
      const since = new Date(clock.now())
      doubts.set(key, since)
      emit({ kind: 'trouble', error, since, retryAt, services: [key] })
    },
    stop() {
      timer?.unsubscribe()
      firstWord.unsubscribe()
    },
  }

  /** Of its services alone (of some of them), as long as another datacenter speaks. */
  function tellTrouble(source: Source, some?: readonly Service[]): void {
    const { troubled } = source
    if (!troubled) return
    if (!synced || sources.every((each) => each.troubled)) {
      emit({ kind: 'trouble', ...troubled })
      return
    }
    const services = (some ?? servicesOf(source)).map(serviceKey)
    if (services.length > 0) emit({ kind: 'trouble', ...troubled, services })
  }

  function servicesOf({ members }: Source): Service[] {
    const hostnames = new Set([...members.values()].map((member) => member.hostname))
    return [...hostnames].flatMap((hostname) => told.service(keyOf(hostname)) ?? [])
  }
}

const nothing = {
  kind: 'delta',
  changed: [],
  removed: [],
  changedWorkloads: [],
  removedWorkloads: [],
} as const
