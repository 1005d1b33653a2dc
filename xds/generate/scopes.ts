/** The few inputs of a view on which the resources of a service depend: equal scopes share the encoded bytes. */
import { zoneOf } from '#model/load.ts'
import type { MeshSettings } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import type { ClusterScope } from './clusters.ts'
import type { DomainForm } from './domains.ts'
import type { IpFamily } from './envoy.ts'
import type { EndpointScope } from './locality.ts'
import type { RouteScope } from './virtual-hosts.ts'

export interface Scopes {
  readonly cluster: ClusterScope
  readonly endpoint: EndpointScope
}

export function scopesOf(settings: MeshSettings, view: OutboundView): Scopes {
  const inline: EndpointScope = {
    ...(settings.localityLbEnabled && view.locality ? { locality: view.locality } : {}),
    networkView: view.networkView,
    ...(view.mode === 'grpc' ? { ipOnly: true } : {}),
  }
  return {
    endpoint: settings.localityWeightsFromLoad ? { ...inline, from: zoneOf(view.locality) } : inline,
    cluster: { mode: view.mode, family: familyOf(view), endpoints: inline, source: view.configSource },
  }
}

export const routeScope = ({ namespace, policy, onDemand }: OutboundView, form: DomainForm): RouteScope => ({
  namespace,
  policy,
  form,
  tunnels: form === 'withPort',
  ...(onDemand && { onDemand }),
})

export const familyOf = ({ ipFamily }: OutboundView): IpFamily => ipFamily ?? 'v4'
