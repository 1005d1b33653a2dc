/**
 * What is known of all instances, and what of an answer is believed. Eureka keeps nothing on disk, each server has a
 * catalogue of its own, and its caches may give an older answer after a newer one; so an answer that leaves an instance
 * out is no deregistration by itself. The rule:
 *
 * - Taken away at once: what a delta calls DELETED, unless that is the end of an earlier life of the instance. And what
 *   a full answer leaves out, if it is of the same server and history as the last one, and not older than what is known
 *   of the instance. The proof of the history is a witness, an instance with the same registration time in both: a
 *   server makes a new one for each registration, so after a restart, or on another server, there is none.
 * - Anything else that an answer leaves out is kept ("missing") for `hold`: live instances register again within their
 *   heartbeat (30 s) where the server does not know them. When the hold is over they are let go, as a new history,
 *   so that the mesh may still hold a mass of them back.
 */
import { sameContent } from '#support/equal.ts'
import {
  applyDelta,
  type Catalogue,
  type Counts,
  catalogueOf,
  countStatuses,
  countSteps,
  deltaSteps,
  hashOfCounts,
  isNewer,
} from './catalogue.ts'
import type { Applications, Instance } from './wire.ts'

export interface News {
  /** Instances that came or say something else, by key; undefined: gone. */
  readonly instances: ReadonlyMap<string, Instance | undefined>
  /** Missing ones were let go without anybody's word. */
  readonly newHistory: boolean
}

/** What a server said when it was asked for all. */
export interface Said {
  readonly answer: Applications
  /** Of the same time, where it has any. */
  readonly delta: Applications | undefined
  /** By its own clock, ms. */
  readonly date: number | undefined
}

/** An answer is kept for 180 s by the one cache of a server and for 30 s by the other: nothing is older, ms. */
const CACHED = 240_000

export interface Knowledge {
  full(server: string, said: Said, now: number): void
  /** false: the delta does not lead to what the server has, nothing was taken from it. */
  delta(answer: Applications): boolean
  /** Lets go what was missing for too long. */
  tick(now: number): void
  /** How many that were known before the doubt (or now, without one) an answer leaves out unproven. */
  unproven(server: string, answer: Applications): number
  /** The same for what is believed now: 0 without a doubt. */
  missed(): number
  /** Keys of the missing. */
  missing(): ReadonlySet<string>
  /** When the first of them was missed, and when the last of them is let go, ms; undefined without any. */
  doubt(): { readonly since: number; readonly until: number } | undefined
  /** All instances, also the missing ones. */
  all(): Iterable<Instance>
  take(): News
}

export function createKnowledge(hold: number): Knowledge {
  let server: string | undefined
  let catalogue = new Map<string, Instance>()
  let counts: Counts = new Map()
  const missing = new Map<string, { readonly instance: Instance; readonly since: number }>()
  /** What a server has to know to end the doubt; undefined without one: the whole catalogue. */
  let expected: Set<string> | undefined
  const changed = new Map<string, Instance | undefined>()
  let newHistory = false

  function note(key: string, before: Instance | undefined, after: Instance | undefined): void {
    if (before && after && sameContent(before.facts, after.facts)) return
    if (before !== after) changed.set(key, after)
  }
  /** Goes over to `next`; what it leaves out is gone where `explicit` says so, and missing otherwise. */
  function adopt(next: Catalogue, explicit: (known: Instance) => boolean, now: number): void {
    expected ??= new Set(catalogue.keys())
    for (const [key, instance] of catalogue) {
      if (next.has(key)) continue
      if (explicit(instance)) {
        expected.delete(key)
        note(key, instance, undefined)
      } else missing.set(key, { instance, since: now })
    }
    for (const [key, instance] of next) {
      note(key, catalogue.get(key) ?? missing.get(key)?.instance, instance)
      missing.delete(key)
    }
    catalogue = new Map(next)
    counts = countStatuses(next.values())
    settle()
  }
  function settle(): void {
    if (missing.size === 0) expected = undefined
  }
  /** Of what is missing, what a server says was deregistered. */
  function endMissing(deleted: ReadonlyMap<string, Instance>): void {
    for (const [key, deletion] of deleted) {
      const held = missing.get(key)
      if (!held || !ended(deletion, held.instance, false)) continue
      missing.delete(key)
      expected?.delete(key)
      note(key, held.instance, undefined)
    }
    settle()
  }
  const newer = (instance: Instance): Instance => {
    const known = catalogue.get(instance.key)
    return known && !isNewer(instance, known) ? known : instance
  }
  const goesOn = (of: string, answer: Applications): boolean =>
    of === server &&
    answer.instances.some(({ key, lease }) => {
      const known = catalogue.get(key)
      return known !== undefined && lease.registered > 0 && known.lease.registered === lease.registered
    })
  const lacking = (keys: ReadonlySet<string>) => {
    let count = 0
    for (const key of expected ?? catalogue.keys()) if (!keys.has(key)) count++
    return count
  }

  return {
    full(of, { answer, delta, date }, now) {
      const sameServer = of === server
      const sameHistory = goesOn(of, answer)
      const listed = catalogueOf(answer.instances.map((it) => (sameHistory ? newer(it) : it)))
      const next = delta ? applyDelta(listed, delta.instances) : listed
      let newest = 0
      for (const { updated } of [...listed.values(), ...(delta?.instances ?? [])])
        if (updated > newest) newest = updated
      const isLater = ({ updated }: Instance) =>
        delta === undefined || updated <= newest || (date ?? Number.POSITIVE_INFINITY) - updated > CACHED
      const deleted = deletions(delta)
      server = of
      adopt(
        next,
        (known) => ended(deleted.get(known.key), known, sameServer) || (sameHistory && isLater(known)),
        now,
      )
      endMissing(deleted)
    },
    delta(answer) {
      const steps = deltaSteps(catalogue, answer.instances)
      const after = countSteps(counts, catalogue, steps)
      if (answer.hash === undefined || hashOfCounts(after) !== answer.hash) return false
      counts = after
      for (const [key, instance] of steps) {
        note(key, catalogue.get(key) ?? (instance && missing.get(key)?.instance), instance)
        if (instance) {
          catalogue.set(key, instance)
          missing.delete(key)
        } else if (catalogue.delete(key)) expected?.delete(key)
      }
      endMissing(deletions(answer))
      return true
    },
    tick(now) {
      for (const [key, { instance, since }] of missing) {
        if (now - since < hold) continue
        missing.delete(key)
        note(key, instance, undefined)
        newHistory = true
      }
      settle()
    },
    unproven(of, answer) {
      const keys = new Set(answer.instances.map(({ key }) => key))
      if (missing.size === 0 && goesOn(of, answer)) return 0
      return lacking(keys)
    },
    missed: () => (missing.size === 0 ? 0 : lacking(new Set(catalogue.keys()))),
    missing: () => new Set(missing.keys()),
    doubt() {
      if (missing.size === 0) return undefined
      let [first, last] = [Number.POSITIVE_INFINITY, 0]
      for (const { since } of missing.values()) {
        first = Math.min(first, since)
        last = Math.max(last, since)
      }
      return { since: first, until: last + hold }
    },
    *all() {
      yield* catalogue.values()
      for (const { instance } of missing.values()) yield instance
    },
    take() {
      const news: News = { instances: new Map(changed), newHistory }
      changed.clear()
      newHistory = false
      return news
    },
  }
}

const deletions = (delta: Applications | undefined): ReadonlyMap<string, Instance> =>
  catalogueOf((delta?.instances ?? []).filter(({ action }) => action === 'DELETED'))

/** Whether a DELETED is the end of this life of an instance; two servers' clocks say nothing of each other. */
const ended = (deletion: Instance | undefined, known: Instance, sameServer: boolean): boolean =>
  deletion !== undefined && (sameServer ? isNewer(deletion, known) : deletion.dirty >= known.dirty)
