/** Which endpoints a proxy sees, and how near they are (Istio: pilot/pkg/networking/core/loadbalancer). */
import type { Zone } from '#model/load.ts'
import type { MeshEndpoint } from '#model/mesh.ts'
import type { Locality } from '#model/service.ts'

/** What of a view decides on its endpoints. Equal scopes get the same bytes. */
export interface EndpointScope {
  /** Set where nearer endpoints are to be preferred. */
  readonly locality?: Locality
  /** Only endpoints of these networks and of the proxy's own (''); empty = all. */
  readonly networkView: readonly string[]
  /** Set where localities are weighted by load: the clients' zone. */
  readonly from?: Zone
  /** Clients that take nothing but IP addresses (gRPC). */
  readonly ipOnly?: boolean
}

/** Endpoints of one priority and locality. */
export interface Place {
  readonly priority: number
  readonly locality: Locality
  readonly endpoints: readonly MeshEndpoint[]
}

const nowhere: Locality = { region: '', zone: '', subzone: '' }

export const scopeKey = ({ locality, networkView, ipOnly, from }: EndpointScope): string =>
  JSON.stringify([
    locality && [locality.region, locality.zone, locality.subzone],
    [...networkView].sort(),
    ipOnly ?? false,
    from,
  ])

export const sees = ({ networkView }: EndpointScope, { network }: MeshEndpoint): boolean =>
  networkView.length === 0 || network === '' || networkView.includes(network)

/**
 * The places in order of priority. The rank of the registry (failover between registries) comes before nearness:
 * same subzone, same zone, same region, elsewhere. Envoy wants priorities without a gap, so they are compacted.
 */
export function byPlace(endpoints: readonly MeshEndpoint[], scope: EndpointScope): readonly Place[] {
  const places = new Map<string, { rank: number; locality: Locality; endpoints: MeshEndpoint[] }>()
  for (const endpoint of endpoints) {
    const locality = endpoint.locality ?? nowhere
    const rank = endpoint.priority * 4 + (scope.locality ? distance(scope.locality, locality) : 0)
    const key = [String(rank).padStart(6, '0'), locality.region, locality.zone, locality.subzone].join('\0')
    const place = places.get(key)
    if (place === undefined) places.set(key, { rank, locality, endpoints: [endpoint] })
    else place.endpoints.push(endpoint)
  }
  const sorted = [...places].sort(([a], [b]) => compare(a, b)).map(([, place]) => place)
  const ranks = [...new Set(sorted.map((place) => place.rank))]
  return sorted.map(({ rank, locality, endpoints }) => ({
    priority: ranks.indexOf(rank),
    locality,
    endpoints: endpoints.sort(byAddress),
  }))
}

function distance(from: Locality, to: Locality): 0 | 1 | 2 | 3 {
  if (from.region !== to.region) return 3
  if (from.zone !== to.zone) return 2
  return from.subzone === to.subzone ? 0 : 1
}

const byAddress = (a: MeshEndpoint, b: MeshEndpoint): number =>
  compare(a.address, b.address) || compare(JSON.stringify(a.ports), JSON.stringify(b.ports))

/** By code unit: the same on every machine. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
