/** What an update makes of a source's state: what it is able to say, and of what it can't. */
import type { Missing } from '#model/issue.ts'
import type { SourceState } from '#model/mesh.ts'
import { serviceKey, workloadKey } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import type { Calm } from './protect.ts'
import { calmAt } from './protect.ts'
import type { MergeEvent, OwnTrouble, Said } from './said.ts'
import { SortedMap } from './sorted-map.ts'

type Standing = Pick<Said, 'state' | 'synced' | 'restored' | 'missing'>

/**
 * Trouble marks what was said as stale and takes nothing away; `full` and `delta` make it fresh again. A delta from a
 * source that has not said `full` yet counts as content, not as "synced". Trouble of single services is not the
 * source's. A part that is missing is shown as the error of a source that is fresh.
 */
export const stateAfter = (before: Said, { update, at }: MergeEvent): Standing => {
  const { error: _, since: __, ...base } = before.state
  const { state, synced, restored, missing } = before
  const same = { state, synced, restored, missing }
  switch (update.kind) {
    case 'tick':
    case 'accept':
      return same
    case 'trouble': {
      if ('services' in update && update.services !== undefined) return same
      const { error, since } = update
      return { ...same, state: { ...base, state: synced ? 'stale' : 'connecting', error, since } }
    }
    case 'restored':
      return { ...same, state: { ...state, lastUpdate: update.savedAt }, restored: update.savedAt }
    case 'full': {
      const { missing: lacks } = update
      return {
        state: { ...base, ...errorOf(lacks), lastUpdate: at, state: 'fresh' },
        synced: true,
        restored: undefined,
        missing: lacks,
      }
    }
    case 'delta':
      return {
        ...same,
        state: { ...base, ...errorOf(missing), lastUpdate: at, state: synced ? 'fresh' : 'connecting' },
      }
  }
}

const errorOf = (missing: Missing | undefined): Pick<SourceState, 'error' | 'since'> =>
  missing === undefined ? {} : { error: missing.error, since: missing.since }

type Troubled = Said['troubled']

const marked = (troubled: Troubled, keys: readonly string[], { error, since }: OwnTrouble) =>
  keys.flatMap((key): [string, OwnTrouble][] => {
    const before = troubled.get(key)
    const next = { error, since: before?.since ?? since }
    return sameContent(before, next) ? [] : [[key, next]]
  })

const ended = (troubled: Troubled, keys: readonly string[]) =>
  keys.filter((key) => troubled.has(key)).map((key) => [key, undefined] as const)

/** After a `full` without a part: what it names is not in trouble, what it doesn't was not asked. */
const without = (
  troubled: Troubled,
  told: ReadonlyMap<string, unknown>,
  named: readonly string[],
  missing: Missing | undefined,
): Troubled => {
  if (missing === undefined) return troubled.size === 0 ? troubled : SortedMap.empty()
  const said = new Set(named)
  const kept = [...told.keys()].filter((key) => !said.has(key))
  return troubled.with(new Map([...ended(troubled, named), ...marked(troubled, kept, missing)]))
}

/** Services in trouble of their own after an update; only what is told can be. */
export const troubledAfter = ({ troubled, books }: Said, { update }: MergeEvent): Troubled => {
  const { told } = books.services
  switch (update.kind) {
    case 'trouble': {
      const named = ('services' in update && update.services) || []
      const known = named.filter((key) => told.has(key))
      return troubled.with(new Map(marked(troubled, known, update)))
    }
    case 'full':
      return 'services' in update
        ? without(troubled, told, update.services.map(serviceKey), update.missing)
        : troubled
    case 'delta': {
      if (troubled.size === 0 || !('removedWorkloads' in update)) return troubled
      const named = [...update.removed, ...update.changed.map(serviceKey)]
      return troubled.with(new Map(ended(troubled, named)))
    }
    default:
      return troubled
  }
}

/** Workloads, the same. */
export const troubledWorkloadsAfter = (
  { troubledWorkloads: troubled, books }: Said,
  { update }: MergeEvent,
): Troubled => {
  if (update.kind === 'full' && 'workloads' in update)
    return without(troubled, books.workloads.told, update.workloads.map(workloadKey), update.missing)
  if (update.kind !== 'delta' || troubled.size === 0 || !('removedWorkloads' in update)) return troubled
  const named = [...update.removedWorkloads, ...update.changedWorkloads.map(workloadKey)]
  return troubled.with(new Map(ended(troubled, named)))
}

/** The registry's own clock runs while it is not in trouble. */
export const calmAfter = (calm: Calm, { state, error }: SourceState, now: number): Calm => {
  const runs = state === 'fresh' || error === undefined
  if (runs === (calm.since !== undefined)) return calm
  return runs ? { total: calm.total, since: now } : { total: calmAt(calm, now) }
}

/** With how many services are stale or held back. */
export const withCounts = (state: SourceState, stale: number, held: number): SourceState => {
  if ((state.staleServices ?? 0) === stale && (state.protectedServices ?? 0) === held) return state
  const { staleServices: _, protectedServices: __, ...rest } = state
  return {
    ...rest,
    ...(stale > 0 && { staleServices: stale }),
    ...(held > 0 && { protectedServices: held }),
  }
}
