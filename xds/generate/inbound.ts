/** The inbound half: what the workload answers (Istio: pilot/pkg/networking/core/listener_inbound.go). */
import type { InboundPort, InboundView, ViewUpdate } from '#sidecar/view.ts'
import type { Missing } from '#xds/resource-set.ts'
import type { Resource } from '#xds/resources.ts'
import type { Context } from './context.ts'
import { inboundPassthroughCluster } from './fixed-clusters.ts'
import { inboundClusterFor } from './inbound-cluster.ts'
import { boundInbound, virtualInbound } from './inbound-listener.ts'
import { firstLayer, type LayerUpdate, nextLayer } from './layer.ts'
import { compare } from './locality.ts'
import { protocolClass } from './protocol.ts'

export type InboundLayer = LayerUpdate<InboundView>

const UNIT = 'inbound'

/** Few resources, made anew as a whole; what is equal to what was there is no change. */
export function inboundGenerator(context: Context, missing: Missing) {
  return (previous: InboundLayer | undefined, { view, changes }: ViewUpdate<InboundView>): InboundLayer => {
    const whole = previous === undefined || changes === 'all'
    context.counters.count('generator_runs', whole ? 'inbound_all' : 'inbound_changes')
    const units = new Map([[UNIT, inboundResources(context, view)]])
    if (previous === undefined) return firstLayer(view, units, [], missing)
    return nextLayer(previous, view, units, [], [])
  }
}

function inboundResources(context: Context, view: InboundView): readonly Resource[] {
  if (view.mode === 'grpc') return []
  const ports = distinct(context, view.ports)
  const bound = ports.filter((port) => view.mode === 'explicit' || port.bindToPort)
  const clusters = new Map(ports.toReversed().map((port) => [port.port, port]))
  return [
    ...[...clusters.values()].map((port) => inboundClusterFor(context, view, port)),
    ...bound.map((port) => boundInbound(context, view, port)),
    ...(view.mode === 'transparent'
      ? [
          inboundPassthroughCluster(context, view.ips),
          virtualInbound(
            context,
            view,
            ports.filter((port) => !bound.includes(port)),
          ),
        ]
      : []),
  ]
}

/** Two services on one socket of one workload: the older is told. One cluster for a port, whatever its sockets. */
function distinct(context: Context, ports: readonly InboundPort[]): readonly InboundPort[] {
  const bySocket = new Map<string, InboundPort>()
  for (const port of [...ports].sort(byAge)) {
    if (protocolClass(port.protocol) === 'none') continue
    const socket = `${port.bind ?? ''} ${port.port}`
    if (!bySocket.has(socket)) bySocket.set(socket, port)
    else context.counters.count('pilot_conflict_inbound_listener', 'lds')
  }
  return [...bySocket.values()].sort((a, b) => a.port - b.port || compare(a.bind ?? '', b.bind ?? ''))
}

const byAge = (a: InboundPort, b: InboundPort): number =>
  compare(a.service.createdAt ?? '~', b.service.createdAt ?? '~') ||
  compare(a.service.hostname, b.service.hostname) ||
  a.servicePort.port - b.servicePort.port
