/** Reports of many clients, added up by service port and zones. */
import { type PortLoad, type Zone, zoneOf } from '#model/load.ts'
import type { ClusterLoad } from '#xds/server/index.ts'
import { servicePortOf } from './names.ts'

export interface LoadTable {
  /**
   * What clients of `from` report of one cluster, each count times `factor`. Clusters of no service are left out.
   * @returns false: there was no room
   */
  add(cluster: ClusterLoad, from: Zone, factor?: number): boolean
  /** By name of the cluster. */
  readonly ports: ReadonlyMap<string, PortLoad>
  /** Forgets this cluster. */
  delete(cluster: string): void
}

interface Cell {
  requests: number
  errors: number
  inProgress: number
}
interface Row {
  dropped: number
  readonly to: Map<Zone, Cell>
}

interface Port extends PortLoad {
  readonly from: Map<Zone, Row>
}

/** `limit`: clusters times the zones of their clients that there may be. */
export function loadTable({ limit = 50_000 } = {}): LoadTable {
  const ports = new Map<string, Port>()
  let rows = 0

  function rowOf(cluster: string, from: Zone): Row | 'none' | 'no room' {
    const known = ports.get(cluster)?.from.get(from)
    if (known) return known
    const named = servicePortOf(cluster)
    if (named === undefined) return 'none'
    if (rows >= limit) return 'no room'
    const port = ports.get(cluster) ?? { ...named, from: new Map<Zone, Row>() }
    const row = { dropped: 0, to: new Map() }
    port.from.set(from, row)
    ports.set(cluster, port)
    rows++
    return row
  }

  return {
    ports,
    add({ name, dropped, localities }, from, factor = 1) {
      const row = rowOf(name, from)
      if (typeof row === 'string') return row === 'none'
      row.dropped += dropped * factor
      for (const locality of localities) {
        const cell = cellOf(row.to, zoneOf(locality))
        cell.requests += locality.issued * factor
        cell.errors += locality.failed * factor
        cell.inProgress += locality.inProgress
      }
      return true
    },
    delete(cluster) {
      rows -= ports.get(cluster)?.from.size ?? 0
      ports.delete(cluster)
    },
  }
}

/** Zones that one row may go to; the rest is added up as ''. */
const MAX_ZONES = 100

function cellOf(to: Map<Zone, Cell>, zone: Zone): Cell {
  const key = to.has(zone) || to.size < MAX_ZONES ? zone : ''
  let cell = to.get(key)
  if (cell === undefined) {
    cell = { requests: 0, errors: 0, inProgress: 0 }
    to.set(key, cell)
  }
  return cell
}
