/** What is to be said next to the client of a subscription. */
import type { Resource, ResourceSet } from '../resources.ts'
import { collectionOf } from '../xdstp.ts'
import {
  collected,
  collects,
  type Held,
  heldOf,
  missingOf,
  possiblyHeld,
  type Rejection,
  type Subscription,
  wantedOf,
} from './subscription.ts'

/** Not changed once it is made: clients share it. */
export type Plan = { readonly [K in keyof Draft]: Readonly<Draft[K]> }

interface Draft {
  /** What differs from what the client has, and what it asked for again. */
  readonly changed: Resource[]
  /** Names that are gone, or were asked for and don't exist. */
  readonly removed: string[]
  /** Names that are gone, to be removed later. */
  readonly deferred: string[]
}

/**
 * What is to be said to bring the client from what it holds to `target`; with `only` 'forced' nothing but
 * what was asked for. Gone names are deferred unless `removals`.
 */
export function plan(
  sub: Subscription,
  target: ResourceSet,
  only: 'all' | 'forced',
  removals: boolean,
): Plan {
  const first = sub.sentNonce === ''
  if (first && sub.exceptions.size === 0 && sub.everything) return firstPlan(sub, target)
  const result: Draft = { changed: [], removed: [], deferred: [] }
  for (const name of candidates(sub, target, only)) {
    const wanted = wantedOf(sub, target, name)
    const held = heldOf(sub, name)
    const forced = sub.forced.has(name) || (first && held === undefined && sub.names.has(name))
    if (wanted !== undefined) {
      if (forced || held?.version !== wanted.version || isOverdue(wanted, held)) result.changed.push(wanted)
    } else if (forced || (held !== undefined && removals)) {
      if (!hasMembers(sub, target, name)) result.removed.push(name)
    } else if (held !== undefined) result.deferred.push(name)
  }
  if (sub.rejection !== undefined) addSuspects(sub, sub.rejection, target, result)
  return result
}

/** What has members is not missing, though there is nothing under its name. */
function hasMembers(sub: Subscription, target: ResourceSet, collection: string): boolean {
  if (!sub.collections?.has(collection)) return false
  for (const { name } of target.all(sub.typeUrl)) if (collectionOf(name) === collection) return true
  return false
}

/** When the client, which came with it, heard of it last is not known. */
const isOverdue = ({ ttl }: Resource, held: Held): boolean => ttl !== undefined && held.resource === undefined

/** Plans of clients that hold nothing yet, by what there is and what they want of it: they are the same for many. */
const firstPlans = new WeakMap<object, WeakMap<object, Plan>>()
/** Who wants all and names nothing. */
const wildcard = {}

/** All that it wants is news. What there is not is not remembered: that depends on more than what there is. */
function firstPlan(sub: Subscription, target: ResourceSet): Plan {
  const wanted = sub.wildcard ? (sub.names.size === 0 ? wildcard : undefined) : sub.names.shared
  const content = target.content(sub.typeUrl)
  const known = wanted && firstPlans.get(content)?.get(wanted)
  if (known) return known
  const result: Draft = { changed: [], removed: [], deferred: [] }
  let all = true
  for (const resource of collected(sub, target)) result.changed.push(resource)
  for (const name of sub.names) {
    const resource = target.get(sub.typeUrl, name)
    if (resource === undefined) all = false
    const said = resource ?? missingOf(sub, target, name)
    if (said === undefined) {
      if (!hasMembers(sub, target, name)) result.removed.push(name)
    } else if (resource === undefined || !collects(sub, name)) result.changed.push(said)
  }
  if (!wanted || !all) return result
  const plans = firstPlans.get(content) ?? new WeakMap<object, Plan>()
  firstPlans.set(content, plans.set(wanted, result))
  return result
}

/** Each name that may have to be said something of, once. */
function candidates(sub: Subscription, target: ResourceSet, only: 'all' | 'forced'): Iterable<string> {
  if (only === 'forced') return sub.forced
  if (!sub.everything) {
    if (sub.removals.size === 0) {
      if (sub.dirty.size === 0) return sub.forced
      if (sub.forced.size === 0) return sub.dirty
    }
    return new Set([...sub.forced, ...sub.dirty, ...sub.removals])
  }
  const names = new Set([...sub.forced, ...possiblyHeld(sub)])
  for (const { name } of collected(sub, target)) names.add(name)
  return names
}

/**
 * When what a client rejected differs now, the rest of the rejected response goes with it: many clients take
 * all of a response or nothing. A complete response has it anyway, so it counts as changed there.
 */
function addSuspects(
  sub: Subscription,
  { blamed, suspects }: Rejection,
  target: ResourceSet,
  result: Draft,
): void {
  const said = new Set([...result.changed.map((resource) => resource.name), ...result.removed])
  const isDue = sub.complete ? sub.owed || said.size > 0 : [...said].some((name) => blamed.has(name))
  if (!isDue) return
  for (const name of suspects) {
    if (said.has(name)) continue
    const wanted = wantedOf(sub, target, name)
    if (wanted === undefined) result.removed.push(name)
    else result.changed.push(wanted)
  }
}

/** All that the client should have, and what it has whose removal is deferred. */
export function completeState(
  sub: Subscription,
  target: ResourceSet,
  deferred: readonly string[],
): Resource[] {
  const resources: Resource[] = [...collected(sub, target)]
  for (const name of sub.names) {
    if (collects(sub, name) && target.get(sub.typeUrl, name) !== undefined) continue
    const resource = wantedOf(sub, target, name)
    if (resource !== undefined) resources.push(resource)
  }
  for (const name of deferred) {
    const resource = heldOf(sub, name)?.resource
    if (resource !== undefined) resources.push(resource)
  }
  return resources
}

/** The client has (or will have) been told what `plan` says. */
export function applyPlan(
  sub: Subscription,
  target: ResourceSet,
  only: 'all' | 'forced',
  { changed, removed, deferred }: Plan,
): void {
  if (only === 'all') {
    const kept = new Map<string, Held | undefined>()
    for (const name of deferred) kept.set(name, heldOf(sub, name))
    if (kept.size > 0 || sub.exceptions.size > 0) sub.exceptions = kept
    if (deferred.length > 0 || sub.removals.size > 0) sub.removals = new Set(deferred)
    sub.base = target
    sub.everything = false
    sub.dirty.clear()
  } else {
    for (const resource of changed) sub.exceptions.set(resource.name, { version: resource.version, resource })
    for (const name of removed) sub.exceptions.set(name, undefined)
  }
  sub.forced.clear()
  sub.owed = false
}
