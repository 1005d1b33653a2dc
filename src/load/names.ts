/** Whom and what a report names: the client's zone, the cluster's service. */
import { type Zone, zoneOf } from '#model/load.ts'
import { parseNode } from '#sidecar/node.ts'
import type { Node } from '#xds/resources.ts'

/** As the client's view has it; '' for a node that is not understood. */
export function zoneOfNode(node: Node): Zone {
  const sidecar = parseNode(node)
  return 'error' in sidecar ? '' : zoneOf(sidecar.locality)
}

/** Of a cluster as the generator names it; undefined: it is no service's. */
export function servicePortOf(
  cluster: string,
): { readonly service: string; readonly port: number } | undefined {
  const [, port, service] = outbound.exec(cluster) ?? []
  return service === undefined ? undefined : { service, port: Number(port) }
}

const outbound = /^outbound\|(\d+)\|\|(.+)$/
