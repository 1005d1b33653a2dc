/**
 * Time to live (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ttl): a client removes a resource that
 * has one when it has heard nothing of it for so long, so it is told half-way that it lives on. In the incremental variant by
 * name and version alone. In state of the world by sending it again: Envoy 1.40 takes no notice of a Resource without
 * content there, and takes a complete response without contents for the end of all clusters.
 */
import type { Node, Resource, TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'
import { hasUnsent, heldOf, type Subscription } from './subscription.ts'

/** Whether a heartbeat carries the resources themselves. A virtual host without content means something else to Envoy. */
export const inFull = (variant: 'sotw' | 'delta', typeUrl: TypeUrl): boolean =>
  variant === 'sotw' || typeUrl === typeUrls.virtualHost

/** What expires of a subscription. */
export interface Lease {
  /** Names that were sent with a TTL; some may be gone since. */
  names: Set<string>
  /** When the next heartbeat is due. */
  due: number
}

/** By subscription; empty where nothing has a TTL. */
export type Leases = Map<Subscription, Lease>

/** Envoy takes TTLs since 1.17, but announces no features of its own accord. */
export const takesTtl = ({ userAgentName, clientFeatures = [] }: Node, variant: 'sotw' | 'delta'): boolean =>
  userAgentName === 'envoy' ||
  (clientFeatures.includes('xds.config.supports-resource-ttl') &&
    (variant === 'delta' || clientFeatures.some((feature) => inSotw.has(feature))))
/** Envoy's list of features and its description of the protocol disagree on the name. */
const inSotw = new Set(['xds.config.resource-in-sotw', 'xds.config.supports-resource-in-sotw'])

/**
 * In state of the world only types whose subscription lives as long as Envoy: when anything else expires, or an
 * extension configuration after the listener that brought the first of them, Envoy 1.40 crashes
 * (https://github.com/envoyproxy/envoy/issues/24271; seen for endpoints, routes and extension configurations).
 */
const sotwTypes: ReadonlySet<TypeUrl> = new Set([typeUrls.cluster, typeUrls.listener, typeUrls.runtime])
export const mayExpire = (variant: 'sotw' | 'delta', typeUrl: TypeUrl): boolean =>
  variant === 'delta' || sotwTypes.has(typeUrl)

/** Takes note of what is being sent; whether any of it has a TTL. */
export function lease(leases: Leases, sub: Subscription, sent: readonly Resource[], now: number): boolean {
  let any = false
  for (const { name, ttl } of sent) {
    if (ttl === undefined) continue
    any = true
    const due = now + ttl / 2
    const known = leases.get(sub)
    if (known === undefined) leases.set(sub, { names: new Set([name]), due })
    else {
      known.names.add(name)
      known.due = Math.min(known.due, due)
    }
  }
  return any
}

/** What a client is to hear of again; the next time is when half of the shortest TTL is over. */
export function renew(leases: Leases, sub: Subscription, lease: Lease, now: number): readonly Resource[] {
  const living: Resource[] = []
  let shortest = Number.POSITIVE_INFINITY
  for (const name of lease.names) {
    const resource = heldOf(sub, name)?.resource
    if (resource?.ttl === undefined) continue
    // What a client has instead of what it refused is not known. A complete response renews it all the same.
    if (!sub.complete && sub.rejection?.suspects.has(name)) continue
    living.push(resource)
    shortest = Math.min(shortest, resource.ttl)
  }
  lease.names = new Set(living.map(({ name }) => name))
  lease.due = now + shortest / 2
  if (living.length === 0) leases.delete(sub)
  return living
}

/** A response must not overtake the one in flight, and what carries all must not carry news before its time. */
export const mayRenew = (sub: Subscription): boolean =>
  sub.inFlight === undefined && !(sub.complete && hasUnsent(sub))

/** When the next heartbeat is due that waits for nothing but time. */
export function renewalAt(leases: Leases): number | undefined {
  let at: number | undefined
  for (const [sub, { due }] of leases) if (mayRenew(sub)) at = Math.min(at ?? due, due)
  return at
}
