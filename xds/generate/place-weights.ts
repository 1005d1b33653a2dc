/** LocalityLbEndpoints.load_balancing_weight: how the clients of one zone are to spread over the places of one priority. */
import { type Demand, type Zone, zoneOf } from '#model/load.ts'
import { capacityOf, localityShares } from '#model/locality-weights.ts'
import type { EndpointScope, Place } from './locality.ts'

/** What its endpoints weigh. */
export const ownWeight = ({ endpoints }: Place): number =>
  endpoints.reduce((sum, { weight }) => sum + weight, 0)

/** Of all requests; a place of a smaller share than one part gets none. */
const PARTS = 10_000

/** Envoy's overprovisioning factor: it takes from a place's weight once fewer than 1/1.4 of its endpoints are well. */
const OVERPROVISIONING = 1.4

/**
 * By demand and by what is healthy. That Envoy itself lowers the weight of places where many are not well is made up for,
 * so that shares are what they should be; gRPC clients take weights as they are.
 */
export function weightsByLoad(
  places: readonly Place[],
  { from, ipOnly }: EndpointScope & { readonly from: Zone },
  demand: Demand | undefined,
): (place: Place) => number {
  const weights = new Map<Place, number>()
  for (const priority of new Set(places.map((place) => place.priority))) {
    const level = places.filter((place) => place.priority === priority)
    const capacity = capacityOf(level.flatMap(({ endpoints }) => endpoints))
    const shares = localityShares(from, demand, capacity)
    for (const place of level) {
      const zone = zoneOf(place.locality)
      const healthy = place.endpoints.filter(({ health }) => health === 'HEALTHY')
      const part = ownWeight({ ...place, endpoints: healthy }) / (capacity.get(zone) ?? 1)
      const lowered = ipOnly ? 1 : Math.min(1, (OVERPROVISIONING * healthy.length) / place.endpoints.length)
      const share = (shares.get(zone) ?? 0) * part
      weights.set(
        place,
        shares.size === 0 ? ownWeight(place) : share === 0 ? 0 : Math.round((share / lowered) * PARTS),
      )
    }
  }
  return (place) => weights.get(place) ?? 0
}
