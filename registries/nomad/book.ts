/** What is known of the registrations, allocations, nodes and checks, and the services that it makes. No I/O. */
import { type Service, serviceKey } from '#model/service.ts'
import type { Change } from '../told.ts'
import type { NodeFacts, Surroundings, Translate } from './translate.ts'
import type { Allocation, CheckStatus, Parsed, Registration, ServiceName } from './wire.ts'

/** `namespace/name`; neither has a slash. */
export type NameKey = string
export const nameKey = ({ namespace, name }: ServiceName): NameKey => `${namespace}/${name}`
export const nameOf = (key: NameKey): ServiceName => {
  const at = key.indexOf('/')
  return { namespace: key.slice(0, at), name: key.slice(at + 1) }
}

export interface BookOptions {
  readonly translate: Translate
  readonly checks: boolean
  readonly warn: (problem: string) => void
}

type Verdicts = ReadonlyMap<string, CheckStatus>

interface Entry {
  readonly registrations: readonly Registration[]
  services: readonly Service[]
}

const TERMINAL = ['complete', 'failed', 'lost']

export type Book = ReturnType<typeof createBook>

export function createBook({ translate, checks, warn }: BookOptions) {
  const entries = new Map<NameKey, Entry>()
  const byAlloc = new Map<string, Set<NameKey>>()
  const byNode = new Map<string, Set<NameKey>>()
  const allocations = new Map<string, Allocation>()
  const nodes = new Map<string, NodeFacts>()
  /** By allocation; `awaited` until the first answer. */
  const verdicts = new Map<string, Verdicts | 'awaited'>()
  const touched = new Set<NameKey>()
  const removed = new Set<string>()
  const warned = new Set<string>()
  let region = 'global'

  const around: Surroundings = {
    get region() {
      return region
    },
    allocation: (id) => allocations.get(id),
    node: (id) => nodes.get(id),
    check(alloc, service) {
      const found = verdicts.get(alloc)
      return found === 'awaited' ? found : found?.get(service)
    },
  }
  const touch = (keys: Iterable<NameKey> | undefined) => {
    for (const key of keys ?? []) touched.add(key)
  }

  function index(key: NameKey, registrations: readonly Registration[], link: boolean): void {
    for (const { alloc, node } of registrations)
      for (const [map, id] of [
        [byAlloc, alloc],
        [byNode, node],
      ] as const) {
        const keys = map.get(id) ?? new Set()
        if (link) map.set(id, keys.add(key))
        else if (keys.delete(key) && keys.size === 0) map.delete(id)
      }
  }

  /** What a name's registrations are now. Returns the allocations that are new. */
  function registrations(key: NameKey, parsed: Parsed<Registration>, isNew: boolean): void {
    const before = entries.get(key)?.registrations ?? []
    // Who is not in a list that was only half understood is not gone.
    const kept = parsed.broken > 0 ? missing(before, parsed.values) : []
    const after = [...parsed.values, ...kept]
    if (checks && isNew)
      for (const { alloc, job } of after)
        if (alloc !== '' && job !== '' && !byAlloc.has(alloc) && !verdicts.has(alloc))
          verdicts.set(alloc, 'awaited')
    index(key, before, false)
    index(key, after, true)
    for (const { alloc } of before) if (!byAlloc.has(alloc)) forget(alloc)
    entries.set(key, { registrations: after, services: entries.get(key)?.services ?? [] })
    touched.add(key)
  }

  function forget(alloc: string): void {
    verdicts.delete(alloc)
    if (isUsual(allocations.get(alloc))) allocations.delete(alloc)
  }

  /** Allocations that are as they should be need not be known; nor ended ones, which have no registrations. */
  function allocation(next: Allocation): void {
    const known = allocations.get(next.id)
    if (known && known.modifyIndex > next.modifyIndex) return
    const keys = byAlloc.get(next.id)
    if (TERMINAL.includes(next.client) ? !keys : isUsual(next)) allocations.delete(next.id)
    else allocations.set(next.id, next)
    touch(keys)
  }

  function node(next: NodeFacts): void {
    const known = nodes.get(next.id)
    nodes.set(next.id, { ...next, meta: next.meta ?? known?.meta })
    touch(byNode.get(next.id))
  }

  function make(key: NameKey): readonly Service[] {
    const entry = entries.get(key)!
    const { services, problems } = translate(entry.registrations, around)
    for (const problem of problems) {
      if (!warned.has(problem)) warn(problem)
      warned.add(problem)
    }
    const now = new Set(services.map(serviceKey))
    for (const service of entry.services) if (!now.has(serviceKey(service))) removed.add(serviceKey(service))
    for (const service of services) removed.delete(serviceKey(service))
    entry.services = services
    if (entry.registrations.length === 0) entries.delete(key)
    return services
  }

  return {
    registrations,
    allocation,
    /** All that were not as they should be at this index, of a namespace (undefined: of all). */
    allocations(list: readonly Allocation[], namespace: string | undefined, at: number): void {
      const now = new Set(list.map(({ id }) => id))
      for (const known of [...allocations.values()]) {
        if (now.has(known.id) || known.modifyIndex > at) continue
        if (namespace !== undefined && known.namespace !== namespace) continue
        allocations.delete(known.id)
        touch(byAlloc.get(known.id))
      }
      for (const each of list) allocation(each)
    },
    node,
    /** All nodes there are. */
    nodes(list: readonly NodeFacts[]): void {
      const now = new Set(list.map(({ id }) => id))
      for (const id of [...nodes.keys()]) if (!now.has(id)) nodes.delete(id)
      for (const each of list) node(each)
    },
    /** undefined: not known, or none. */
    verdicts(alloc: string, found: Verdicts | undefined): void {
      if (found === undefined ? !verdicts.delete(alloc) : same(verdicts.get(alloc), found)) return
      if (found) verdicts.set(alloc, found)
      touch(byAlloc.get(alloc))
    },
    region(name: string): void {
      if (name === region) return
      region = name
      touch(entries.keys())
    },
    knows: (key: NameKey): boolean => entries.has(key),
    names: (): Iterable<NameKey> => entries.keys(),
    /** Registrations by name, for who asks for their checks. */
    registrationsOf: (key: NameKey): readonly Registration[] => entries.get(key)?.registrations ?? [],
    servicesOf: (key: NameKey): readonly Service[] => entries.get(key)?.services ?? [],
    take,
    /** All services, as they are now. */
    all(): readonly Service[] {
      touch(entries.keys())
      return take().changed ?? []
    },
  }
  /** What may have changed since the last time. */
  function take(): Change {
    const changed = [...touched].flatMap((key) => (entries.has(key) ? make(key) : []))
    const change = { changed, removed: [...removed] }
    touched.clear()
    removed.clear()
    return change
  }
}

const missing = (before: readonly Registration[], after: readonly Registration[]) =>
  before.filter(({ id }) => !after.some((each) => each.id === id))

const isUsual = (allocation: Allocation | undefined): boolean =>
  allocation !== undefined &&
  allocation.client === 'running' &&
  allocation.desired === 'run' &&
  !allocation.migrate &&
  allocation.healthy !== false

function same(a: Verdicts | 'awaited' | undefined, b: Verdicts): boolean {
  return a instanceof Map && a.size === b.size && [...b].every(([key, value]) => a.get(key) === value)
}
