/**
 * The outbound half: a view of services in, resources out. An endpoint's change touches the service's own resources
 * only; a change of attributes also the listeners and routes of its ports.
 */
import type { MeshService, MeshServiceKey } from '#model/mesh.ts'
import type { OutboundView, ViewUpdate } from '#sidecar/view.ts'
import type { Missing } from '#xds/resource-set.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { clusterGenerator, clusterKind } from './clusters.ts'
import type { Context } from './context.ts'
import { endpointGenerator, proxiedPorts } from './endpoints.ts'
import { explicitUnits } from './explicit.ts'
import { outboundFixedClusters } from './fixed-clusters.ts'
import { grpcGenerator, grpcNames, grpcUnits } from './grpc.ts'
import { firstLayer, nextLayer } from './layer.ts'
import { outboundCluster } from './names.ts'
import { type OnDemandLayer, onDemandLayers } from './on-demand.ts'
import { routeGenerator } from './routes.ts'
import { scopesOf } from './scopes.ts'
import { transparentUnits } from './transparent.ts'

export type OutboundLayer = OnDemandLayer

export function outboundGenerator(context: Context, missing: Missing) {
  const clusters = clusterGenerator(context)
  const endpoints = endpointGenerator(context)
  const routes = routeGenerator(context)
  const grpc = grpcGenerator(context, routes)
  const onDemand = onDemandLayers(context, missing)
  const makers = {
    transparent: transparentUnits(context, routes),
    explicit: explicitUnits(context, routes),
    grpc: grpcUnits(context),
  }

  /** All that belongs to one service alone. */
  const ownResources = (service: MeshService, view: OutboundView): readonly Resource[] => {
    const { cluster, endpoint } = scopesOf(context.settings, view)
    return [
      ...clusters(service, cluster),
      ...(clusterKind(service, view.mode) === 'eds'
        ? endpoints(service, endpoint, view.demands?.get(service.attributes.key))
        : []),
      ...(view.mode === 'grpc' ? grpc(service, view) : []),
    ]
  }

  const first = (view: OutboundView, previous: OutboundLayer | undefined): OutboundLayer => {
    const maker = makers[view.mode]
    const units = new Map([...maker.ids(view)].map((id) => [id, maker.make(view, id)]))
    units.set(
      'fixed',
      view.mode === 'grpc' ? [] : outboundFixedClusters(context, view.mode, view.ipFamily ?? 'v4'),
    )
    const own = [...allServices(view).values()].flatMap((service) => ownResources(service, view))
    if (view.onDemand) return onDemand.first(view, units, own, previous?.onDemand)
    return firstLayer(view, units, own, missing)
  }

  const next = (
    previous: OutboundLayer,
    view: OutboundView,
    changes: ReadonlyMap<MeshServiceKey, 'attributes' | 'endpoints' | 'removed'>,
  ): OutboundLayer => {
    const maker = makers[view.mode]
    const touched = new Set<string>()
    const fresh: Resource[] = []
    const gone: Pick<Resource, 'typeUrl' | 'name'>[] = []
    for (const [key, change] of changes) {
      const before = find(previous.view, key)
      const after = find(view, key)
      // Its weights alone have changed.
      const addressed = change !== 'endpoints' || before !== after
      const units =
        change === 'endpoints' && before?.attributes === after?.attributes ? 'addressedBy' : 'touchedBy'
      if (before && addressed) for (const id of maker[units](before, previous.view)) touched.add(id)
      if (after && addressed) for (const id of maker[units](after, view)) touched.add(id)
      if (before) gone.push(...namesOf(before, view))
      if (after) fresh.push(...ownResources(after, view))
    }
    const ids = touched.size === 0 ? touched : maker.ids(view)
    const units = new Map([...touched].map((id) => [id, ids.has(id) ? maker.make(view, id) : undefined]))
    if (previous.onDemand) {
      const change = { units, loose: fresh, gone, services: changes.keys() }
      return onDemand.next(previous, previous.onDemand, view, change)
    }
    return nextLayer(previous, view, units, fresh, gone)
  }

  return (
    previous: OutboundLayer | undefined,
    { view, changes }: ViewUpdate<OutboundView>,
  ): OutboundLayer => {
    const whole = previous === undefined || changes === 'all'
    context.counters.count('generator_runs', whole ? 'outbound_all' : 'outbound_changes')
    return whole ? first(view, previous) : next(previous, view, changes)
  }
}

/** Services of the catch-all egress and of all egress listeners. */
function allServices(view: OutboundView): ReadonlyMap<MeshServiceKey, MeshService> {
  if (view.listeners.length === 0) return view.services
  const all = new Map(view.services)
  for (const { services } of view.listeners) for (const [key, service] of services) all.set(key, service)
  return all
}

function find(view: OutboundView, key: MeshServiceKey): MeshService | undefined {
  const service = view.services.get(key)
  if (service !== undefined) return service
  return view.listeners.find(({ services }) => services.has(key))?.services.get(key)
}

/** Names of the resources that belong to the service alone, whether they are there or not. */
function namesOf({ attributes }: MeshService, view: OutboundView): Pick<Resource, 'typeUrl' | 'name'>[] {
  const names = proxiedPorts(attributes).map((port) => outboundCluster(port.port, attributes.hostname))
  return [
    ...names.map((name) => ({ typeUrl: typeUrls.cluster, name })),
    ...names.map((name) => ({ typeUrl: typeUrls.endpoint, name })),
    ...(view.mode === 'grpc' ? grpcNames(attributes) : []),
  ]
}
