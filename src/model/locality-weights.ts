/**
 * How the requests of one zone spread over zones, so that they stay as near as possible and no endpoint gets more than its
 * fair share. Each zone answers its own clients up to its part of the capacity; what is too much goes where there is room.
 */
import { type Demand, type Zone, zoneOf } from './load.ts'
import type { MeshEndpoint } from './mesh.ts'

type Amounts = ReadonlyMap<Zone, number>

/** What the endpoints of each zone can take: the weights of those that are healthy. */
export function capacityOf(endpoints: Iterable<MeshEndpoint>): Amounts {
  const capacity = new Map<Zone, number>()
  for (const { health, weight, locality } of endpoints) {
    const zone = zoneOf(locality)
    if (health === 'HEALTHY') capacity.set(zone, (capacity.get(zone) ?? 0) + weight)
  }
  return capacity
}

/**
 * Shares of the requests of clients in `from`, together 1, by zone of the endpoints; empty where there is no capacity.
 * Where nothing is known of the demand, or of that of `from`: by capacity.
 */
export function localityShares(from: Zone, demand: Demand | undefined, capacity: Amounts): Amounts {
  const able = sum(capacity)
  if (able === 0) return capacity
  const byCapacity = () => scaled(capacity, 1 / able)
  const own = demand?.get(from)
  if (demand === undefined || !own) return byCapacity()
  const wanted = sum(demand)
  const fair = (zone: Zone) => ((capacity.get(zone) ?? 0) / able) * wanted
  const room = new Map([...capacity.keys()].map((zone) => [zone, fair(zone) - (demand.get(zone) ?? 0)]))
  for (const [zone, left] of room) if (left <= 0) room.delete(zone)
  const near = capacity.has(from)
  if (near && (own <= fair(from) || room.size === 0)) return new Map([[from, 1]])
  if (room.size === 0) return byCapacity()
  const stays = near ? fair(from) / own : 0
  const away = scaled(room, (1 - stays) / sum(room))
  return near ? new Map([[from, stays], ...away]) : away
}

const sum = (amounts: Amounts): number => [...amounts.values()].reduce((total, amount) => total + amount, 0)

const scaled = (amounts: Amounts, by: number): Amounts =>
  new Map([...amounts].map(([zone, amount]) => [zone, amount * by]))
