/** Route configurations, put together from the encoded bytes of virtual hosts that all views share. */
import type { OutboundTrafficPolicy } from '#model/config.ts'
import type { ServiceAttributes } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import {
  type RetryPolicySchema,
  type RouteSchema,
  VirtualHostSchema,
} from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { PreviousHostsPredicateSchema } from '#xds/proto/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js'
import { AnySchema, encode } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { concatenate, repeatedField } from './bytes.ts'
import { identityCache } from './cache.ts'
import { assembledRoute, type Context } from './context.ts'
import { type DomainForm, hostNames, inForm } from './domains.ts'
import { type Init, typed, zeroSeconds } from './envoy.ts'
import type { Member } from './members.ts'
import { BLACKHOLE_CLUSTER, outboundCluster, PASSTHROUGH_CLUSTER, virtualHostName } from './names.ts'
import { protocolClass } from './protocol.ts'
import { sharedMetadata, virtualHostMetadata } from './provenance.ts'

export type RouteInit = Init<typeof RouteSchema>
export type VirtualHostInit = Init<typeof VirtualHostSchema>

/** What of a view, and of the place a route configuration has in it, decides on its virtual hosts. */
export interface RouteScope {
  readonly namespace: string
  readonly policy: OutboundTrafficPolicy
  readonly form: DomainForm
  /** An explicit proxy: CONNECT tunnels to every service, whatever its protocol. */
  readonly tunnels: boolean
  /** Proxyless gRPC: no fallback, no Envoy-only fields. */
  readonly grpc?: boolean
}

/** Builds the route configuration of some service ports; the oldest service wins a domain that two want. */
export function routeGenerator(context: Context) {
  const cache = identityCache<Uint8Array>()
  const hostBytes = (member: Member, domains: readonly string[], scope: RouteScope): Uint8Array => {
    const { attributes } = member.service
    const key = [
      member.port.port,
      member.port.protocol,
      scope.tunnels,
      scope.grpc ?? false,
      ...domains,
    ].join()
    return cache.get(attributes, key, () =>
      repeatedField(2, encode(VirtualHostSchema, virtualHost(attributes, member.port, domains, scope))),
    )
  }
  return (name: string, members: readonly Member[], scope: RouteScope): Resource => {
    const domains = shareDomains(context, members, scope)
    const hosts = members.flatMap((member, i) =>
      domains[i]?.length ? hostBytes(member, domains[i], scope) : [],
    )
    const fallback = scope.grpc ? [] : [repeatedField(2, encode(VirtualHostSchema, catchAll(scope)))]
    return routeResource(context, name, [
      configuration(name, scope.form === 'plain', scope),
      ...hosts,
      ...fallback,
    ])
  }
}

/** The route configuration of one sniffed address: whatever the Host, it is for this service. */
export function sniffedRoute(
  context: Context,
  name: string,
  { service, port }: Member,
  scope: RouteScope,
): Resource {
  const host = repeatedField(
    2,
    encode(VirtualHostSchema, virtualHost(service.attributes, port, ['*'], scope)),
  )
  return routeResource(context, name, [configuration(name, false, scope), host])
}

/** Says "not found" to everything: what a client gets for a name that doesn't exist, rather than to wait for ever. */
export const emptyRoute = (context: Context, name: string): Resource =>
  routeResource(context, name, [encode(RouteConfigurationSchema, { name, validateClusters: false })])

const configuration = (name: string, ignorePort: boolean, scope: RouteScope): Uint8Array =>
  encode(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    ignorePortInHostMatching: ignorePort,
    metadata: scope.grpc ? undefined : sharedMetadata('routes'),
  })

function routeResource(context: Context, name: string, parts: readonly Uint8Array[]): Resource {
  const any = encode(AnySchema, { typeUrl: typeUrls.route, value: concatenate(parts) })
  return assembledRoute(context, name, any)
}

/**
 * The domains of each member. Envoy refuses a route configuration where two virtual hosts share one. A service's own
 * host name comes before any other's alias or short name; else the older service wins.
 */
function shareDomains(context: Context, members: readonly Member[], scope: RouteScope): readonly string[][] {
  // That is the catch-all's.
  const taken = new Set<string>(['*'])
  const claim = (domain: string): boolean => {
    if (!taken.has(domain)) return taken.add(domain) !== undefined
    context.counters.count('pilot_vservice_dup_domain', 'rds')
    return false
  }
  const names = members.map(({ service }) => hostNames(service.attributes, scope.namespace))
  const formed = (hosts: readonly string[], { port }: Member) =>
    hosts.flatMap((host) => inForm(host, port.port, scope.form)).filter(claim)
  const own = members.map((member, i) => formed(names[i]!.slice(0, 1), member))
  return members.map((member, i) => [...own[i]!, ...formed(names[i]!.slice(1), member)])
}

function virtualHost(
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
    routes: [...(scope.tunnels ? [connectRoute(cluster)] : []), ...(plain ? [httpRoute(cluster)] : [])],
    retryPolicy: outboundRetries,
    metadata: virtualHostMetadata(service),
  }
}

/** No time limit: streams and long polls are as good as short answers; the caller knows how long it wants to wait. */
export const httpRoute = (cluster: string): RouteInit => ({
  name: 'default',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  action: {
    case: 'route',
    value: { clusterSpecifier: { case: 'cluster', value: cluster }, timeout: zeroSeconds },
  },
})

/** CONNECT ends here; what is inside goes to the cluster as bytes. */
export const connectRoute = (cluster: string): RouteInit => ({
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

/** Istio's default: two more attempts, on other hosts, where the request can't have been acted upon, or on 503. */
export const outboundRetries: Init<typeof RetryPolicySchema> = {
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes,reset-before-request',
  numRetries: 2,
  retriableStatusCodes: [503],
  retryHostPredicate: [typed('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {})],
  hostSelectionRetryMaxAttempts: 5n,
}

/** Hosts that are not in the mesh. */
function catchAll({ policy, tunnels }: RouteScope): VirtualHostInit {
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
