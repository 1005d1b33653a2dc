/** What an update says of each kind of object, and what of it is new. */
import type { ConfigObject, ConfigUpdate } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import type { Service, Workload } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { sameContent } from '#support/equal.ts'
import type { MergeEvent } from './said.ts'
import type { SortedMap } from './sorted-map.ts'

/** One kind of object of an update: the whole (`all`), or what changed and what went. */
export interface Part<T> {
  readonly all: boolean
  readonly items: readonly T[]
  readonly removed: readonly string[]
}

/** Objects whose content differs from what was said before; of two with one key the last counts. */
export const differ = <T>(
  before: SortedMap<T>,
  { all, items, removed }: Part<T>,
  keyOf: (item: T) => string,
): ReadonlyMap<string, T | undefined> => {
  const next = new Map<string, T | undefined>(removed.map((key) => [key, undefined]))
  for (const item of items) next.set(keyOf(item), item)
  if (all) for (const key of before.keys()) if (!next.has(key)) next.set(key, undefined)
  for (const [key, value] of next) if (sameContent(before.get(key), value)) next.delete(key)
  return next
}

export interface Parts {
  readonly services: Part<Service>
  readonly workloads: Part<Workload>
  readonly configs: Part<ConfigObject>
  /** Absent = as before. */
  readonly issues?: readonly Issue[]
}

const whole = <T>(items: readonly T[]): Part<T> => ({ all: true, items, removed: [] })
const some = <T>(items: readonly T[], removed: readonly string[]): Part<T> => ({ all: false, items, removed })
const none: Part<never> = { all: false, items: [], removed: [] }
const nothing: Parts = { services: none, workloads: none, configs: none }

const registryParts = (update: RegistryUpdate): Parts => {
  switch (update.kind) {
    case 'full': {
      const { services, workloads } = update
      // What is not in it could not be asked: it stays.
      if (update.missing !== undefined)
        return { services: some(services, []), workloads: some(workloads, []), configs: none }
      return { services: whole(services), workloads: whole(workloads), configs: none }
    }
    case 'delta': {
      const { changed, removed, changedWorkloads, removedWorkloads } = update
      return {
        services: some(changed, removed),
        workloads: some(changedWorkloads, removedWorkloads),
        configs: none,
      }
    }
    case 'trouble':
      return nothing
  }
}

const configParts = (update: ConfigUpdate): Parts => {
  switch (update.kind) {
    case 'full': {
      const configs = update.missing === undefined ? whole(update.objects) : some(update.objects, [])
      return { ...nothing, configs, issues: update.issues }
    }
    case 'delta':
      return { ...nothing, configs: some(update.changed, update.removed), issues: update.issues }
    case 'trouble':
      return nothing
  }
}

export const partsOf = (event: MergeEvent): Parts => {
  const { update } = event
  if (update.kind === 'tick' || update.kind === 'accept') return nothing
  if (update.kind === 'restored') {
    const { services, workloads, configs, issues } = update
    return { services: whole(services), workloads: whole(workloads), configs: whole(configs), issues }
  }
  return event.role === 'registry'
    ? registryParts(update as RegistryUpdate)
    : configParts(update as ConfigUpdate)
}
