/** Reports of many clients, added up by service port and zones. */
import { type PortLoad, type Zone, zoneOf } from '#model/load.ts'
import type { ClusterLoad } from '#xds/server/index.ts'
import { servicePortOf } from './names.ts'

export interface LoadTable {
  /** What clients of `from` report of one cluster, each count times `factor`. Clusters of no service are left out. */
  add(cluster: ClusterLoad, from: Zone, factor?: number): void
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

/** `limit`: pairs of zones of one cluster, and clusters, that there may be; of more nothing is added. */
export function loadTable({ limit = 10_000 } = {}): LoadTable {
  const ports = new Map<string, Port>()
  let rows = 0

  function rowOf(cluster: string, from: Zone): Row | undefined {
    let port = ports.get(cluster)
    if (port === undefined) {
      const named = servicePortOf(cluster)
      if (named === undefined || rows >= limit) return undefined
      port = { ...named, from: new Map() }
      ports.set(cluster, port)
    }
    let row = port.from.get(from)
    if (row === undefined && rows < limit) {
      row = { dropped: 0, to: new Map() }
      port.from.set(from, row)
      rows++
    }
    return row
  }

  return {
    ports,
    add({ name, dropped, localities }, from, factor = 1) {
      const row = rowOf(name, from)
      if (row === undefined) return
      row.dropped += dropped * factor
      for (const locality of localities) {
        const cell = cellOf(row.to, zoneOf(locality))
        cell.requests += locality.issued * factor
        cell.errors += locality.failed * factor
        cell.inProgress += locality.inProgress
      }
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
