/** The merge while it runs: one update after the other goes through the reducer, and removals that are due go by time. */
import { type SchedulerLike, Subscription, timer } from 'rxjs'
import type { MeshUpdate } from '#model/mesh.ts'
import type { Logger } from '#support/logger.ts'
import { meshError, reasonOf } from './conflicts.ts'
import { initialState, type MergeResult, type MergeState, reduce, type SourceId } from './merge.ts'
import type { MeshOptions } from './precedence.ts'
import { heldCount, type MergeEvent, type Said, type SaidContent } from './said.ts'

export interface MeshCounters {
  /** Updates that went through the merge. */
  merges: number
  /** Services merged anew, all updates together. */
  servicesTouched: number
  /** Snapshots told to subscribers. */
  emitted: number
  /** Downs that were delayed because their endpoint flaps. */
  flaps: number
}

export interface LiveMergeDeps {
  readonly sources: readonly SourceId[]
  readonly settings: MeshOptions
  readonly clock: SchedulerLike
  readonly log: Logger
  /** What a source has said in this process differs from what it said before. */
  readonly onSaid: (source: SourceId, content: SaidContent, saidAt: Date) => void
  /** After each update, before `onChange`. */
  readonly onMerged: () => void
  /** There is something new to tell. */
  readonly onChange: (update: MeshUpdate) => void
}

export interface LiveMerge {
  readonly counters: Readonly<MeshCounters>
  readonly state: () => MergeState
  readonly take: (source: SourceId, update: MergeEvent['update']) => void
  /** Unsubscribe to stop its timers. */
  readonly timers: Subscription
}

interface Wake {
  readonly at: number
  readonly timer: Subscription
}

/** Handles one after the other: an item that comes while another is handled waits, so that nobody sees two orders. */
const oneByOne = <T>(handle: (item: T) => void): ((item: T) => void) => {
  const queue: T[] = []
  let busy = false
  return (item) => {
    queue.push(item)
    if (busy) return
    busy = true
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) handle(next)
    } finally {
      busy = false
    }
  }
}

const saidMore = (before: Said, after: Said): boolean =>
  after.synced &&
  (!before.synced ||
    (['services', 'workloads', 'configs', 'issues'] as const).some((part) => before[part] !== after[part]))

export const liveMerge = (deps: LiveMergeDeps): LiveMerge => {
  const { settings, clock, log } = deps
  const counters: MeshCounters = { merges: 0, servicesTouched: 0, emitted: 0, flaps: 0 }
  const timers = new Subscription()
  const wakes = new Map<string, Wake>()
  let state = initialState(deps.sources, settings)
  const now = (): Date => new Date(clock.now())

  const reduced = (source: SourceId, update: MergeEvent['update']): MergeResult => {
    const event = { role: source.role, source: source.name, at: now() }
    try {
      return reduce(state, { ...event, update } as MergeEvent)
    } catch (reason) {
      const error = meshError(
        'PH2041',
        `An update of ${source.name} could not be merged: ${reasonOf(reason)}.`,
      )
      log.error({ source: source.name, ...error }, 'update refused')
      return reduce(state, { ...event, update: { kind: 'trouble', error, since: now() } })
    }
  }

  /** Wakes when something of this source is due next; no timer runs while nothing waits. */
  const wakeLater = (source: SourceId): void => {
    const at = state.said.get(source.name)!.wake
    const planned = wakes.get(source.name)
    if (planned?.at === at || timers.closed) return
    planned?.timer.unsubscribe()
    wakes.delete(source.name)
    if (at === undefined) return
    const wake = new Subscription()
    wakes.set(source.name, { at, timer: wake })
    timers.add(wake)
    wake.add(
      timer(Math.max(0, at - clock.now()), clock).subscribe(() => {
        wake.unsubscribe()
        wakes.delete(source.name)
        take({ source, update: { kind: 'tick' } })
      }),
    )
  }

  const tellHold = (source: SourceId, before: Said, after: Said): void => {
    const hold = after.holds.at(-1)
    if (hold !== undefined && !before.holds.includes(hold))
      log.warn(
        { source: source.name, reason: hold.reason, services: heldCount(after) },
        'mass disappearance held back (pilothouse registries --accept NAME lets it go)',
      )
    else if (before.holds.length > 0 && after.holds.length === 0)
      log.info({ source: source.name }, 'nothing is held back any more')
  }

  const merge = (source: SourceId, update: MergeEvent['update']): void => {
    const result = reduced(source, update)
    const before = state.said.get(source.name)!
    state = result.state
    counters.merges++
    counters.servicesTouched += result.touched
    counters.flaps += result.delayed
    const after = state.said.get(source.name)!
    if (saidMore(before, after)) deps.onSaid(source, after, after.state.lastUpdate ?? now())
    tellHold(source, before, after)
    wakeLater(source)
    deps.onMerged()
    if (!result.changed) return
    counters.emitted++
    deps.onChange({ snapshot: state.snapshot, changes: result.changes })
  }
  const take = oneByOne<{ source: SourceId; update: MergeEvent['update'] }>(({ source, update }) =>
    merge(source, update),
  )
  return { counters, timers, state: () => state, take: (source, update) => take({ source, update }) }
}
