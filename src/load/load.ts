/** The load that clients report (LRS), as metrics and REST show it: by service port and zone, never by client. */
import type { PortLoad } from '#model/load.ts'
import type { MeshService, MeshServiceKey } from '#model/mesh.ts'
import type { Logger } from '#support/logger.ts'
import type { LoadReport, Loads } from '#xds/server/index.ts'
import { zoneOfNode } from './names.ts'
import { type LoadTable, loadTable } from './table.ts'

export interface LoadReader {
  /** Clients that report. */
  clients(): number
  /** Counts since the start, of services that there are. */
  totals(): Iterable<PortLoad>
  /** Counts in a second, by the newest report of each client. */
  current(): Iterable<PortLoad>
}

export interface LoadDeps {
  readonly loads: Loads
  /** Of the current snapshot. */
  readonly services: () => ReadonlyMap<MeshServiceKey, MeshService>
  readonly log: Logger
}

/** Listens from now on, until the reports end. */
export function observeLoad({ loads, services, log }: LoadDeps): LoadReader {
  const totals = loadTable()
  let full = false
  loads.reports.subscribe(({ node, clusters }) => {
    const from = zoneOfNode(node)
    for (const cluster of clusters) {
      if (totals.add(cluster, from) || full) continue
      full = true
      log.warn(
        { cluster: cluster.name, from },
        'proxies report load of more services and zones than are counted: /metrics lacks some; look for proxies that name services or zones which do not exist',
      )
    }
  })

  /** Clients may name what they like: only what the mesh has is shown, and kept. */
  function* known(table: LoadTable): Iterable<PortLoad> {
    if (table.ports.size === 0) return
    const ports = new Map<string, Set<number>>()
    for (const { attributes } of services().values()) {
      const all = ports.get(attributes.hostname) ?? new Set()
      for (const { port } of attributes.ports) all.add(port)
      ports.set(attributes.hostname, all)
    }
    for (const [name, load] of [...table.ports])
      if (ports.get(load.service)?.has(load.port)) yield load
      else table.delete(name)
  }

  return {
    clients: () => loads.latest().length,
    totals: () => known(totals),
    current: () => known(ratesOf(loads.latest())),
  }
}

/** Requests in a second, of all clients together. */
export function ratesOf(reports: readonly LoadReport[]): LoadTable {
  const table = loadTable({ limit: Number.POSITIVE_INFINITY })
  for (const { node, clusters } of reports) {
    const from = zoneOfNode(node)
    for (const cluster of clusters)
      if (cluster.intervalMs > 0) table.add(cluster, from, 1000 / cluster.intervalMs)
  }
  return table
}
