/** Outbound clusters: one for each port of a service (Istio: pilot/pkg/networking/core/cluster.go). */
import type { MeshService, ServiceAttributes } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import type { TrafficMode, XdsConfigSource } from '#sidecar/view.ts'
import {
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
  Cluster_LbPolicy as LbPolicy,
} from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import type { Resource } from '#xds/resources.ts'
import { pairCache } from './cache.ts'
import {
  type ClusterInit,
  circuitBreakers,
  common,
  dnsCluster,
  dynamicForwardProxy,
  httpOptions,
  localityWeighted,
  noPanic,
  originalDestination,
} from './cluster-parts.ts'
import { type Context, encodeResource } from './context.ts'
import { endpointPort, loadAssignment, proxiedPorts, serves } from './endpoints.ts'
import { configSource, type IpFamily, isUnix, sourceKey } from './envoy.ts'
import { type EndpointScope, scopeKey } from './locality.ts'
import { outboundCluster } from './names.ts'
import { clusterMetadata } from './provenance.ts'

/** How Envoy finds the addresses behind a cluster. */
export type ClusterKind = 'eds' | 'strict-dns' | 'logical-dns' | 'original-dst' | 'dynamic'

/** What of a view decides on a cluster. */
export interface ClusterScope {
  readonly mode: TrafficMode
  readonly family: IpFamily
  readonly endpoints: EndpointScope
  readonly source: XdsConfigSource | undefined
}

/** One cluster for each port; encoded once for all views with the same scope. */
export function clusterGenerator(context: Context) {
  const cache = pairCache<readonly Resource[]>()
  return (service: MeshService, scope: ClusterScope): readonly Resource[] => {
    const { attributes, endpoints } = service
    const kind = clusterKind(service, scope.mode)
    const inline = kind === 'strict-dns' || kind === 'logical-dns'
    const source = kind === 'eds' ? sourceKey(scope.source) : ''
    const key = [kind, scope.mode, scope.family, inline ? scopeKey(scope.endpoints) : '', source].join()
    return cache(attributes, inline ? endpoints : attributes, key, () =>
      proxiedPorts(attributes).flatMap((port) => encodeCluster(context, service, port, kind, scope) ?? []),
    )
  }
}

export function clusterKind({ attributes, endpoints }: MeshService, mode: TrafficMode): ClusterKind {
  if (mode === 'grpc' && attributes.resolution !== 'STATIC') return 'logical-dns'
  switch (attributes.resolution) {
    case 'STATIC':
      return attributes.headless && mode === 'transparent' ? 'original-dst' : 'eds'
    case 'NONE':
      return mode === 'transparent' ? 'original-dst' : 'dynamic'
    case 'DYNAMIC_DNS':
      return 'dynamic'
    case 'DNS_ROUND_ROBIN':
      return dnsKind(endpoints.length === 1 ? 'logical-dns' : 'strict-dns', endpoints)
    case 'DNS':
      return dnsKind('strict-dns', endpoints)
  }
}

/** A socket path can't be asked of DNS. */
const dnsKind = (kind: ClusterKind, endpoints: MeshService['endpoints']): ClusterKind =>
  endpoints.length > 0 && endpoints.every(({ address }) => isUnix(address)) ? 'eds' : kind

function encodeCluster(
  context: Context,
  service: MeshService,
  port: ServicePort,
  kind: ClusterKind,
  scope: ClusterScope,
): Resource | undefined {
  const name = outboundCluster(port.port, service.attributes.hostname)
  const discovery = discoveryOf(context, name, service, port, kind, scope)
  if (discovery === undefined) {
    context.counters.count('pilot_dns_cluster_without_endpoints', 'cds')
    return undefined
  }
  const message: ClusterInit = {
    ...common(context.settings, name),
    ...discovery,
    typedExtensionProtocolOptions: scope.mode === 'grpc' ? {} : httpOptions(port.protocol),
    circuitBreakers: circuitBreakers(),
    metadata: clusterMetadata(service.attributes),
  }
  return encodeResource(context, ClusterSchema, name, message, kind === 'eds' ? [name] : [])
}

function discoveryOf(
  context: Context,
  name: string,
  service: MeshService,
  port: ServicePort,
  kind: ClusterKind,
  scope: ClusterScope,
): ClusterInit | undefined {
  switch (kind) {
    case 'eds':
      return {
        clusterDiscoveryType: { case: 'type', value: Discovery.EDS },
        edsClusterConfig: { edsConfig: configSource(scope.source), serviceName: name },
        // gRPC clients know round robin only.
        lbPolicy: scope.mode === 'grpc' ? LbPolicy.ROUND_ROBIN : LbPolicy.LEAST_REQUEST,
        commonLbConfig: context.settings.localityWeightsFromLoad ? localityWeighted() : noPanic(),
      }
    case 'strict-dns':
    case 'logical-dns': {
      const assignment = dnsAssignment(context, name, service, port, scope)
      if (assignment === undefined) return undefined
      const discovery =
        scope.mode === 'grpc'
          ? logicalDns
          : dnsCluster(kind === 'strict-dns' ? 'strict' : 'logical', scope.family)
      return { ...discovery, loadAssignment: assignment }
    }
    case 'original-dst':
      return originalDestination()
    case 'dynamic':
      return dynamicForwardProxy(scope.family)
  }
}

/** gRPC clients know no cluster types but the old ones. */
const logicalDns: ClusterInit = { clusterDiscoveryType: { case: 'type', value: Discovery.LOGICAL_DNS } }

/** A gRPC client takes one name; the host's own where the service has none. */
function dnsAssignment(
  context: Context,
  name: string,
  service: MeshService,
  port: ServicePort,
  scope: ClusterScope,
): ClusterInit['loadAssignment'] | undefined {
  const { attributes, endpoints } = service
  if (scope.mode === 'grpc') return grpcName(attributes, endpoints, port)
  const assignment = loadAssignment(context, name, endpoints, port, scope.endpoints, 'names')
  return assignment.endpoints.length > 0 ? assignment : undefined
}

function grpcName(attributes: ServiceAttributes, endpoints: MeshService['endpoints'], port: ServicePort) {
  if (attributes.hostname.startsWith('*')) return undefined
  const endpoint = endpoints.find(
    (each) => each.health === 'HEALTHY' && !isUnix(each.address) && serves(each, port),
  )
  const address = endpoint?.address ?? attributes.hostname
  const portValue = endpoint ? endpointPort(endpoint, port) : (port.targetPort ?? port.port)
  const socket = { address, portSpecifier: { case: 'portValue' as const, value: portValue } }
  return {
    clusterName: outboundCluster(port.port, attributes.hostname),
    endpoints: [
      {
        lbEndpoints: [
          {
            hostIdentifier: {
              case: 'endpoint' as const,
              value: { address: { address: { case: 'socketAddress' as const, value: socket } } },
            },
          },
        ],
      },
    ],
  }
}
