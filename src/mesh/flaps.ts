/**
 * Damping of the down direction: an endpoint that went down three times within half a minute is flapping, and its next
 * downs are delayed, so that a check that passes and fails each second does not take a service away each second. The
 * first downs are immediate, and so is each up.
 */
import type { Endpoint, Health } from '#model/service.ts'
import { isWorse, type Loss, type Place } from './units.ts'

export interface FlapRule {
  /** Sliding window in which downs are counted, ms. */
  readonly window: number
  /** From this many downs in the window on, a down is delayed. */
  readonly downs: number
  /** Delay of a removal, and of DRAINING, which is as explicit, ms; 0: what was deregistered gets no request more. */
  readonly removal: number
  /** Delay of worse health, ms. */
  readonly worsening: number
}

export const FLAP_RULE: FlapRule = { window: 30_000, downs: 3, removal: 0, worsening: 5_000 }

/** Downs that are remembered of one endpoint. */
export const MOST_DOWNS = 50

/** A down that has not taken effect. */
export interface Pending {
  readonly due: number
  /** Told no more; else told with worse health. */
  readonly gone: boolean
  /** As it is shown until then. */
  readonly endpoint: Endpoint
}

export interface Flap {
  /** Downs within the window, oldest first (ms since the epoch). */
  readonly downs: readonly number[]
  readonly endpoint: Endpoint
  readonly pending?: Pending
}
/** The endpoints of one unit that went down lately. */
export type UnitFlaps = ReadonlyMap<Place, Flap>

export interface FlapInput {
  readonly before: UnitFlaps | undefined
  readonly loss: Loss
  /** Endpoints that are told now. */
  readonly told: ReadonlyMap<Place, Endpoint>
  /** Held back: these are not down. */
  readonly held: ReadonlyMap<Place, Endpoint> | undefined
  readonly now: number
  readonly rule: FlapRule
}

export interface FlapResult {
  readonly flaps: UnitFlaps | undefined
  /** How many downs were delayed. */
  readonly delayed: number
}

export const flapsAfter = ({ before, loss, told, held, now, rule }: FlapInput): FlapResult => {
  if (before === undefined && loss.lost.size === 0 && loss.worse.size === 0)
    return { flaps: undefined, delayed: 0 }
  const flaps = new Map(before)
  let delayed = 0
  const delay = (to: Health | undefined): number =>
    to === undefined || to === 'DRAINING' ? rule.removal : rule.worsening
  const down = (place: Place, from: Endpoint, to: Health | undefined): void => {
    const flap = flaps.get(place)
    const downs = [...(flap?.downs ?? []).filter((at) => at > now - rule.window), now].slice(-MOST_DOWNS)
    const flapping = delay(to) > 0 && (downs.length >= rule.downs || flap?.pending !== undefined)
    if (flapping) delayed++
    const pending: Pending | undefined = flapping
      ? {
          due: Math.min(flap?.pending?.due ?? Number.POSITIVE_INFINITY, now + delay(to)),
          gone: to === undefined,
          endpoint: flap?.pending?.endpoint ?? from,
        }
      : undefined
    flaps.set(place, { downs, endpoint: from, ...(pending && { pending }) })
  }
  for (const [place, { pending, ...flap }] of before ?? [])
    if (pending !== undefined && !loss.lost.has(place) && !loss.worse.has(place)) {
      const next = held?.has(place) ? undefined : stillDown(pending, told.get(place), now, delay)
      flaps.set(place, { ...flap, ...(next && { pending: next }) })
    }
  for (const [place, { from, to }] of loss.worse) down(place, from, to.health)
  for (const [place, endpoint] of loss.lost) {
    if (!held?.has(place)) down(place, endpoint, undefined)
    else if (flaps.has(place)) flaps.set(place, { downs: flaps.get(place)!.downs, endpoint })
  }
  return { flaps: flaps.size === 0 ? undefined : flaps, delayed }
}

/** What becomes of a down that waits when its endpoint is told again, as `now`: an up ends it. */
const stillDown = (
  pending: Pending,
  told: Endpoint | undefined,
  now: number,
  delay: (to: Health) => number,
): Pending | undefined => {
  if (told === undefined) return pending
  if (!isWorse(told.health, pending.endpoint.health)) return undefined
  if (delay(told.health) === 0) return undefined
  const due = now + delay(told.health)
  return { ...pending, gone: false, due: pending.gone ? due : Math.min(pending.due, due) }
}

/** Downs that are due at `now` take effect. */
export const downsDue = (flaps: UnitFlaps, now: number): UnitFlaps =>
  new Map(
    [...flaps].map(([place, { pending, ...flap }]): [Place, Flap] =>
      pending === undefined || pending.due <= now ? [place, flap] : [place, { ...flap, pending }],
    ),
  )

/** Without what has left the window; the same object where nothing has, undefined where nothing is left. */
export const forgotten = (flaps: UnitFlaps, now: number, rule: FlapRule): UnitFlaps | undefined => {
  const left = [...flaps].flatMap(([place, flap]): [Place, Flap][] => {
    const downs = flap.downs.filter((at) => at > now - rule.window)
    if (downs.length === flap.downs.length) return [[place, flap]]
    return downs.length === 0 && flap.pending === undefined ? [] : [[place, { ...flap, downs }]]
  })
  if (left.length === 0) return undefined
  const same = left.length === flaps.size && left.every(([place, flap]) => flaps.get(place) === flap)
  return same ? flaps : new Map(left)
}
