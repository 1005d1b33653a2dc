/** What each source has said so far, and how an update changes it. */
import type { ConfigObject, ConfigUpdate } from '#model/config.ts'
import { configKey } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import type { SourceState } from '#model/mesh.ts'
import { type Service, serviceKey, type Workload, workloadKey } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { sameContent } from '#support/equal.ts'
import type { Difference } from './selection.ts'
import { due, type Leaving, settle } from './settle.ts'
import { SortedMap } from './sorted-map.ts'

/** What a source said last, in the form in which it is kept on disk. */
export interface SaidContent {
  readonly services: SortedMap<Service>
  readonly workloads: SortedMap<Workload>
  readonly configs: SortedMap<ConfigObject>
  readonly issues: readonly Issue[]
}

export interface Said extends SaidContent {
  readonly state: SourceState
  /** It has said `full` in this process. */
  readonly synced: boolean
  /** Services that it took back and that have not gone yet. */
  readonly leaving: Leaving
  /** Content comes from disk, said at this time, and has not been confirmed. */
  readonly restored?: Date
}

/** The last snapshot from disk; only for a source that has not spoken. */
export interface Restored {
  readonly kind: 'restored'
  readonly savedAt: Date
  readonly services: readonly Service[]
  readonly workloads: readonly Workload[]
  readonly configs: readonly ConfigObject[]
  readonly issues: readonly Issue[]
}

/** Time has passed: removals that are due take effect. Says nothing about the source. */
export interface Tick {
  readonly kind: 'tick'
}

export type MergeEvent =
  | {
      readonly role: 'registry'
      readonly source: string
      readonly at: Date
      readonly update: RegistryUpdate | Restored | Tick
    }
  | {
      readonly role: 'config'
      readonly source: string
      readonly at: Date
      readonly update: ConfigUpdate | Restored | Tick
    }

export const emptyContent: SaidContent = {
  services: SortedMap.empty(),
  workloads: SortedMap.empty(),
  configs: SortedMap.empty(),
  issues: [],
}

export const neverSpoken = (source: Pick<SourceState, 'name' | 'kind' | 'role'>): Said => ({
  ...emptyContent,
  synced: false,
  leaving: new Map(),
  state: { name: source.name, kind: source.kind, role: source.role, state: 'connecting', issues: [] },
})

/** One kind of object of an update: the whole (`all`), or what changed and what went. */
interface Part<T> {
  readonly all: boolean
  readonly items: readonly T[]
  readonly removed: readonly string[]
}

/** Objects whose content differs from what was said before; of two with one key the last counts. */
const differ = <T>(
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

export interface Advance {
  readonly said: Said
  readonly services: readonly Difference<Service>[]
  readonly workloads: readonly Difference<Workload>[]
  /** Keys of configuration objects whose content differs. */
  readonly configs: readonly string[]
}

const differences = <T>(
  source: string,
  before: SortedMap<T>,
  changes: ReadonlyMap<string, T | undefined>,
): Difference<T>[] =>
  [...changes].map(([key, after]) => ({ id: `${source}\n${key}`, before: before.get(key), after }))

interface Parts {
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
    case 'full':
      return { ...nothing, configs: whole(update.objects), issues: update.issues }
    case 'delta':
      return { ...nothing, configs: some(update.changed, update.removed), issues: update.issues }
    case 'trouble':
      return nothing
  }
}

const partsOf = (event: MergeEvent): Parts => {
  const { update } = event
  if (update.kind === 'tick') return nothing
  if (update.kind === 'restored') {
    const { services, workloads, configs, issues } = update
    return { services: whole(services), workloads: whole(workloads), configs: whole(configs), issues }
  }
  return event.role === 'registry'
    ? registryParts(update as RegistryUpdate)
    : configParts(update as ConfigUpdate)
}

/**
 * Trouble marks what was said as stale and takes nothing away; `full` and `delta` make it fresh again. A delta from a
 * source that has not said `full` yet counts as content, not as "synced".
 */
const stateAfter = (
  before: Said,
  { update, at }: MergeEvent,
): Pick<Said, 'state' | 'synced' | 'restored'> => {
  const { name, kind, role, lastUpdate, issues } = before.state
  const base = { name, kind, role, lastUpdate, issues }
  switch (update.kind) {
    case 'tick':
      return before
    case 'trouble': {
      const state = before.synced ? 'stale' : 'connecting'
      const { error, since } = update
      return { state: { ...base, state, error, since }, synced: before.synced, restored: before.restored }
    }
    case 'restored':
      return {
        state: { ...before.state, lastUpdate: update.savedAt },
        synced: before.synced,
        restored: update.savedAt,
      }
    case 'full':
      return { state: { ...base, lastUpdate: at, state: 'fresh' }, synced: true }
    case 'delta':
      return {
        state: { ...base, lastUpdate: at, state: before.synced ? 'fresh' : 'connecting' },
        synced: before.synced,
        restored: before.restored,
      }
  }
}

/** What the source has said after this event, and what of it is new. */
export const advance = (before: Said, event: MergeEvent, removalDelay: number): Advance => {
  const parts = partsOf(event)
  const now = event.at.getTime()
  // What comes from disk only was not confirmed in this process: it goes at once.
  const delay = before.synced ? removalDelay : 0
  const { changes: services, leaving } = settle(
    (key) => before.services.get(key),
    event.update.kind === 'tick'
      ? due(before.leaving, now)
      : differ(before.services, parts.services, serviceKey),
    before.leaving,
    { now, delay },
  )
  const workloads = differ(before.workloads, parts.workloads, workloadKey)
  const configs = differ(before.configs, parts.configs, configKey)
  const said: Said = {
    ...stateAfter(before, event),
    leaving,
    services: before.services.with(services),
    workloads: before.workloads.with(workloads),
    configs: before.configs.with(configs),
    issues: parts.issues ?? before.issues,
  }
  return {
    said,
    services: differences(event.source, before.services, services),
    workloads: differences(event.source, before.workloads, workloads),
    configs: [...configs.keys()],
  }
}
