/**
 * Mass disappearance: what a registry is unlikely to have meant is held back. A `delta` says explicitly that something
 * was deregistered, so only one that takes very much at once is doubted. A `full` after an earlier one is a new history
 * (the registry restarted, was restored, lost its data): what it leaves out is only inferred to be gone.
 */
import type { Endpoint } from '#model/service.ts'
import type { Loss, Place } from './units.ts'

export interface Protection {
  /** Of all endpoints which the registry had; one update that takes away more is held back (0 to 1). */
  readonly share: number
  /** A `delta` that takes away fewer endpoints than this is always believed. */
  readonly atLeast: number
  /** How long it is held back, ms, not counting the time in which the registry is in trouble. */
  readonly hold: number
}

/** One update of which something is held back. */
export interface Hold {
  readonly since: Date
  readonly reason: string
  /** Ends then, on the registry's own clock that stands still while it is in trouble (`Calm`). */
  readonly until: number
}

/** What is held back of one service, or one workload, as it was told last. */
export interface Held {
  readonly hold: Hold
  readonly endpoints: ReadonlyMap<Place, Endpoint>
}

/** Time in which a registry was not in trouble, ms: up to `since`, and running since then. */
export interface Calm {
  readonly total: number
  readonly since?: number
}

export const calmAt = ({ total, since }: Calm, now: number): number =>
  since === undefined ? total : total + Math.max(0, now - since)

/** When the registry's own clock will show `until`; undefined while it stands still. */
export const whenCalm = ({ total, since }: Calm, until: number): number | undefined =>
  since === undefined ? undefined : since + until - total

export type Losses = ReadonlyMap<string, Loss>

/** One replaced by another in the same service is no disappearance (a new version rolled out, all in one update). */
export const netLoss = ({ lost, gained }: Loss): number => Math.max(0, lost.size - gained)

const sum = (losses: Losses, of: (loss: Loss) => number): number => {
  let total = 0
  for (const loss of losses.values()) total += of(loss)
  return total
}

/** What an update takes away of one kind of units. */
export interface Taken {
  /** Units and endpoints that were told before. */
  readonly units: number
  readonly endpoints: number
  readonly losses: Losses
}

export interface Disappearance {
  readonly kind: 'full' | 'delta'
  /** It tells nothing at all. */
  readonly empty: boolean
  readonly services: Taken
  readonly workloads: Taken
}

/** What is to be held back, and why. */
export interface Doubt {
  /** Workloads replace each other under new names (pods), so they count all together. */
  readonly workloads: boolean
  readonly reason: string
}

export const doubt = (
  { kind, empty, services, workloads }: Disappearance,
  { share, atLeast }: Protection,
): Doubt | undefined => {
  const fewer = Math.max(
    0,
    sum(workloads.losses, ({ lost }) => lost.size) - sum(workloads.losses, ({ gained }) => gained),
  )
  const lost = sum(services.losses, netLoss) + fewer
  const had = services.endpoints + workloads.endpoints
  const units = services.units + workloads.units
  const blank = kind === 'full' && empty && units > 0
  const much = lost > share * had && (kind === 'full' || lost >= atLeast)
  if (!blank && !much) return undefined
  const reason =
    lost > 0
      ? `held back: ${lost} of ${had} endpoints went at once`
      : `held back: all of ${units} services went at once`
  return { workloads: fewer > 0, reason }
}

export interface HeldInput {
  readonly before: Held | undefined
  /** Places that are told now; undefined: the unit itself is not told. */
  readonly told: ReadonlySet<Place> | undefined
  readonly loss: Loss
  /** What this update loses of this unit is held back. */
  readonly hold: Hold | undefined
  /** This update says explicitly that the unit is gone. */
  readonly removed: boolean
}

/**
 * What is held of a unit after an update. It ends for what is told again, and for a unit that is explicitly removed
 * later; a unit told with fewer endpoints is one that fills again, so the others stay held.
 */
export const heldAfter = ({ before, told, loss, hold, removed }: HeldInput): Held | undefined => {
  const kept = removed && hold === undefined ? undefined : before
  const current = hold ?? kept?.hold
  if (current === undefined) return undefined
  const endpoints = new Map([...(kept?.endpoints ?? []), ...(hold === undefined ? [] : loss.lost)])
  for (const place of told ?? []) endpoints.delete(place)
  return endpoints.size > 0 || told === undefined ? { hold: current, endpoints } : undefined
}
