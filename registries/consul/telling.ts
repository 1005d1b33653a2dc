/** What several datacenters say, put together by hostname and told as one registry. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { type Service, serviceKey } from '#model/service.ts'
import type { Logger } from '#support/logger.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import { type Instance, type TranslateOptions, toService } from './translate.ts'

export interface Telling {
  service(source: number, name: string, hostname: string | undefined, instances: readonly Instance[]): void
  newHistory(source: number): void
  settled(source: number): void
  trouble(source: number, error: PilotError, retryAt: Date): void
  doubted(source: number, name: string, error: PilotError, retryAt: Date): void
  stop(): void
}

interface Member {
  readonly source: Source
  readonly name: string
  readonly hostname: string
  readonly instances: readonly Instance[]
}

/** One datacenter: what is served of it, and what is being read of a new history. */
interface Source {
  members: Map<string, Member>
  /** Not everything has been read yet; nothing of it is told. */
  pending?: Map<string, Member>
  troubled?: { readonly since: Date; readonly retryAt: Date; readonly error: PilotError }
}

/** Changes are told together, if they come within this time, ms. */
const TOGETHER = 1

export function createTelling(
  options: TranslateOptions,
  deps: { readonly clock: SchedulerLike; readonly log: Logger; readonly sources: number },
  emit: (update: RegistryUpdate) => void,
): Telling {
  const { clock, log } = deps
  const told = createTold()
  const sources: Source[] = Array.from({ length: deps.sources }, () => ({
    members: new Map(),
    pending: new Map(),
  }))
  /** Which services of which datacenters make a hostname. */
  const makers = new Map<string, Map<string, Member>>()
  const dirty = new Set<string>()
  const complained = new Set<string>()
  const doubts = new Map<string, Date>()
  let synced = false
  let timer: Subscription | undefined

  const keyOf = (hostname: string) => serviceKey({ hostname, namespace: options.namespace })

  function put(source: number, name: string, member: Member | undefined): void {
    const { members } = sources[source]!
    const hostname = (member ?? members.get(name))?.hostname
    if (hostname === undefined) return
    const of = makers.get(hostname) ?? new Map<string, Member>()
    if (member) {
      members.set(name, member)
      makers.set(hostname, of.set(`${source} ${name}`, member))
    } else {
      members.delete(name)
      of.delete(`${source} ${name}`)
      if (of.size === 0) makers.delete(hostname)
    }
    dirty.add(hostname)
    if (synced) timer ??= clock.schedule(flush, TOGETHER)
  }

  function made(hostname: string): Service | undefined {
    const members = [...(makers.get(hostname)?.values() ?? [])]
    if (members.length === 0) return undefined
    const all = members.flatMap((member) => member.instances)
    const { service, leftOut } = toService(members[0]!.name, hostname, all, options)
    if (leftOut > 0)
      complain(
        `mixed ${hostname}`,
        { hostname, leftOut },
        'instances with a name for an address are left out: the others have addresses',
      )
    return service
  }

  function flush(): void {
    timer?.unsubscribe()
    timer = undefined
    if (!synced) return
    const changed: Service[] = []
    const removed: string[] = []
    for (const hostname of dirty) {
      const service = made(hostname)
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
      const named = delta.changed.filter((service) => isOf(each, service))
      tellTrouble(each, named)
    }
  }

  function complain(key: string, fields: object, message: string): void {
    if (complained.has(key)) return
    complained.add(key)
    log.warn({ registry: options.name, ...fields }, message)
  }

  function settleAll(): void {
    if (sources.some((source) => source.pending)) return
    synced = true
    dirty.clear()
    timer?.unsubscribe()
    timer = undefined
    doubts.clear()
    emit(told.full([...makers.keys()].flatMap((hostname) => made(hostname) ?? [])))
  }

  return {
    service(source, name, hostname, instances) {
      if (hostname === undefined && instances.length > 0)
        complain(`host ${name}`, { service: name }, 'a service whose name makes no DNS name is left out')
      const it = sources[source]!
      const member =
        hostname === undefined || instances.length === 0
          ? undefined
          : { source: it, name, hostname, instances }
      const { pending } = it
      if (!pending) put(source, name, member)
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
      if (pending) {
        delete it.pending
        for (const name of [...it.members.keys()]) if (!pending.has(name)) put(source, name, undefined)
        for (const [name, member] of pending) put(source, name, member)
        settleAll()
        return
      }
      if (!troubled || !synced) return
      flush()
      emit({ ...nothing, changed: deps.sources === 1 ? [] : servicesOf(it) })
      // That was heard as the end of all trouble.
      for (const each of sources) tellTrouble(each)
    },
    trouble(source, error, retryAt) {
      const it = sources[source]!
      if (it.troubled?.error.code === error.code) return
      it.troubled = { since: it.troubled?.since ?? new Date(clock.now()), error, retryAt }
      tellTrouble(it)
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

  function isOf(source: Source, { hostname }: Service): boolean {
    return [...(makers.get(hostname)?.values() ?? [])].some((member) => member.source === source)
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
