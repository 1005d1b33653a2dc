/** The inbound half: what the workload answers (Istio: pilot/pkg/networking/core/listener_inbound.go). */
import type { InboundConflict, InboundPort, InboundView, ViewUpdate } from '#sidecar/view.ts'
import type { Missing } from '#xds/resource-set.ts'
import type { Resource } from '#xds/resources.ts'
import { pairCache } from './cache.ts'
import type { Context } from './context.ts'
import { fitsSocket, isUnix } from './envoy.ts'
import { inboundPassthroughCluster } from './fixed-clusters.ts'
import { inboundClusterFor } from './inbound-cluster.ts'
import { boundInbound, boundSocket, familyOf, virtualInbound } from './inbound-listener.ts'
import { firstLayer, type LayerUpdate, nextLayer } from './layer.ts'
import { isReserved } from './listener-parts.ts'
import { compare } from './locality.ts'
import { INBOUND_PORT } from './names.ts'
import { protocolClass } from './protocol.ts'

export type InboundLayer = LayerUpdate<InboundView>

const UNIT = 'inbound'

/** Few resources, made as a whole, once for all workloads with equal ports; what is equal to what was there is no change. */
export function inboundGenerator(context: Context, missing: Missing) {
  const cache = pairCache<readonly Resource[]>()
  return (previous: InboundLayer | undefined, { view, changes }: ViewUpdate<InboundView>): InboundLayer => {
    const whole = previous === undefined || changes === 'all'
    context.counters.count('generator_runs', whole ? 'inbound_all' : 'inbound_changes')
    countConflicts(context, previous?.view, view)
    // Of its addresses only their family matters.
    const key = `${view.mode} ${familyOf(view)}`
    const resources = cache(view.ports, view.config ?? noConfig, key, () => inboundResources(context, view))
    const units = new Map([[UNIT, resources]])
    if (previous === undefined) return firstLayer(view, units, [], missing)
    return nextLayer(previous, view, units, [], [])
  }
}

const noConfig = {}

/** Two services want one port of the workload: each such case once, when it comes up. */
function countConflicts(
  context: Context,
  before: InboundView | undefined,
  { conflicts = [] }: InboundView,
): void {
  const taken = (all: readonly InboundConflict[]) =>
    all
      .filter(({ reason }) => reason === 'taken')
      .map(({ port, service, winner }) => `${port} ${service} ${winner}`)
  const known = new Set(taken(before?.conflicts ?? []))
  for (const conflict of taken(conflicts))
    if (!known.has(conflict)) context.counters.count('pilot_conflict_inbound_listener', 'lds')
}

function inboundResources(context: Context, view: InboundView): readonly Resource[] {
  if (view.mode === 'grpc') return []
  const ports = served(view)
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

const isOutOfReach = ({ target }: InboundPort): boolean =>
  target !== undefined && isUnix(target.address) && !fitsSocket(target.address)

/** The proxy's own ports can't be the workload's where traffic is redirected to them. */
const isTaken = (port: InboundPort, view: InboundView): boolean =>
  view.mode === 'transparent' &&
  (port.bindToPort ? isReserved(boundSocket(port, view)) : port.port === INBOUND_PORT)

/** In an order of their own. One cluster for a port, whatever its sockets. */
const served = (view: InboundView): readonly InboundPort[] =>
  view.ports
    .filter((port) => protocolClass(port.protocol) !== 'none' && !isTaken(port, view) && !isOutOfReach(port))
    .sort((a, b) => a.port - b.port || compare(a.bind ?? '', b.bind ?? ''))
