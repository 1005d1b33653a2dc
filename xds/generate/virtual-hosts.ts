/** Virtual hosts and their routes: of a service, and of what is not in the mesh. */
import type { OutboundTrafficPolicy } from '#model/config.ts'
import type { ServiceAttributes } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import type {
  HeaderMatcherSchema,
  RetryPolicySchema,
  RouteSchema,
  VirtualHostSchema,
} from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import { PreviousHostsPredicateSchema } from '#xds/proto/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js'
import type { DomainForm } from './domains.ts'
import { type Init, typed, zeroSeconds } from './envoy.ts'
import { UNDELIVERED_HEADER } from './filters.ts'
import { BLACKHOLE_CLUSTER, outboundCluster, PASSTHROUGH_CLUSTER, virtualHostName } from './names.ts'
import { protocolClass } from './protocol.ts'
import { virtualHostMetadata } from './provenance.ts'

type RouteInit = Init<typeof RouteSchema>
type VirtualHostInit = Init<typeof VirtualHostSchema>

/** What of a view, and of the place a route configuration has in it, decides on its virtual hosts. */
export interface RouteScope {
  readonly namespace: string
  readonly policy: OutboundTrafficPolicy
  readonly form: DomainForm
  /** An explicit proxy: CONNECT tunnels to every service, whatever its protocol. */
  readonly tunnels: boolean
  /** Proxyless gRPC: no fallback, no Envoy-only fields. */
  readonly grpc?: boolean
  /** No virtual hosts in the route configuration: Envoy asks for each by name. */
  readonly onDemand?: true
}

export function virtualHost(
  service: ServiceAttributes,
  port: ServicePort,
  domains: readonly string[],
  scope: RouteScope,
): VirtualHostInit {
  const cluster = outboundCluster(port.port, service.hostname)
  const name = virtualHostName(service.hostname, port.port)
  if (scope.grpc) return { name, domains: [...domains], routes: [grpcRoute(cluster)] }
  const plain = protocolClass(port.protocol) === 'http' || protocolClass(port.protocol) === 'auto'
  return {
    name,
    domains: [...domains],
    routes: [
      ...(scope.tunnels ? [connectRoute(cluster)] : []),
      ...(plain ? [safeRoute(cluster), httpRoute(cluster)] : []),
    ],
    retryPolicy: outboundRetries,
    metadata: virtualHostMetadata(service),
  }
}

/** No time limit: streams and long polls are as good as short answers; the caller knows how long it wants to wait. */
export const httpRoute = (cluster: string) =>
  ({
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: { clusterSpecifier: { case: 'cluster', value: cluster }, timeout: zeroSeconds },
    },
  }) as const satisfies RouteInit

/**
 * Methods that change nothing (RFC 9110, 9.2.1) are asked again also where the answer was cut off on its way: an
 * endpoint that is killed fails no reader. Any other method might be carried out twice.
 */
const safeRoute = (cluster: string): RouteInit => {
  const { match, action } = httpRoute(cluster)
  return {
    name: 'default-safe',
    match: { ...match, headers: [safeMethods] },
    action: { ...action, value: { ...action.value, retryPolicy: safeRetries } },
  }
}

/** CONNECT ends here; what is inside goes to the cluster as bytes. */
const connectRoute = (cluster: string): RouteInit => ({
  name: 'connect',
  match: { pathSpecifier: { case: 'connectMatcher', value: {} } },
  action: {
    case: 'route',
    value: {
      clusterSpecifier: { case: 'cluster', value: cluster },
      timeout: zeroSeconds,
      upgradeConfigs: [{ upgradeType: 'CONNECT', connectConfig: {} }],
    },
  },
})

const grpcRoute = (cluster: string): RouteInit => ({
  match: { pathSpecifier: { case: 'prefix', value: '' } },
  action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } },
})

/**
 * Istio's default: two more attempts, on other hosts, where the request can't have been acted upon. That is known too
 * where the workload's own sidecar says so.
 */
const outboundRetries: Init<typeof RetryPolicySchema> = {
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,reset-before-request,retriable-headers',
  numRetries: 2,
  retriableHeaders: [
    { name: UNDELIVERED_HEADER, headerMatchSpecifier: { case: 'presentMatch', value: true } },
  ],
  retryHostPredicate: [typed('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {})],
  // Least request likes a host that has just died: it has no requests. With Istio's 5 draws it was drawn again too often.
  hostSelectionRetryMaxAttempts: 20n,
}

/** What only reads is asked again on any 503, and where the answer was cut off. */
const safeRetries: Init<typeof RetryPolicySchema> = {
  ...outboundRetries,
  retryOn: `${outboundRetries.retryOn},retriable-status-codes,reset`,
  retriableStatusCodes: [503],
}

const safeMethods: Init<typeof HeaderMatcherSchema> = {
  name: ':method',
  headerMatchSpecifier: {
    case: 'stringMatch',
    value: { matchPattern: { case: 'safeRegex', value: { regex: 'GET|HEAD|OPTIONS' } } },
  },
}

/** Hosts that are not in the mesh. */
export function catchAll({ policy, tunnels }: RouteScope): VirtualHostInit {
  if (policy === 'ALLOW_ANY') {
    const connect = tunnels ? [connectRoute(PASSTHROUGH_CLUSTER)] : []
    const routes = [...connect, { ...httpRoute(PASSTHROUGH_CLUSTER), name: 'allow_any' }]
    return { name: 'allow_any', domains: ['*'], routes }
  }
  const refuse: RouteInit['action'] = { case: 'directResponse', value: { status: 502 } }
  const connect: RouteInit = { ...connectRoute(BLACKHOLE_CLUSTER), name: 'block_all', action: refuse }
  const http: RouteInit = { ...httpRoute(BLACKHOLE_CLUSTER), name: 'block_all', action: refuse }
  return { name: 'block_all', domains: ['*'], routes: tunnels ? [connect, http] : [http] }
}
