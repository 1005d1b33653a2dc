/**
 * What is known of all instances, and what of an answer is believed. Eureka keeps nothing on disk and each server has a
 * catalogue of its own, so an answer that leaves an instance out is no deregistration by itself. The rule:
 *
 * - Taken away at once: what a delta calls DELETED; and what a full answer leaves out, if that answer is of the same
 *   server and of the same history as the last one. The proof of that is a witness, an instance with the same
 *   registration time in both: a server makes a new one for each registration, so after a restart, or on another
 *   server, there is none.
 * - Anything else that an answer leaves out is kept ("missing") for `hold`: live instances register again within their
 *   heartbeat (30 s) where the server does not know them. When the hold is over they are let go, as a new history,
 *   so that the mesh may still hold a mass of them back.
 */
import { sameContent } from '#support/equal.ts'
import { applyDelta, type Catalogue, catalogueOf, reconcileHash } from './catalogue.ts'
import type { Applications, Instance } from './wire.ts'

export interface News {
  /** Instances that came or say something else, by key; undefined: gone. */
  readonly instances: ReadonlyMap<string, Instance | undefined>
  /** Missing ones were let go without anybody's word. */
  readonly newHistory: boolean
}

export interface Knowledge {
  /** Takes a full answer of `server` for the truth. */
  full(server: string, answer: Applications, now: number): void
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
  let catalogue: Catalogue = new Map()
  const missing = new Map<string, { readonly instance: Instance; readonly since: number }>()
  /** What a server has to know to be no cause of doubt. */
  let expected = new Set<string>()
  const changed = new Map<string, Instance | undefined>()
  let newHistory = false

  function note(key: string, before: Instance | undefined, after: Instance | undefined): void {
    if (before && after && sameContent(before.facts, after.facts)) return
    if (before !== after) changed.set(key, after)
  }
  /** Goes over to `next`; what it leaves out is gone where `explicit` says so, and missing otherwise. */
  function adopt(next: Catalogue, explicit: (key: string) => boolean, now: number): void {
    for (const [key, instance] of catalogue) {
      if (next.has(key)) continue
      if (explicit(key)) {
        expected.delete(key)
        note(key, instance, undefined)
      } else missing.set(key, { instance, since: now })
    }
    for (const [key, instance] of next) {
      note(key, catalogue.get(key) ?? missing.get(key)?.instance, instance)
      missing.delete(key)
    }
    catalogue = next
    settle()
  }
  function settle(): void {
    if (missing.size === 0) expected = new Set(catalogue.keys())
  }
  const goesOn = (of: string, answer: Applications): boolean =>
    of === server &&
    answer.instances.some(({ key, lease }) => {
      const known = catalogue.get(key)
      return known !== undefined && lease.registered > 0 && known.lease.registered === lease.registered
    })
  const lacking = (keys: ReadonlySet<string>) => {
    let count = 0
    for (const key of expected) if (!keys.has(key)) count++
    return count
  }

  return {
    full(of, answer, now) {
      const sameHistory = goesOn(of, answer)
      server = of
      adopt(catalogueOf(answer.instances), () => sameHistory, now)
    },
    delta(answer) {
      const next = applyDelta(catalogue, answer.instances)
      if (answer.hash === undefined || reconcileHash(next.values()) !== answer.hash) return false
      adopt(next, () => true, 0)
      for (const { key, action, dirty } of answer.instances) {
        const held = action === 'DELETED' ? missing.get(key) : undefined
        // An earlier life of it on this server may have ended before it registered with the other.
        if (!held || dirty < held.instance.dirty) continue
        missing.delete(key)
        expected.delete(key)
        note(key, held.instance, undefined)
      }
      settle()
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
      const times = [...missing.values()].map(({ since }) => since)
      return { since: Math.min(...times), until: Math.max(...times) + hold }
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
