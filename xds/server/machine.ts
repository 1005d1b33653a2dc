/**
 * The protocol of one stream: requests and resource updates in, responses out, no I/O. The transport calls
 * `nextResponse` whenever the client can take another message; until then all that happens merges into the
 * state, so a slow client costs nothing and gets the newest.
 *
 * Order of types (order.ts). Clusters go first; listeners and routes follow when the client has acknowledged
 * the clusters; what is gone is removed after all additions. A set being rolled out like that is `current`,
 * and a newer one with other clusters waits in `newest` until it is through, so that under constant change
 * every type has its turn. Endpoints and secrets always follow the newest set at once. What a request asks
 * for is answered at once too, whatever the order: no request is met with silence.
 */
import { namesOf, union } from '../changed.ts'
import type { Absence, Resource, ResourceSet, ResourceUpdate, TypeUrl } from '../resources.ts'
import { acknowledge, forgive, reject, sendAgain } from './answers.ts'
import { clustersDue, mayOvertake, mayRemove, routesDue } from './gates.ts'
import { inFull, type Leases, lease, mayExpire, mayRenew, renew, renewalAt } from './heartbeat.ts'
import { childType, removalRank, sideOf } from './order.ts'
import { applyPlan, completeState, plan } from './plan.ts'
import {
  type Absent,
  type Form,
  findSubscription,
  type Machine,
  type Outcome,
  type Response,
  targetOf,
} from './state.ts'
import {
  type ClientError,
  hasUnsent,
  heldOf,
  isInterested,
  markChanged,
  type Subscription,
} from './subscription.ts'

/** The ACK or NACK in a request of a known subscription. */
export function settle(
  sub: Subscription,
  nonce: string,
  error: ClientError | undefined,
  now: number,
): Outcome {
  if (nonce === '') return 'subscribed'
  if (nonce !== sub.sentNonce) return 'expired'
  if (sub.inFlight === undefined) return 'subscribed'
  if (error === undefined) acknowledge(sub, now)
  else if (sub.inFlight.heartbeat) sendAgain(sub)
  else reject(sub, error, now)
  return error === undefined ? 'ack' : 'nack'
}

/** The source has something new. */
export function receiveUpdate(machine: Machine, { resources, changed }: ResourceUpdate): void {
  const names = machine.newest === undefined ? 'all' : changed
  machine.newest = resources
  for (const sub of machine.subs) {
    if (sideOf(sub.typeUrl) === 'free') markChanged(sub, resources, namesOf(names, sub.typeUrl))
  }
  machine.waiting = union(machine.waiting, names)
  adopt(machine)
}

/** The next message to the client; undefined when there is nothing to say until something happens. */
export function nextResponse(machine: Machine, now: number): Response | undefined {
  if (machine.newest === undefined) return undefined
  for (const sub of machine.subs) {
    const response = respond(machine, sub, now)
    if (response !== undefined) return response
  }
  if (machine.subs.some(gone)) {
    const removing = machine.subs.filter(gone)
    for (const sub of removing.sort((a, b) => removalRank(a.typeUrl) - removalRank(b.typeUrl))) {
      const response = respond(machine, sub, now)
      if (response !== undefined) return response
    }
  }
  if (machine.waiting !== undefined && adopt(machine)) return nextResponse(machine, now)
  return machine.leases?.size ? heartbeat(machine, machine.leases, now) : undefined
}

/** What the client must hear of again lest it expire. */
function heartbeat(machine: Machine, leases: Leases, now: number): Response | undefined {
  for (const [sub, each] of leases) {
    if (each.due > now || !mayRenew(sub)) continue
    const resources = renew(leases, sub, each, now)
    if (resources.length === 0) continue
    if (inFull(machine.variant, sub.typeUrl)) {
      if (sub.complete) sub.owed = true
      else for (const { name } of resources) sub.forced.add(name)
      const response = respond(machine, sub, now)
      if (response === undefined) continue
      return response
    }
    const { typeUrl, sentVersion: version } = sub
    const nonce = `${machine.noncePrefix}${++machine.nonces}`
    sub.sentNonce = nonce
    sub.sentAt = now
    sub.inFlight = { nonce, version, changed: [], removed: [], heartbeat: resources }
    return { typeUrl, version, nonce, resources, form: 'heartbeat', removed: nothing, absent: nothing }
  }
  return undefined
}

const gone = (sub: Subscription): boolean => sub.removals.size > 0

/** Whether `nextResponse` may have something to say: cheap, for streams that mostly have not. */
export function mayRespond(machine: Machine): boolean {
  if (machine.waiting !== undefined || machine.leases?.size) return true
  for (const sub of machine.subs)
    if (sub.inFlight === undefined && (sub.owed || hasUnsent(sub) || sub.removals.size > 0)) return true
  return false
}

/** Whether the client was not told all yet of something that it asked for. */
export const isNew = (machine: Machine): boolean => machine.subs.some(({ sentNonce }) => sentNonce === '')

/** Goes on to the newest set, unless its clusters would keep the current listeners and routes waiting. */
function adopt(machine: Machine): boolean {
  const { waiting, newest } = machine
  if (waiting === undefined || newest === undefined) return false
  const clusters = machine.subs.find((sub) => sideOf(sub.typeUrl) === 'clusters')
  const unfinished =
    clusters !== undefined &&
    !hasUnsent(clusters) &&
    namesOf(waiting, clusters.typeUrl) !== undefined &&
    (clusters.removals.size > 0 ||
      machine.subs.some((sub) => sideOf(sub.typeUrl) === 'routes' && hasUnsent(sub)))
  if (unfinished) return false
  machine.current = newest
  machine.waiting = undefined
  for (const sub of machine.subs) {
    if (sideOf(sub.typeUrl) !== 'free') markChanged(sub, newest, namesOf(waiting, sub.typeUrl))
  }
  return true
}

function respond(machine: Machine, sub: Subscription, now: number): Response | undefined {
  if (sub.inFlight !== undefined) {
    if (!mayOvertake(machine.subs, sub, now)) return undefined
    // Which of the two the client refuses, if it does, would not be known otherwise.
    for (const { name } of sub.inFlight.changed) if (isInterested(sub, name)) sub.forced.add(name)
    sub.inFlight = undefined
  }
  const news = sub.owed || hasUnsent(sub)
  if (!news && sub.removals.size === 0) return undefined
  const removals = mayRemove(machine.subs, sub)
  if (!news && !removals) return undefined
  const held = sideOf(sub.typeUrl) === 'routes' && now < (clustersDue(machine.subs) ?? now)
  if (held && !sub.owed && sub.forced.size === 0) return undefined
  // A complete response can't be partial, nor can the first one of a wildcard subscription.
  const only = held && !sub.complete && sub.sentNonce !== '' ? 'forced' : 'all'

  const target = targetOf(machine, sub)
  // Nobody is told of what goes in a state-of-the-world response that isn't complete.
  const silent = machine.variant === 'sotw' && !sub.complete
  const next = plan(sub, target, only, removals || silent)
  const asked = sub.owed || (silent && next.removed.some((name) => sub.forced.has(name)))
  const removed = silent ? [] : next.removed
  const resources = sub.complete ? completeState(sub, target, next.deferred) : next.changed
  const absent = next.removed.length === 0 ? nothing : absences(machine, sub, target, next.removed)
  applyPlan(sub, target, only, next)
  if (silent) forgive(sub, next.removed)
  if (!asked && next.changed.length === 0 && removed.length === 0) return undefined

  sub.sentNonce = `${machine.noncePrefix}${++machine.nonces}`
  sub.sentVersion = versionOf(sub, target, next.deferred)
  sub.sentAt = now
  sub.inFlight = {
    nonce: sub.sentNonce,
    version: sub.sentVersion,
    changed: next.changed,
    removed: next.removed,
  }
  sendChildren(machine, sub.typeUrl, next.changed)
  return {
    typeUrl: sub.typeUrl,
    version: sub.sentVersion,
    nonce: sub.sentNonce,
    resources,
    form: formOf(machine, sub, resources, now),
    removed: sub.complete ? [] : removed,
    absent,
  }
}

const nothing: readonly never[] = []

/**
 * Envoy warms a changed cluster until endpoints arrive for it, even if they are the same; a listener likewise
 * waits for its routes.
 */
function sendChildren(machine: Machine, parentType: TypeUrl, parents: readonly Resource[]): void {
  const typeUrl = childType(parentType)
  if (typeUrl === undefined || parents.length === 0) return
  const sub = findSubscription(machine, typeUrl)
  if (sub !== undefined) {
    for (const { children } of parents)
      for (const name of children) if (isInterested(sub, name)) sub.forced.add(name)
  } else if (machine.variant === 'delta') {
    const before = machine.orphans.get(typeUrl)
    machine.orphans.set(typeUrl, before === undefined ? parents : newest([...before, ...parents]))
  }
}

/** Of each name the last. */
const newest = (resources: readonly Resource[]): readonly Resource[] => [
  ...new Map(resources.map((resource) => [resource.name, resource])).values(),
]

/** When `nextResponse` is to be called again even if nothing happens; undefined = never. */
export function wakeAt({ subs, leases }: Machine): number | undefined {
  const routes = routesDue(subs)
  const renewal = leases?.size ? renewalAt(leases) : undefined
  return routes === undefined || renewal === undefined ? (routes ?? renewal) : Math.min(routes, renewal)
}

/**
 * Why there is nothing under names that the client asked for, once. Without a word of the source only in state of the
 * world, which has no other way to say it; but there nobody is told of what goes later, unless what is left is complete.
 */
function absences(
  { variant }: Machine,
  sub: Subscription,
  target: ResourceSet,
  removed: readonly string[],
): readonly Absent[] {
  const unknown: Absence | undefined =
    variant === 'sotw' ? { code: 'NOT_FOUND', message: 'there is no such resource' } : undefined
  return removed.flatMap((name) => {
    if (!sub.names.has(name)) return []
    if (variant === 'sotw' && !sub.complete && heldOf(sub, name) !== undefined) return []
    const absence = target.absence?.(sub.typeUrl, name) ?? unknown
    return absence === undefined ? [] : [{ name, ...absence }]
  })
}

function formOf(
  { variant, leases }: Machine,
  sub: Subscription,
  sent: readonly Resource[],
  now: number,
): Form {
  if (leases === undefined || !mayExpire(variant, sub.typeUrl)) return 'plain'
  return lease(leases, sub, sent, now) ? 'ttl' : 'plain'
}

/** With what is to be removed later it is another version than without. */
function versionOf(sub: Subscription, target: ResourceSet, deferred: readonly string[]): string {
  const version = target.version(sub.typeUrl)
  return sub.complete && deferred.length > 0 ? `${version}+${deferred.length}` : version
}
