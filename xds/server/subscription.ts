/**
 * One client's subscription to one type: what it wants, what it holds, what is to be said next. Pure state
 * and arithmetic, the same for both protocol variants; sotw.ts and delta.ts translate their requests to it.
 *
 * What the client holds is not kept resource by resource: it is `base`, the set that was sent last, except for
 * the few names in `exceptions`. Names that may differ are in `dirty`. All other names the client wants are
 * the same in `base`, in the newest set and in the client.
 */
import type { Resource, ResourceSet, TypeUrl } from '../resources.ts'
import { collectionOf } from '../xdstp.ts'
import { Names } from './names.ts'

/** What the client has under a name; the resource is unknown when the client named its version itself. */
export interface Held {
  readonly version: string
  readonly resource?: Resource
}

/** google.rpc.Status of a NACK, and the version that the client says it stays with. */
export interface ClientError {
  readonly code: number
  readonly message: string
  readonly lastGoodVersion?: string
}

/** The response in flight. */
export interface Sent {
  readonly nonce: string
  readonly version: string
  readonly changed: readonly Resource[]
  readonly removed: readonly string[]
  /** Of these it said that they live on, and nothing else. */
  readonly heartbeat?: readonly Resource[]
}

/** A rejection that stands until what was rejected is accepted in another version or gone. */
export interface Rejection {
  readonly message: string
  readonly code: number
  /** Unix time in milliseconds. */
  readonly since: number
  readonly lastGoodVersion: string
  /** Names of the rejected response that the client may not have taken. */
  readonly suspects: Set<string>
  /** Those of them that the message names; all, if it names none. */
  readonly blamed: Set<string>
}

export interface Subscription {
  readonly typeUrl: TypeUrl
  /** Each response carries all that the client wants (state of the world, clusters and listeners). */
  readonly complete: boolean
  wildcard: boolean
  /** Names were given once, so that an empty list no longer means "all". */
  named: boolean
  /** Explicitly subscribed names, without "*"; those of collections among them. */
  names: Names
  /** Collections among the names; undefined = none. */
  collections: Set<string> | undefined
  base: ResourceSet
  exceptions: Map<string, Held | undefined>
  readonly dirty: Set<string>
  /** Every name may differ. */
  everything: boolean
  /** Names to be sent whether or not they differ. */
  readonly forced: Set<string>
  /** Names held that are gone, whose removal has to wait for additions elsewhere. */
  removals: Set<string>
  /** A request waits for its answer, be it empty. */
  owed: boolean
  inFlight: Sent | undefined
  rejection: Rejection | undefined
  sentNonce: string
  sentVersion: string
  sentAt: number
  ackedVersion: string
  ackedAt: number
}

/** A subscription to nothing yet, whose first request waits for its answer. */
export function createSubscription(typeUrl: TypeUrl, complete: boolean, nothing: ResourceSet): Subscription {
  return {
    typeUrl,
    complete,
    wildcard: false,
    named: false,
    names: new Names(),
    collections: undefined,
    base: nothing,
    exceptions: new Map(),
    dirty: new Set(),
    everything: false,
    forced: new Set(),
    removals: new Set(),
    owed: true,
    inFlight: undefined,
    rejection: undefined,
    sentNonce: '',
    sentVersion: '',
    sentAt: 0,
    ackedVersion: '',
    ackedAt: 0,
  }
}

export const isInterested = (sub: Subscription, name: string): boolean =>
  sub.wildcard || sub.names.has(name) || collects(sub, name)

/** Whether the client wants whatever exists under the name, though it may not have named it. */
export const collects = ({ wildcard, collections }: Subscription, name: string): boolean =>
  wildcard || collections?.has(collectionOf(name) ?? '') === true

/** What it wants of a set without having named it. */
export function collected(sub: Subscription, set: ResourceSet): Iterable<Resource> {
  if (sub.wildcard) return set.all(sub.typeUrl)
  return sub.collections === undefined ? [] : membersOf(sub, set)
}
function* membersOf(sub: Subscription, set: ResourceSet): Iterable<Resource> {
  for (const resource of set.all(sub.typeUrl)) if (collects(sub, resource.name)) yield resource
}

/** Additions or changes that were not sent (or not found to be none) yet. */
export const hasUnsent = (sub: Subscription): boolean =>
  sub.everything || sub.dirty.size > 0 || sub.forced.size > 0

/** Takes note of names that may differ in the newer set `target`. */
export function markChanged(
  sub: Subscription,
  target: ResourceSet,
  names: 'all' | ReadonlySet<string> | undefined,
): void {
  if (names === 'all') sub.everything = true
  else if (names !== undefined && !sub.everything) {
    if (sub.wildcard) for (const name of names) sub.dirty.add(name)
    else if (sub.collections) {
      for (const name of names) if (isInterested(sub, name)) sub.dirty.add(name)
    } else if (names.size <= sub.names.size) {
      for (const name of names) if (sub.names.has(name)) sub.dirty.add(name)
    } else for (const name of sub.names) if (names.has(name)) sub.dirty.add(name)
  }
  // Nothing of interest differs, so let go of the older set.
  if (!sub.everything && sub.dirty.size === 0) sub.base = target
}

/** What the client should have under the name. */
export function wantedOf(sub: Subscription, set: ResourceSet, name: string): Resource | undefined {
  if (sub.names.has(name)) return set.get(sub.typeUrl, name) ?? missingOf(sub, set, name)
  return collects(sub, name) ? set.get(sub.typeUrl, name) : undefined
}

/** What stands for a name that isn't there; nothing does for a collection. */
export const missingOf = (sub: Subscription, set: ResourceSet, name: string): Resource | undefined =>
  sub.collections?.has(name) ? undefined : set.missing(sub.typeUrl, name)

/** What the client has under the name, if it wants it. */
export function heldOf(sub: Subscription, name: string): Held | undefined {
  if (!isInterested(sub, name)) return undefined
  if (sub.exceptions.size > 0 && sub.exceptions.has(name)) return sub.exceptions.get(name)
  const resource = wantedOf(sub, sub.base, name)
  return resource && { version: resource.version, resource }
}

/** The resources that the client was sent and still wants. */
export function* heldResources(sub: Subscription): Iterable<Resource> {
  for (const name of possiblyHeld(sub)) {
    const resource = heldOf(sub, name)?.resource
    if (resource !== undefined) yield resource
  }
}

/** How many resources the client has. */
export function countHeld(sub: Subscription): number {
  if (sub.wildcard && sub.names.size === 0 && sub.exceptions.size === 0) return sub.base.size(sub.typeUrl)
  let count = 0
  for (const name of possiblyHeld(sub)) if (heldOf(sub, name) !== undefined) count++
  return count
}

/** All names that the client may have something under. */
export function possiblyHeld(sub: Subscription): Iterable<string> {
  if (!sub.wildcard && sub.collections === undefined) return sub.names
  const names = new Set([...sub.names, ...sub.exceptions.keys()])
  for (const { name } of collected(sub, sub.base)) names.add(name)
  return names
}
