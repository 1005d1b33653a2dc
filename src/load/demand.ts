/**
 * Where requests come from, out of what clients report: told at an interval, and only where it moves requests elsewhere.
 */
import { interval as every, filter, map, Observable, type SchedulerLike, startWith } from 'rxjs'
import type { Demand, DemandUpdate, Zone } from '#model/load.ts'
import { capacityOf, localityShares } from '#model/locality-weights.ts'
import type { MeshService, MeshServiceKey } from '#model/mesh.ts'
import type { LoadReport } from '#xds/server/index.ts'
import { servicePortOf, zoneOfNode } from './names.ts'

export interface DemandDeps {
  /** The newest report of each client. */
  readonly latest: () => readonly LoadReport[]
  /** Of the current snapshot. */
  readonly services: () => ReadonlyMap<MeshServiceKey, MeshService>
  /** ms */
  readonly interval: number
  /** 0 to 1: what would move a smaller part of the requests of each zone changes nothing. */
  readonly threshold: number
  readonly clock: SchedulerLike
}

/** Cold; looks when subscribed to, then at the interval. What nobody reports any more is forgotten after some minutes. */
export const watchDemand = ({ interval, clock, ...deps }: DemandDeps): Observable<DemandUpdate> =>
  new Observable((subscriber) => {
    const look = demandKeeper(deps)
    return every(interval, clock)
      .pipe(
        startWith(undefined),
        map(look),
        filter(({ changed }) => changed.size > 0),
      )
      .subscribe(subscriber)
  })

/** Of what differs from before, so much is believed each time. */
const SMOOTHING = 0.5
/** With fewer requests in a second than this, of all clients, a port is forgotten. */
const NOTHING = 0.01

function demandKeeper({ latest, services, threshold }: Omit<DemandDeps, 'interval' | 'clock'>) {
  let smoothed: ReadonlyMap<string, Demand> = new Map()
  let demands: ReadonlyMap<MeshServiceKey, ReadonlyMap<number, Demand>> = new Map()

  return (): DemandUpdate => {
    const counted = count(latest())
    const find = finder(services())
    const rates = new Map<string, Demand>()
    const next = new Map<MeshServiceKey, Map<number, Demand>>()
    const changed = new Set<MeshServiceKey>()
    for (const cluster of new Set([...smoothed.keys(), ...counted.keys()])) {
      const found = find(cluster)
      if (found === undefined) continue
      const { key, port, capacity } = found
      const zones = counted.get(cluster)
      const now = smooth(smoothed.get(cluster), zones)
      if (now) rates.set(cluster, now)
      const before = demands.get(key)?.get(port)
      const moved = now !== undefined && moves(before, now, zones, capacity(), threshold)
      if (moved) changed.add(key)
      const demand = moved ? now : now && before
      if (demand) next.set(key, (next.get(key) ?? new Map<number, Demand>()).set(port, demand))
    }
    // Those too whose service or port is gone, or can't be told from another: it may come back, by capacity.
    for (const [key, ports] of demands)
      for (const port of ports.keys()) if (!next.get(key)?.has(port)) changed.add(key)
    smoothed = rates
    demands = next
    return { demands, changed }
  }
}

interface Counted {
  requests: number
  /** In a second. */
  rate: number
}
type Zones = ReadonlyMap<Zone, Counted>

/** By cluster and zone of the clients. */
function count(reports: readonly LoadReport[]): ReadonlyMap<string, Zones> {
  const all = new Map<string, Map<Zone, Counted>>()
  for (const { node, clusters } of reports) {
    const zone = zoneOfNode(node)
    for (const { name, intervalMs, localities } of clusters) {
      let requests = 0
      for (const { issued } of localities) requests += issued
      if (requests === 0 || intervalMs === 0) continue
      const zones = all.get(name) ?? new Map<Zone, Counted>()
      const counted = zones.get(zone) ?? { requests: 0, rate: 0 }
      counted.requests += requests
      counted.rate += (requests * 1000) / intervalMs
      all.set(name, zones.set(zone, counted))
    }
  }
  return all
}

/** Undefined: next to nothing. */
function smooth(before: Demand | undefined, now: Zones | undefined): Demand | undefined {
  const rates = new Map<Zone, number>()
  for (const zone of new Set([...(before?.keys() ?? []), ...(now?.keys() ?? [])])) {
    const rate = now?.get(zone)?.rate ?? 0
    const old = before?.get(zone) ?? rate
    rates.set(zone, old + SMOOTHING * (rate - old))
  }
  const total = [...rates.values()].reduce((sum, rate) => sum + rate, 0)
  return total < NOTHING ? undefined : rates
}

/** Chance alone moves a share that was found by n requests by less than 2/√n. */
function moves(
  before: Demand | undefined,
  now: Demand,
  zones: Zones | undefined,
  capacity: ReturnType<typeof capacityOf>,
  threshold: number,
): boolean {
  for (const [zone, { requests }] of zones ?? []) {
    const [old, fresh] = [before, now].map((demand) => localityShares(zone, demand, capacity))
    const least = Math.max(threshold, 2 / Math.sqrt(requests))
    for (const to of capacity.keys())
      if (Math.abs((fresh?.get(to) ?? 0) - (old?.get(to) ?? 0)) > least) return true
  }
  return false
}

/** The service port of a cluster. A hostname that several services have says of none which of them is called. */
function finder(services: ReadonlyMap<MeshServiceKey, MeshService>) {
  const byHostname = new Map<string, MeshService | undefined>()
  for (const service of services.values()) {
    const { hostname } = service.attributes
    byHostname.set(hostname, byHostname.has(hostname) ? undefined : service)
  }
  return (cluster: string) => {
    const named = servicePortOf(cluster)
    const service = named && byHostname.get(named.service)
    const port = service?.attributes.ports.find((each) => each.port === named?.port)
    if (service === undefined || port === undefined) return undefined
    const capacity = () => {
      const serving = service.endpoints.filter(({ ports }) => ports[port.name] !== 0)
      const first = Math.min(...serving.map(({ priority }) => priority))
      return capacityOf(serving.filter(({ priority }) => priority === first))
    }
    return { key: service.attributes.key, port: port.port, capacity }
  }
}
