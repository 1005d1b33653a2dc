/** What an adapter has told so far, so that only what differs is told again. */
import type { Missing } from '#model/issue.ts'
import { type Service, serviceKey, type Workload, workloadKey } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import type { RegistryUpdate } from './registry.ts'

export type Full = Extract<RegistryUpdate, { kind: 'full' }>
export type Delta = Extract<RegistryUpdate, { kind: 'delta' }>

export interface Change {
  readonly changed?: readonly Service[]
  readonly removed?: readonly string[]
  readonly changedWorkloads?: readonly Workload[]
  readonly removedWorkloads?: readonly string[]
}

export interface Told {
  /** A `full`, with all of it noted; what is not in it is forgotten, also where a part is `missing`. */
  full(services: readonly Service[], workloads?: readonly Workload[], missing?: Missing): Full
  /** What of `change` differs from what was told; undefined if nothing does. */
  change(change: Change): Delta | undefined
  /** As `change`, given everything: what is not in it is removed. */
  everything(services: readonly Service[], workloads?: readonly Workload[]): Delta | undefined
  service(key: string): Service | undefined
  serviceKeys(): Iterable<string>
}

export function createTold(): Told {
  const services = new Map<string, Service>()
  const workloads = new Map<string, Workload>()

  function change({ changed = [], removed = [], changedWorkloads = [], removedWorkloads = [] }: Change) {
    const delta: Delta = {
      kind: 'delta',
      changed: note(services, changed, serviceKey),
      removed: removed.filter((key) => services.delete(key)),
      changedWorkloads: note(workloads, changedWorkloads, workloadKey),
      removedWorkloads: removedWorkloads.filter((key) => workloads.delete(key)),
    }
    const lists = [delta.changed, delta.removed, delta.changedWorkloads, delta.removedWorkloads]
    return lists.some((list) => list.length > 0) ? delta : undefined
  }
  return {
    full(all, allWorkloads = [], missing) {
      services.clear()
      workloads.clear()
      note(services, all, serviceKey)
      note(workloads, allWorkloads, workloadKey)
      const whole: Full = {
        kind: 'full',
        services: [...services.values()],
        workloads: [...workloads.values()],
      }
      return missing === undefined ? whole : { ...whole, missing }
    },
    change,
    everything(all, allWorkloads = []) {
      return change({
        changed: all,
        removed: missing(services, all.map(serviceKey)),
        changedWorkloads: allWorkloads,
        removedWorkloads: missing(workloads, allWorkloads.map(workloadKey)),
      })
    },
    service: (key) => services.get(key),
    serviceKeys: () => services.keys(),
  }
}

/** Takes note of what is new or differs, and gives it. */
function note<T>(told: Map<string, T>, values: readonly T[], keyOf: (value: T) => string): T[] {
  return values.filter((value) => {
    const key = keyOf(value)
    if (sameContent(told.get(key), value)) return false
    told.set(key, value)
    return true
  })
}

function missing(told: ReadonlyMap<string, unknown>, keys: readonly string[]): string[] {
  const now = new Set(keys)
  return [...told.keys()].filter((key) => !now.has(key))
}
