/** Network filters and filter chains: HTTP by a route configuration, bytes to a cluster. */
import type { XdsConfigSource } from '#sidecar/view.ts'
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from '#xds/proto/gen/envoy/config/listener/v3/listener_components_pb.js'
import type { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { FilterConfigSchema as DynamicForwardProxySchema } from '#xds/proto/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js'
import { GrpcWebSchema } from '#xds/proto/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js'
import { OnDemandSchema } from '#xds/proto/gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'
import { RouterSchema } from '#xds/proto/gen/envoy/extensions/filters/http/router/v3/router_pb.js'
import { HttpInspectorSchema } from '#xds/proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js'
import { OriginalDstSchema } from '#xds/proto/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js'
import { TlsInspectorSchema } from '#xds/proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js'
import {
  HttpConnectionManagerSchema,
  type LocalReplyConfigSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '#xds/proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { FilterConfigSchema as SniForwardProxySchema } from '#xds/proto/gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js'
import { TcpProxySchema } from '#xds/proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { type Any, duration, pack } from '#xds/proto/index.ts'
import { dnsCache } from './cluster-parts.ts'
import { configSource, type Init, type IpFamily, typed, zeroSeconds } from './envoy.ts'
import { httpAlpn } from './protocol.ts'

export type FilterChainInit = Init<typeof FilterChainSchema>
export type FilterChainMatchInit = Init<typeof FilterChainMatchSchema>
export type FilterInit = Init<typeof FilterSchema>
export type ListenerFilterInit = Init<typeof ListenerFilterSchema>

export interface HttpOptions {
  readonly statPrefix: string
  /** Name of a route configuration to ask for, or one inline. */
  readonly routes: string | Init<typeof RouteConfigurationSchema>
  /** Where to ask for it, if not over the aggregated stream. */
  readonly source?: XdsConfigSource | undefined
  /** Some route leads to a cluster that asks DNS for the request's host: with which addresses. */
  readonly dynamic?: IpFamily
  /** CONNECT is for us: an explicit proxy. */
  readonly tunnels?: boolean
  readonly grpcWeb?: boolean
  /** Virtual hosts and clusters come when a request first needs them. */
  readonly onDemand?: true | undefined
  /** The workload's own side: says of an answer of Envoy's own whether the application ever had the request. */
  readonly inbound?: boolean
}

const router = typed('envoy.filters.http.router', RouterSchema, {})
/**
 * How long a request or connection waits for a cluster that it is the first to need; then it is answered as where there
 * is none. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */
const onDemandTimeout = duration(5000)
const onDemandUpdates = typed('envoy.filters.http.on_demand', OnDemandSchema, {
  odcds: { source: configSource(), timeout: onDemandTimeout },
})
const grpcWeb = typed('envoy.filters.http.grpc_web', GrpcWebSchema, {})
const dynamicForward = (family: IpFamily) =>
  typed('envoy.filters.http.dynamic_forward_proxy', DynamicForwardProxySchema, {
    implementationSpecifier: { case: 'dnsCacheConfig', value: dnsCache(family) },
  })

/** HTTP/1.1 and HTTP/2, WebSocket, no time limits of its own, the application's own headers left as they are. */
export const httpFilter = ({
  statPrefix,
  routes,
  source,
  dynamic,
  tunnels,
  grpcWeb: web,
  onDemand,
  inbound,
}: HttpOptions): FilterInit =>
  typed('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier:
      typeof routes === 'string'
        ? { case: 'rds', value: { configSource: configSource(source), routeConfigName: routes } }
        : { case: 'routeConfig', value: routes },
    httpFilters: [
      // Before those that look at the route's cluster.
      ...(onDemand ? [onDemandUpdates] : []),
      ...(web ? [grpcWeb] : []),
      ...(dynamic ? [dynamicForward(dynamic)] : []),
      router,
    ],
    serverHeaderTransformation: ServerHeader.PASS_THROUGH,
    streamIdleTimeout: zeroSeconds,
    useRemoteAddress: false,
    normalizePath: true,
    stripTrailingHostDot: true,
    localReplyConfig: inbound ? tellUndelivered : undefined,
    http2ProtocolOptions: tunnels ? { allowConnect: true } : undefined,
    upgradeConfigs: [{ upgradeType: 'websocket' }, ...(tunnels ? [{ upgradeType: 'CONNECT' }] : [])],
  })

/**
 * On answers of the workload's sidecar itself where the application never had the request: it could not be connected to
 * (UF), none was well (UH), the circuit breaker was open (UO). The caller's sidecar may send any method again.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#config-access-log-format-response-flags
 */
export const UNDELIVERED_HEADER = 'x-pilothouse-undelivered'
const tellUndelivered: Init<typeof LocalReplyConfigSchema> = {
  mappers: [
    {
      filter: { filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['UF', 'UH', 'UO'] } } },
      headersToAdd: [{ header: { key: UNDELIVERED_HEADER, value: 'true' } }],
    },
  ],
}

/** A gRPC client's connection manager. */
export const grpcConnectionManager = (routeName: string): Any =>
  pack(HttpConnectionManagerSchema, {
    routeSpecifier: { case: 'rds', value: { configSource: configSource(), routeConfigName: routeName } },
    httpFilters: [router],
  })

/** With `onDemand` the first connection asks for the cluster. */
export const tcpFilter = (cluster: string, onDemand?: true): FilterInit =>
  typed('envoy.filters.network.tcp_proxy', TcpProxySchema, {
    statPrefix: cluster,
    clusterSpecifier: { case: 'cluster', value: cluster },
    onDemand: onDemand && { odcdsConfig: configSource(), timeout: onDemandTimeout },
  })

/** Asks DNS for the name in the TLS greeting. */
export const sniForwardFilter = (family: IpFamily, port: number): FilterInit =>
  typed('envoy.filters.network.sni_dynamic_forward_proxy', SniForwardProxySchema, {
    dnsCacheConfig: dnsCache(family),
    portSpecifier: { case: 'portValue', value: port },
  })

/** Matches what http_inspector found to be HTTP. */
export const sniffedHttp: FilterChainMatchInit = { applicationProtocols: [...httpAlpn] }
/**
 * The same beside tls_inspector, which reports a TLS client's ALPN too. Envoy never looks back from a transport
 * protocol that matched, so that plain text which isn't HTTP is for the listener's default chain.
 */
export const sniffedPlainHttp: FilterChainMatchInit = { ...sniffedHttp, transportProtocol: 'raw_buffer' }

export const httpInspector = typed('envoy.filters.listener.http_inspector', HttpInspectorSchema, {})
export const tlsInspector = typed('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {})
export const originalDst = typed('envoy.filters.listener.original_dst', OriginalDstSchema, {})
