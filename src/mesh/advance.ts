/** One update of one source: what it has said after it, and what of that is new to see. */
import { configKey } from '#model/config.ts'
import type { Service, Workload } from '#model/service.ts'
import { lossesIn, pass, type Rules, type Shelf, type Turned, tell } from './book.ts'
import type { FlapRule } from './flaps.ts'
import { differ, type Part, type Parts, partsOf } from './parts.ts'
import { calmAt, doubt, type Hold, type Protection, type Taken, whenCalm } from './protect.ts'
import { heldCount, type MergeEvent, type Said } from './said.ts'
import type { Difference } from './selection.ts'
import type { SortedMap } from './sorted-map.ts'
import { calmAfter, stateAfter, troubledAfter, troubledWorkloadsAfter, withCounts } from './state.ts'
import { type Kind, serviceKind, workloadKind } from './units.ts'

/** Old downs are looked through this often at most, ms. */
const FORGET_STEP = 5_000

export interface AdvanceRules {
  /** `MeshOptions.removalDelay`. */
  readonly removalDelay: number
  readonly flapping: FlapRule | undefined
  readonly protection: Protection | undefined
}

export interface Advance {
  readonly said: Said
  readonly services: readonly Difference<Service>[]
  readonly workloads: readonly Difference<Workload>[]
  /** Keys of configuration objects whose content differs. */
  readonly configs: readonly string[]
  /** Services (keys of the registry) that are to be shown with other flaps. */
  readonly noted: readonly string[]
  /** Downs that were delayed. */
  readonly delayed: number
  /** What is fresh, stale or held differs. */
  readonly marks: boolean
}

interface Both {
  readonly services: Turned<Service>
  readonly workloads: Turned<Workload>
  /** Something of this update is held back. */
  readonly hold?: Hold
}

const shelves = (said: Said): { readonly services: Shelf<Service>; readonly workloads: Shelf<Workload> } => ({
  services: { book: said.books.services, shown: said.services },
  workloads: { book: said.books.workloads, shown: said.workloads },
})

const taken = <T>(kind: Kind<T>, { book }: Shelf<T>, changes: ReadonlyMap<string, T | undefined>): Taken => ({
  units: book.told.size,
  endpoints: book.endpoints,
  losses: lossesIn(kind, book, changes),
})

const isEmpty = ({ all, items }: Part<unknown>): boolean => all && items.length === 0

/** Whether this update may be a mass disappearance: only what a registry says itself, and not its first word. */
const holdFor = (
  { at, update }: MergeEvent,
  both: { readonly services: Taken; readonly workloads: Taken },
  parts: Parts,
  clock: number,
  protection: Protection | undefined,
): (Hold & { readonly workloads: boolean }) | undefined => {
  if (protection === undefined || (update.kind !== 'full' && update.kind !== 'delta')) return undefined
  const empty = isEmpty(parts.services) && isEmpty(parts.workloads)
  const found = doubt({ kind: update.kind, empty, ...both }, protection)
  return found && { since: at, until: clock + protection.hold, ...found }
}

const told = (before: Said, event: MergeEvent, parts: Parts, clock: number, all: AdvanceRules): Both => {
  const { services, workloads } = shelves(before)
  const serviceChanges = differ(services.book.told, parts.services, serviceKind.keyOf)
  const workloadChanges = differ(workloads.book.told, parts.workloads, workloadKind.keyOf)
  const both = {
    services: taken(serviceKind, services, serviceChanges),
    workloads: taken(workloadKind, workloads, workloadChanges),
  }
  const found = holdFor(event, both, parts, clock, all.protection)
  const hold: Hold | undefined = found && { since: found.since, reason: found.reason, until: found.until }
  // What comes from disk only was not confirmed in this process: it goes at once.
  const rules: Rules = {
    now: event.at.getTime(),
    removalDelay: before.synced ? all.removalDelay : 0,
    flapping: all.flapping,
  }
  return {
    services: tell(
      serviceKind,
      services,
      {
        changes: serviceChanges,
        losses: both.services.losses,
        hold,
        removed: new Set(parts.services.removed),
      },
      rules,
    ),
    workloads: tell(
      workloadKind,
      workloads,
      {
        changes: workloadChanges,
        losses: both.workloads.losses,
        hold: found?.workloads ? hold : undefined,
        removed: new Set(parts.workloads.removed),
      },
      rules,
    ),
    ...(hold && { hold }),
  }
}

const passed = (before: Said, { at, update }: MergeEvent, clock: number, all: AdvanceRules): Both => {
  const now = at.getTime()
  const { services, workloads } = shelves(before)
  const release = ({ until }: Hold): boolean => update.kind === 'accept' || until <= clock
  const forget = before.forgetAt !== undefined && before.forgetAt <= now
  const rules: Rules = { now, removalDelay: all.removalDelay, flapping: all.flapping }
  return {
    services: pass(serviceKind, services, { release, forget }, rules),
    workloads: pass(workloadKind, workloads, { release, forget }, rules),
  }
}

const differences = <T>(
  source: string,
  before: SortedMap<T>,
  changes: ReadonlyMap<string, T | undefined>,
): Difference<T>[] =>
  [...changes].map(([key, after]) => ({ id: `${source}\n${key}`, before: before.get(key), after }))

/** What the source has said after this event, and what of it is new. */
export const advance = (before: Said, event: MergeEvent, rules: AdvanceRules): Advance => {
  const parts = partsOf(event)
  const now = event.at.getTime()
  const ticks = event.update.kind === 'tick' || event.update.kind === 'accept'
  const standing = stateAfter(before, event)
  const calm = calmAfter(before.calm, standing.state, now)
  const clock = calmAt(calm, now)
  const { services, workloads, hold } = ticks
    ? passed(before, event, clock, rules)
    : told(before, event, parts, clock, rules)
  const configs = differ(before.configs, parts.configs, configKey)
  const next: Said = {
    ...standing,
    books: { services: services.book, workloads: workloads.book },
    troubled: troubledAfter(before, event),
    troubledWorkloads: troubledWorkloadsAfter(before, event),
    holds: [],
    calm,
    services: before.services.with(services.changes),
    workloads: before.workloads.with(workloads.changes),
    configs: before.configs.with(configs),
    issues: parts.issues ?? before.issues,
  }
  const held = heldCount(next)
  // One that is over stays until a tick has let go of what it holds.
  const inForce = ticks ? before.holds.filter(({ until }) => until > clock) : before.holds
  const holds = held === 0 ? [] : [...inForce, ...(hold ? [hold] : [])]
  const flaps = services.book.flaps.size + workloads.book.flaps.size
  const forgetAt = flaps === 0 ? undefined : forgetNext(before, now, rules.flapping)
  const said: Said = {
    ...next,
    state: withCounts(standing.state, next.troubled.size, held),
    holds,
    ...(forgetAt !== undefined && { forgetAt }),
  }
  const wake = wakeAfter(
    said,
    Math.min(
      ticks ? Number.POSITIVE_INFINITY : (before.wake ?? Number.POSITIVE_INFINITY),
      services.due,
      workloads.due,
    ),
  )
  return {
    said: wake === undefined ? said : { ...said, wake },
    services: differences(event.source, before.services, services.changes),
    workloads: differences(event.source, before.workloads, workloads.changes),
    configs: [...configs.keys()],
    noted: services.noted,
    delayed: services.delayed + workloads.delayed,
    marks: marksDiffer(before, said),
  }
}

const forgetNext = ({ forgetAt }: Said, now: number, rule: FlapRule | undefined): number => {
  if (forgetAt !== undefined && forgetAt > now) return forgetAt
  return now + (forgetAt === undefined ? (rule?.window ?? 0) : FORGET_STEP)
}

/** Not later than the first thing that is due: `least` for what waits and leaves. */
const wakeAfter = ({ books, holds, calm, forgetAt }: Said, least: number): number | undefined => {
  const waits = [books.services, books.workloads].some(
    ({ waiting, leaving }) => waiting.size + leaving.size > 0,
  )
  const hold = holds[0] && whenCalm(calm, holds[0].until)
  if (!waits && forgetAt === undefined && hold === undefined) return undefined
  const first = Math.min(least, forgetAt ?? Number.POSITIVE_INFINITY, hold ?? Number.POSITIVE_INFINITY)
  return first === Number.POSITIVE_INFINITY ? undefined : first
}

const marksDiffer = (before: Said, after: Said): boolean =>
  before.troubled !== after.troubled ||
  before.troubledWorkloads !== after.troubledWorkloads ||
  before.books.services.held !== after.books.services.held ||
  before.books.workloads.held !== after.books.workloads.held ||
  before.restored !== after.restored ||
  before.state.state !== after.state.state
