/** What waits for what on one stream (see order.ts): listeners and routes for clusters, removals for additions. */
import { removalRank, sideOf } from './order.ts'
import { hasUnsent, type Subscription } from './subscription.ts'

type Subs = readonly Subscription[]

/**
 * How long routes wait for clusters to be acknowledged, in milliseconds. Envoy acknowledges them when they are
 * warm: a matter of one exchange, unless a DNS name doesn't resolve or a secret doesn't come.
 */
export const patienceMs = 3000

/**
 * Until when listeners and routes wait for clusters; undefined if there is nothing to wait for. Without end
 * where clusters were not even sent: a route to a cluster that the client has never heard of is an outage.
 */
export function clustersDue(subs: Subs): number | undefined {
  const sub = subs.find((sub) => sideOf(sub.typeUrl) === 'clusters')
  if (sub === undefined) return undefined
  if (hasUnsent(sub)) return Number.POSITIVE_INFINITY
  return sub.inFlight?.changed.length ? sub.sentAt + patienceMs : undefined
}

/** Whether listeners or routes have something to say, now or when the clusters are through. */
const routesWait = (subs: Subs): boolean =>
  subs.some((sub) => sideOf(sub.typeUrl) === 'routes' && hasUnsent(sub))

/**
 * When listeners and routes that wait for clusters wait no longer, or newer clusters for the acknowledgement of those
 * sent; undefined if none do.
 */
export function routesDue(subs: Subs): number | undefined {
  if (!routesWait(subs)) return undefined
  const due = clustersDue(subs)
  if (due !== Number.POSITIVE_INFINITY) return due
  const sub = subs.find(({ typeUrl }) => sideOf(typeUrl) === 'clusters')!
  return sub.inFlight && sub.sentAt + patienceMs
}

/**
 * Whether newer clusters go out before those sent are acknowledged, as the protocol allows: one that never becomes warm
 * would keep all listeners and routes from the client.
 */
export const mayOvertake = (subs: Subs, sub: Subscription, now: number): boolean =>
  sideOf(sub.typeUrl) === 'clusters' && now >= sub.sentAt + patienceMs && hasUnsent(sub) && routesWait(subs)

/** What is gone may be removed when all additions are through and what uses it has been removed before. */
export function mayRemove(subs: Subs, sub: Subscription): boolean {
  const side = sideOf(sub.typeUrl)
  for (const other of subs) {
    if (other === sub) continue
    if (hasUnsent(other)) return false
    if (other.removals.size > 0 && removalRank(other.typeUrl) < removalRank(sub.typeUrl)) return false
    if (side !== 'routes' && sideOf(other.typeUrl) === 'routes' && other.inFlight?.changed.length)
      return false
  }
  return true
}
