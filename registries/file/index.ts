/** The embedded registry: services and workloads from Istio's own YAML, by way of a configuration source. */
import { Observable } from 'rxjs'
import type { ConfigSource } from '#config/source.ts'
import type {
  ConfigKey,
  ConfigObject,
  ConfigUpdate,
  ServiceEntrySpec,
  WorkloadEntrySpec,
} from '#model/config.ts'
import { configKey } from '#model/config.ts'
import {
  type Service,
  type ServiceKey,
  serviceKey,
  type Workload,
  type WorkloadKey,
  workloadKey,
} from '#model/service.ts'
import type { Registry, RegistryUpdate } from '../registry.ts'
import { toServices, toWorkload } from './translate.ts'

export interface FileRegistryOptions {
  /** e.g. `file/services` */
  readonly name: string
  /** Shared with whoever else follows the same directory. */
  readonly config: ConfigSource
}

export function fileRegistry({ name, config }: FileRegistryOptions): Registry {
  const updates = new Observable<RegistryUpdate>((subscriber) => {
    const state = createState(name)
    return config.updates.subscribe((update) => {
      const next = state.advance(update)
      if (next) subscriber.next(next)
    })
  })
  return { name, kind: 'file', updates }
}

/** What the objects give, so that a change of one touches only its own services. */
function createState(registry: string) {
  const services = createIndex<Service>(serviceKey)
  const workloads = createIndex<Workload>(workloadKey)
  let synced = false

  function put(object: ConfigObject): void {
    const key = configKey(object)
    if (object.kind === 'ServiceEntry')
      services.put(key, toServices(object as ConfigObject<string, ServiceEntrySpec>, registry))
    else if (object.kind === 'WorkloadEntry') {
      const workload = toWorkload(object as ConfigObject<string, WorkloadEntrySpec>, registry)
      workloads.put(key, workload ? [workload] : [])
    }
  }
  function remove(key: ConfigKey): void {
    services.put(key, [])
    workloads.put(key, [])
  }

  /** undefined: nothing for us in it. */
  function advance(update: ConfigUpdate): RegistryUpdate | undefined {
    if (update.kind === 'trouble') return update
    if (update.kind === 'full') {
      const now = new Set(update.objects.map(configKey))
      for (const key of [...services.owners(), ...workloads.owners()]) if (!now.has(key)) remove(key)
      for (const object of update.objects) put(object)
      services.take()
      workloads.take()
      synced = true
      const all = { kind: 'full', services: services.values(), workloads: workloads.values() } as const
      return update.missing === undefined ? all : { ...all, missing: update.missing }
    }
    if (!synced) return undefined
    for (const key of update.removed) remove(key)
    for (const object of update.changed) put(object)
    const s = services.take()
    const w = workloads.take()
    if (![s.changed, s.removed, w.changed, w.removed].some((list) => list.length)) return undefined
    return {
      kind: 'delta',
      changed: s.changed,
      removed: s.removed,
      changedWorkloads: w.changed,
      removedWorkloads: w.removed,
    }
  }
  return { advance }
}

/** Values by their own key, which no two objects share, and the object that gives them. */
function createIndex<T>(keyOf: (value: T) => ServiceKey | WorkloadKey) {
  const byOwner = new Map<ConfigKey, ReadonlyMap<string, T>>()
  const told = new Map<string, T>()
  const changed = new Map<string, T>()
  const removed = new Set<string>()

  return {
    put(owner: ConfigKey, list: readonly T[]): void {
      const values = new Map(list.map((value) => [keyOf(value), value]))
      for (const key of byOwner.get(owner)?.keys() ?? [])
        if (!values.has(key) && told.delete(key)) removed.add(key)
      for (const [key, value] of values) {
        if (JSON.stringify(told.get(key)) === JSON.stringify(value)) continue
        told.set(key, value)
        changed.set(key, value)
      }
      if (values.size) byOwner.set(owner, values)
      else byOwner.delete(owner)
    },
    owners: () => [...byOwner.keys()],
    values: () => [...told.values()],
    take() {
      const taken = {
        changed: [...changed.keys()].flatMap((key) => told.get(key) ?? []),
        removed: [...removed].filter((key) => !told.has(key)),
      }
      changed.clear()
      removed.clear()
      return taken
    },
  }
}
