/** What an update makes of a source's state: what it is able to say, and of what it can't. */
import type { SourceState } from '#model/mesh.ts'
import { serviceKey } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import type { Calm } from './protect.ts'
import { calmAt } from './protect.ts'
import type { MergeEvent, Said, ServiceTrouble } from './said.ts'
import { SortedMap } from './sorted-map.ts'

/**
 * Trouble marks what was said as stale and takes nothing away; `full` and `delta` make it fresh again. A delta from a
 * source that has not said `full` yet counts as content, not as "synced". Trouble of single services is not the
 * source's.
 */
export const stateAfter = (
  before: Said,
  { update, at }: MergeEvent,
): Pick<Said, 'state' | 'synced' | 'restored'> => {
  const { error: _, since: __, ...base } = before.state
  const same = { state: before.state, synced: before.synced, restored: before.restored }
  switch (update.kind) {
    case 'tick':
    case 'accept':
      return same
    case 'trouble': {
      if ('services' in update && update.services !== undefined) return same
      const state = before.synced ? 'stale' : 'connecting'
      const { error, since } = update
      return { ...same, state: { ...base, state, error, since } }
    }
    case 'restored':
      return {
        ...same,
        state: { ...before.state, lastUpdate: update.savedAt },
        restored: update.savedAt,
      }
    case 'full':
      return { state: { ...base, lastUpdate: at, state: 'fresh' }, synced: true, restored: undefined }
    case 'delta':
      return {
        ...same,
        state: { ...base, lastUpdate: at, state: before.synced ? 'fresh' : 'connecting' },
      }
  }
}

/** Services in trouble of their own after an update; only what is known can be. */
export const troubledAfter = ({ troubled, services }: Said, { update }: MergeEvent): Said['troubled'] => {
  switch (update.kind) {
    case 'trouble': {
      const named = ('services' in update && update.services) || []
      return troubled.with(
        new Map(
          named.flatMap((key): [string, ServiceTrouble][] => {
            const before = troubled.get(key)
            const next = { error: update.error, since: before?.since ?? update.since }
            return services.has(key) && !sameContent(before, next) ? [[key, next]] : []
          }),
        ),
      )
    }
    case 'full':
      return troubled.size === 0 ? troubled : SortedMap.empty()
    case 'delta': {
      if (troubled.size === 0 || !('removedWorkloads' in update)) return troubled
      const named = [...update.removed, ...update.changed.map(serviceKey)]
      return troubled.with(new Map(named.map((key) => [key, undefined])))
    }
    default:
      return troubled
  }
}

/** The registry's own clock runs while it is not in trouble. */
export const calmAfter = (calm: Calm, { error }: SourceState, now: number): Calm => {
  const runs = error === undefined
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
