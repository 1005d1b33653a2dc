/** The load that clients say they cause, by the zones where it comes from and where it goes. */
import type { MeshServiceKey } from './mesh.ts'
import type { Locality } from './service.ts'

/** `region/zone`, `region` alone, or '' = not known. Nearness below a zone makes no difference to load. */
export type Zone = string

export function zoneOf(locality: Pick<Locality, 'region' | 'zone'> | undefined): Zone {
  if (!locality) return ''
  return locality.zone === '' ? locality.region : `${locality.region}/${locality.zone}`
}

/** Load of one service port, by its clients' zone. */
export interface PortLoad {
  readonly service: string
  readonly port: number
  readonly from: ReadonlyMap<Zone, ZoneLoad>
}

/** Of the clients of one zone; counts, or counts in a second. */
export interface ZoneLoad {
  /** Requests that were sent to no endpoint: overload, circuit breakers. */
  readonly dropped: number
  /** By the endpoints' zone. */
  readonly to: ReadonlyMap<Zone, Load>
}

export interface Load {
  /** Begun. */
  readonly requests: number
  /** Of those that ended, the ones that failed. */
  readonly errors: number
  /** At the end of the last interval; never a rate. */
  readonly inProgress: number
}

/** Requests in a second of a service port's clients, by their zone; what counts is their proportion. */
export type Demand = ReadonlyMap<Zone, number>

/** By service and port; a Demand stays the same object as long as it makes no difference. */
export type Demands = ReadonlyMap<MeshServiceKey, ReadonlyMap<number, Demand>>

export interface DemandUpdate {
  readonly demands: Demands
  /** Services with a port of another demand than before. */
  readonly changed: ReadonlySet<MeshServiceKey>
}
