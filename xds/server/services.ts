/** The gRPC services: the aggregated one, and one for each type. */
import type { TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'
import type { Variant } from './state.ts'

/** A method with streams, or a unary Fetch. */
export interface XdsMethod {
  readonly path: string
  readonly kind: Variant | 'fetch'
  /** Undefined: aggregated. */
  readonly typeUrl: TypeUrl | undefined
}

/** Package and service, what the methods end in, type; from the service's .proto file each. */
const separate: readonly (readonly [service: string, suffix: string, typeUrl: TypeUrl])[] = [
  ['envoy.service.cluster.v3.ClusterDiscoveryService', 'Clusters', typeUrls.cluster],
  ['envoy.service.endpoint.v3.EndpointDiscoveryService', 'Endpoints', typeUrls.endpoint],
  ['envoy.service.listener.v3.ListenerDiscoveryService', 'Listeners', typeUrls.listener],
  ['envoy.service.route.v3.RouteDiscoveryService', 'Routes', typeUrls.route],
  ['envoy.service.route.v3.ScopedRoutesDiscoveryService', 'ScopedRoutes', typeUrls.scopedRoute],
  ['envoy.service.secret.v3.SecretDiscoveryService', 'Secrets', typeUrls.secret],
  [
    'envoy.service.extension.v3.ExtensionConfigDiscoveryService',
    'ExtensionConfigs',
    typeUrls.extensionConfig,
  ],
  ['envoy.service.runtime.v3.RuntimeDiscoveryService', 'Runtime', typeUrls.runtime],
]

const ads = '/envoy.service.discovery.v3.AggregatedDiscoveryService'

export const xdsMethods: readonly XdsMethod[] = [
  { path: `${ads}/StreamAggregatedResources`, kind: 'sotw', typeUrl: undefined },
  { path: `${ads}/DeltaAggregatedResources`, kind: 'delta', typeUrl: undefined },
  ...separate.flatMap(([service, suffix, typeUrl]): XdsMethod[] => [
    { path: `/${service}/Stream${suffix}`, kind: 'sotw', typeUrl },
    { path: `/${service}/Delta${suffix}`, kind: 'delta', typeUrl },
    { path: `/${service}/Fetch${suffix}`, kind: 'fetch', typeUrl },
  ]),
  {
    path: '/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts',
    kind: 'delta',
    typeUrl: typeUrls.virtualHost,
  },
]

/** Those with streams. */
export const streamMethods: ReadonlyMap<string, XdsMethod> = new Map(
  xdsMethods.filter(({ kind }) => kind !== 'fetch').map((method) => [method.path, method]),
)
/** The unary ones. */
export const fetchMethods = xdsMethods.filter(({ kind }) => kind === 'fetch')
