/**
 * What must reach a client before what, so that no request meets a cluster or a route that isn't there
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations).
 */
import type { TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'

const pushOrder: readonly TypeUrl[] = [
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.listener,
  typeUrls.scopedRoute,
  typeUrls.route,
  typeUrls.virtualHost,
  typeUrls.extensionConfig,
  typeUrls.secret,
  typeUrls.runtime,
]

/** Users before what they use: a listener goes before its route, both before the clusters they name. */
const removalOrder: readonly TypeUrl[] = [
  typeUrls.listener,
  typeUrls.scopedRoute,
  typeUrls.route,
  typeUrls.virtualHost,
  typeUrls.extensionConfig,
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.secret,
  typeUrls.runtime,
]

/** Where a type stands among additions; unknown types come last. */
export const pushRank = (typeUrl: TypeUrl): number => rank(pushOrder, typeUrl)

/** Where a type stands among removals. */
export const removalRank = (typeUrl: TypeUrl): number => rank(removalOrder, typeUrl)

function rank(order: readonly TypeUrl[], typeUrl: TypeUrl): number {
  const index = order.indexOf(typeUrl)
  return index === -1 ? order.length : index
}

/**
 * How a type takes part in the order. `clusters` go first; `routes` (all that can name a cluster) wait until
 * the client has taken the clusters; the rest is `free`: Envoy acknowledges clusters only when they are warm,
 * and warming needs endpoints and secrets, so holding these back would be a deadlock.
 */
export type Side = 'clusters' | 'routes' | 'free'

export function sideOf(typeUrl: TypeUrl): Side {
  switch (typeUrl) {
    case typeUrls.cluster:
      return 'clusters'
    case typeUrls.listener:
    case typeUrls.route:
    case typeUrls.scopedRoute:
    case typeUrls.virtualHost:
    case typeUrls.extensionConfig:
      return 'routes'
    default:
      return 'free'
  }
}

/** The type of what `Resource.children` names. */
export function childType(typeUrl: TypeUrl): TypeUrl | undefined {
  if (typeUrl === typeUrls.cluster) return typeUrls.endpoint
  if (typeUrl === typeUrls.listener) return typeUrls.route
  return undefined
}

/** In the state-of-the-world protocol what a response of these types lacks is deleted, so each carries all. */
export const isComplete = (typeUrl: TypeUrl): boolean =>
  typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener

const namedOnly: ReadonlySet<TypeUrl> = new Set([
  typeUrls.endpoint,
  typeUrls.route,
  typeUrls.virtualHost,
  typeUrls.secret,
  typeUrls.extensionConfig,
])

/**
 * Whether a first request without names means "all". Types that are always named by a parent are excluded, as
 * in Istio: there it means that the client has no interest left. "*" means all of any type.
 */
export const emptyMeansAll = (typeUrl: TypeUrl): boolean => !namedOnly.has(typeUrl)
