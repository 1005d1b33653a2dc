/** The gRPC services: the aggregated one, and one for each type. */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'
import type { Encoded } from './encode.ts'
import type { Variant } from './machine.ts'

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

const asIs = (bytes: Buffer): Buffer => bytes
/** Where grpc-js wants a Buffer it uses `byteLength` and `copy` of it only; see Encoded. */
const asBuffer = (message: Encoded): Buffer => message as unknown as Buffer

/** All methods as one grpc-js service; requests stay bytes. The key of a method is its path. */
export const xdsService: ServiceDefinition = Object.fromEntries(
  xdsMethods.map(({ path, kind }): [string, MethodDefinition<Buffer, Encoded>] => [
    path,
    {
      path,
      requestStream: kind !== 'fetch',
      responseStream: kind !== 'fetch',
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asBuffer,
      // Clients only; the type demands it.
      responseDeserialize: (bytes) => bytes as unknown as Encoded,
    },
  ]),
)
