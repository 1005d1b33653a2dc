/**
 * What one registry tells of its services (or workloads), and what is shown of it: the same, but for what is held back
 * (protect.ts), what waits because it flaps (flaps.ts), and what lingers after its removal (settle.ts).
 */
import type { Endpoint } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import { downsDue, type FlapRule, flapsAfter, forgotten, type UnitFlaps } from './flaps.ts'
import { type Held, type Hold, heldAfter, type Losses, netLoss } from './protect.ts'
import { SortedMap } from './sorted-map.ts'
import { type Kind, lossOf, type Place, placeOf } from './units.ts'

export interface Book<T> {
  /** As it was told last. */
  readonly told: SortedMap<T>
  /** Endpoints in `told`. */
  readonly endpoints: number
  readonly held: SortedMap<Held>
  readonly flaps: SortedMap<UnitFlaps>
  /** Units with a down that is delayed, and when the first is due (ms since the epoch). */
  readonly waiting: SortedMap<number>
  /** Units taken back, and when they go. Taken back twice, one goes when the first removal is due. */
  readonly leaving: SortedMap<number>
}

export const emptyBook = <T>(): Book<T> => ({
  told: SortedMap.empty(),
  endpoints: 0,
  held: SortedMap.empty(),
  flaps: SortedMap.empty(),
  waiting: SortedMap.empty(),
  leaving: SortedMap.empty(),
})

export interface Rules {
  readonly now: number
  /** How long one taken back lingers, ms. */
  readonly removalDelay: number
  /** Undefined: nothing is damped. */
  readonly flapping: FlapRule | undefined
}

/** A book and what is shown of it, as they are before or after. */
export interface Shelf<T> {
  readonly book: Book<T>
  readonly shown: SortedMap<T>
}

export interface Turned<T> {
  readonly book: Book<T>
  /** Units that are to be shown differently. */
  readonly changes: ReadonlyMap<string, T | undefined>
  /** Units of which other flaps are to be shown. */
  readonly noted: readonly string[]
  /** Downs that were delayed. */
  readonly delayed: number
  /** When the first of what waits now and did not before is due; Infinity: nothing. */
  readonly due: number
}

export interface Telling<T> {
  /** What is told differently from before. */
  readonly changes: ReadonlyMap<string, T | undefined>
  readonly losses: Losses
  /** What this update loses is held back. */
  readonly hold: Hold | undefined
  /** Units which it says explicitly are gone. */
  readonly removed: ReadonlySet<string>
}

type Changed<V> = Map<string, V | undefined>

export const lossesIn = <T>(
  kind: Kind<T>,
  { told }: Book<T>,
  changes: ReadonlyMap<string, T | undefined>,
): Losses => new Map([...changes].map(([key, after]) => [key, lossOf(kind, told.get(key), after)]))

const placesOf = <T>(kind: Kind<T>, unit: T | undefined): ReadonlyMap<Place, Endpoint> =>
  new Map(unit === undefined ? [] : kind.endpointsOf(unit).map((endpoint) => [placeOf(endpoint), endpoint]))

const count = <T>(kind: Kind<T>, unit: T | undefined): number =>
  unit === undefined ? 0 : kind.endpointsOf(unit).length

/** An update is taken in. */
export const tell = <T>(kind: Kind<T>, shelf: Shelf<T>, telling: Telling<T>, rules: Rules): Turned<T> => {
  const { book } = shelf
  const { changes, losses, hold } = telling
  const held: Changed<Held> = new Map()
  const flaps: Changed<UnitFlaps> = new Map()
  let endpoints = book.endpoints
  let delayed = 0
  for (const [key, after] of changes) {
    const loss = losses.get(key)!
    endpoints += count(kind, after) - count(kind, book.told.get(key))
    const before = { held: book.held.get(key), flaps: book.flaps.get(key) }
    const plain = loss.lost.size === 0 && loss.worse.size === 0
    if (plain && before.held === undefined && before.flaps === undefined && after !== undefined) continue
    const told = placesOf(kind, after)
    const holds = hold !== undefined && (after === undefined || netLoss(loss) > 0) ? hold : undefined
    const kept = heldAfter({
      before: before.held,
      told: after && new Set(told.keys()),
      loss,
      hold: holds,
      removed: after === undefined && telling.removed.has(key),
    })
    if (kept !== before.held) held.set(key, kept)
    if (rules.flapping === undefined) continue
    const { now, flapping: rule } = rules
    const result = flapsAfter({ before: before.flaps, loss, told, held: kept?.endpoints, now, rule })
    if (result.flaps !== before.flaps) flaps.set(key, result.flaps)
    delayed += result.delayed
  }
  // Told as gone before, held since then, and now said explicitly to be gone.
  for (const key of telling.removed) if (!changes.has(key) && book.held.has(key)) held.set(key, undefined)
  const next = { ...book, told: book.told.with(changes), endpoints }
  return { ...turn(kind, { ...shelf, book: next }, { held, flaps }, changes.keys(), rules), delayed }
}

export interface Passing {
  /** What is held no longer. */
  readonly release: (hold: Hold) => boolean
  /** Old downs are forgotten as well. */
  readonly forget: boolean
}

/** Time has passed: what is due takes effect. */
export const pass = <T>(
  kind: Kind<T>,
  shelf: Shelf<T>,
  { release, forget }: Passing,
  rules: Rules,
): Turned<T> => {
  const { book } = shelf
  const held: Changed<Held> = new Map()
  const flaps: Changed<UnitFlaps> = new Map()
  for (const [key, { hold }] of book.held) if (release(hold)) held.set(key, undefined)
  const { now, flapping } = rules
  for (const [key, due] of book.waiting) if (due <= now) flaps.set(key, downsDue(book.flaps.get(key)!, now))
  if (forget && flapping !== undefined)
    for (const [key, before] of book.flaps) {
      const after = flaps.get(key) ?? before
      const left = forgotten(after, now, flapping)
      if (left !== before) flaps.set(key, left)
    }
  const leaving = [...book.leaving].filter(([, due]) => due <= now).map(([key]) => key)
  const turned = turn(kind, shelf, { held, flaps }, leaving, rules)
  const { book: next } = turned
  const dues = [...next.leaving.values()].filter((due) => due > now)
  return { ...turned, delayed: 0, due: least([...dues, ...next.waiting.values()]) }
}

const least = (numbers: Iterable<number>): number => {
  let found = Number.POSITIVE_INFINITY
  for (const number of numbers) if (number < found) found = number
  return found
}

/** Shows anew the units that are concerned. */
const turn = <T>(
  kind: Kind<T>,
  { book, shown }: Shelf<T>,
  { held, flaps }: { readonly held: Changed<Held>; readonly flaps: Changed<UnitFlaps> },
  more: Iterable<string>,
  { now, removalDelay, flapping }: Rules,
): Omit<Turned<T>, 'delayed'> => {
  const next = { ...book, held: book.held.with(held), flaps: book.flaps.with(flaps) }
  const changes = new Map<string, T | undefined>()
  const leaving: Changed<number> = new Map()
  const waiting: Changed<number> = new Map()
  for (const key of new Set([...more, ...held.keys(), ...flaps.keys()])) {
    const before = shown.get(key)
    const told = next.told.get(key)
    const unit: Unit<T> = { before, told, held: next.held.get(key), flaps: next.flaps.get(key) }
    const gone = told === undefined && unit.held === undefined && before !== undefined
    const due = gone ? (book.leaving.get(key) ?? now + removalDelay) : undefined
    const after = showing(kind, unit, due !== undefined && due > now)
    note(leaving, book.leaving, key, after === undefined ? undefined : due)
    note(waiting, book.waiting, key, flaps.has(key) ? firstDue(unit.flaps) : book.waiting.get(key))
    if (!sameContent(before, after)) changes.set(key, after)
  }
  const times = [...leaving.values(), ...waiting.values()].filter((due) => due !== undefined)
  return {
    book: { ...next, leaving: book.leaving.with(leaving), waiting: book.waiting.with(waiting) },
    changes,
    noted: [...flaps.keys()].filter((key) => {
      const downs = flapping?.downs ?? Number.POSITIVE_INFINITY
      return flapCount(book.flaps.get(key), downs) !== flapCount(next.flaps.get(key), downs)
    }),
    due: least(times),
  }
}

const note = (
  changes: Changed<number>,
  before: SortedMap<number>,
  key: string,
  due: number | undefined,
): void => {
  if (before.get(key) !== due) changes.set(key, due)
}

const firstDue = (flaps: UnitFlaps | undefined): number | undefined => {
  const due = least([...(flaps?.values() ?? [])].flatMap(({ pending }) => pending?.due ?? []))
  return due === Number.POSITIVE_INFINITY ? undefined : due
}

const flapCount = (flaps: UnitFlaps | undefined, from: number): string =>
  [...(flaps ?? [])]
    .flatMap(([place, { downs }]) => (downs.length >= from ? [`${place} ${downs.length}`] : []))
    .join()

interface Unit<T> {
  /** As it is shown so far. */
  readonly before: T | undefined
  readonly told: T | undefined
  readonly held: Held | undefined
  readonly flaps: UnitFlaps | undefined
}

/** What is shown of a unit; `lingers`: it was taken back a moment ago. */
const showing = <T>(
  kind: Kind<T>,
  { before, told, held, flaps }: Unit<T>,
  lingers: boolean,
): T | undefined => {
  const pending = [...(flaps ?? [])].flatMap(([place, flap]) =>
    flap.pending ? [[place, flap.pending] as const] : [],
  )
  const waiting = pending.filter(([, { gone }]) => gone).map(([, { endpoint }]) => endpoint)
  const extra = [...(held?.endpoints.values() ?? []), ...waiting]
  if (told !== undefined) {
    const worse = new Map(pending.filter(([, { gone }]) => !gone))
    if (extra.length === 0 && worse.size === 0) return told
    const own = kind.endpointsOf(told).map((endpoint) => {
      const better = worse.get(placeOf(endpoint))?.endpoint.health
      return better === undefined ? endpoint : { ...endpoint, health: better }
    })
    return kind.withEndpoints(told, [...own, ...extra])
  }
  if (before === undefined) return undefined
  if (held !== undefined) return extra.length === 0 ? before : kind.withEndpoints(before, extra)
  if (extra.length > 0) return kind.only(before, extra)
  return lingers ? kind.emptied(before) : undefined
}
