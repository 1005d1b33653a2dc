/** Changes of what a client wants. */
import type { ResourceSet } from '../resources.ts'
import { collectionOf, isCollection } from '../xdstp.ts'
import { abandon } from './answers.ts'
import { Names } from './names.ts'
import { collects, type Held, heldOf, isInterested, possiblyHeld, type Subscription } from './subscription.ts'

/** Subscribes to a name; it is sent even if the client seems to hold it. */
export function addName(sub: Subscription, name: string, set: ResourceSet): void {
  // The set's own string is kept rather than this stream's copy of it.
  const shared = set.get(sub.typeUrl, name)?.name ?? name
  if (!isInterested(sub, shared)) sub.exceptions.set(shared, undefined)
  sub.named = true
  sub.names.add(shared)
  sub.forced.add(shared)
  sub.removals.delete(shared)
  if (isCollection(shared)) addCollection(sub, shared, set)
}

function addCollection(sub: Subscription, collection: string, set: ResourceSet): void {
  stillArriving(sub, (name) => collectionOf(name) === collection)
  for (const { name } of set.all(sub.typeUrl)) {
    if (collectionOf(name) !== collection) continue
    if (!isInterested(sub, name)) sub.exceptions.set(name, undefined)
    sub.forced.add(name)
  }
  sub.collections = new Set(sub.collections).add(collection)
}

/**
 * What was given up while it was on its way, and is to be wanted again as one of many: the client takes it when it
 * arrives, so it is told what became of it.
 */
function stillArriving(sub: Subscription, wanted: (name: string) => boolean): void {
  for (const { name } of sub.inFlight?.changed ?? [])
    if (wanted(name) && !isInterested(sub, name)) sub.forced.add(name)
}

/** The first names of a subscription that was told nothing yet, and whose client holds nothing. */
export function beginWith(sub: Subscription, list: readonly string[]): void {
  sub.names = Names.of(list)
  if (list.some(isCollection)) sub.collections = new Set(list.filter(isCollection))
  sub.named = true
  sub.everything = true
}

/** Ends the subscription to a name. */
export function dropName(sub: Subscription, name: string): void {
  if (!sub.names.delete(name)) return
  if (sub.collections?.has(name)) dropCollection(sub, name)
  if (collects(sub, name)) {
    // The client can't know whether "*" or a collection includes the name, so it must be told.
    sub.forced.add(name)
    return
  }
  sub.exceptions.delete(name)
  sub.dirty.delete(name)
  sub.forced.delete(name)
  sub.removals.delete(name)
  abandon(sub, [name])
}

/** Subscribes to all; if it was already, all is sent again. */
export function startWildcard(sub: Subscription, nothing: ResourceSet): void {
  if (sub.wildcard) for (const name of possiblyHeld(sub)) sub.forced.add(name)
  else {
    stillArriving(sub, () => true)
    const held = new Map<string, Held | undefined>()
    for (const name of possiblyHeld(sub)) held.set(name, heldOf(sub, name))
    sub.exceptions = held
    sub.base = nothing
  }
  sub.wildcard = true
  sub.everything = true
  sub.owed = true
}

/** Ends the subscription to all; explicitly subscribed names and collections stay. */
export function stopWildcard(sub: Subscription): void {
  sub.wildcard = false
  letGo(sub)
}

function dropCollection(sub: Subscription, collection: string): void {
  const held = [...possiblyHeld(sub)].filter((name) => collectionOf(name) === collection)
  sub.collections!.delete(collection)
  if (sub.collections!.size === 0) sub.collections = undefined
  if (sub.wildcard) for (const name of held) sub.forced.add(name)
  else letGo(sub)
}

/** Forgets what is of no interest any more. */
function letGo(sub: Subscription): void {
  const boring = (name: string): boolean => !isInterested(sub, name)
  for (const names of [sub.dirty, sub.forced, sub.removals]) {
    for (const name of names) if (boring(name)) names.delete(name)
  }
  for (const name of sub.exceptions.keys()) if (boring(name)) sub.exceptions.delete(name)
  abandon(sub, [...(sub.rejection?.suspects ?? [])].filter(boring))
}
