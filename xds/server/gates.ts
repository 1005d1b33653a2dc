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

/** When listeners and routes that wait for clusters wait no longer; undefined if none do, or without end. */
export function routesDue(subs: Subs): number | undefined {
  const due = clustersDue(subs)
  if (due === undefined || due === Number.POSITIVE_INFINITY) return undefined
  return subs.some((sub) => sideOf(sub.typeUrl) === 'routes' && hasUnsent(sub)) ? due : undefined
}

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
