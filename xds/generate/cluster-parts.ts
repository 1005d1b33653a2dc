/** The parts that clusters are made of, and the defaults of a well-run mesh. */
import type { MeshSettings } from '#model/mesh.ts'
import type { Protocol } from '#model/service.ts'
import {
  type ClusterSchema,
  Cluster_DiscoveryType as Discovery,
  Cluster_DnsLookupFamily as DnsFamily,
  Cluster_LbPolicy as LbPolicy,
} from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { DnsLookupFamily } from '#xds/proto/gen/envoy/extensions/clusters/common/dns/v3/dns_pb.js'
import { DnsClusterSchema } from '#xds/proto/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.js'
import { ClusterConfigSchema } from '#xds/proto/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js'
import type { DnsCacheConfigSchema } from '#xds/proto/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js'
import { HttpProtocolOptionsSchema } from '#xds/proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { type Any, duration, pack } from '#xds/proto/index.ts'
import type { Init, IpFamily } from './envoy.ts'
import { isHttp2, protocolClass } from './protocol.ts'

export type ClusterInit = Init<typeof ClusterSchema>

const MAX_UINT32 = 0xffffffff

/** A dead peer that sends no FIN is found within 90 s. TCP's own probes: gRPC servers punish HTTP/2 pings. */
const tcpKeepalive = { keepaliveProbes: 3, keepaliveTime: 60, keepaliveInterval: 10 }

export const common = (settings: MeshSettings, name: string): ClusterInit => ({
  name,
  // Its end is marked, so that statistics carry it whole although it has dots in it (Istio's DelimitedStatsPrefix).
  altStatName: `${name};`,
  connectTimeout: duration(settings.connectTimeout),
  upstreamConnectionOptions: { tcpKeepalive },
})

/**
 * Istio's: nothing is limited unless asked for. Envoy's own (1,024 connections, 3 retries at a time) fail healthy
 * traffic under load; a retry budget of 20 % fails requests when one of three endpoints dies.
 */
export const circuitBreakers = (): ClusterInit['circuitBreakers'] => ({
  thresholds: [
    {
      maxConnections: MAX_UINT32,
      maxPendingRequests: MAX_UINT32,
      maxRequests: MAX_UINT32,
      maxRetries: MAX_UINT32,
      trackRemaining: true,
    },
  ],
})

/** Unhealthy endpoints are sent, so that a panic must never choose them. */
export const noPanic = (): ClusterInit['commonLbConfig'] => ({ healthyPanicThreshold: { value: 0 } })

/** Envoy heeds the weights of localities only then; gRPC always does. */
export const localityWeighted = (): ClusterInit['commonLbConfig'] => ({
  healthyPanicThreshold: { value: 0 },
  localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} },
})

export const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
export type HttpOptionsInit = Init<typeof HttpProtocolOptionsSchema>

const http2: HttpOptionsInit = {
  upstreamProtocolOptions: {
    case: 'explicitHttpConfig',
    value: { protocolConfig: { case: 'http2ProtocolOptions', value: {} } },
  },
}
/** As the client speaks. */
const asDownstream: HttpOptionsInit = {
  upstreamProtocolOptions: {
    case: 'useDownstreamProtocolConfig',
    value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
  },
}

/** Undefined = HTTP/1.1, which is Envoy's default and costs no byte. */
export function httpOptionsInit(protocol: Protocol): HttpOptionsInit | undefined {
  if (protocolClass(protocol) === 'auto') return asDownstream
  return isHttp2(protocol) ? http2 : undefined
}

export function httpOptions(protocol: Protocol): { [key: string]: Any } {
  const init = httpOptionsInit(protocol)
  return init === undefined ? {} : { [HTTP_OPTIONS]: pack(HttpProtocolOptionsSchema, init) }
}

const lookupFamilies: Readonly<Record<IpFamily, DnsLookupFamily>> = {
  v4: DnsLookupFamily.V4_PREFERRED,
  v6: DnsLookupFamily.V6_ONLY,
  dual: DnsLookupFamily.ALL,
}

/**
 * Follows the record's TTL; 60 s where it has none; a failed look-up is soon tried again. `strict`: each address is
 * an endpoint; `logical`: any one address at a time stands for all (the cluster types' names in Envoy before 1.35).
 */
export const dnsCluster = (kind: 'strict' | 'logical', family: IpFamily): ClusterInit => ({
  clusterDiscoveryType: {
    case: 'clusterType',
    value: {
      name: `envoy.cluster.${kind}_dns`,
      typedConfig: pack(DnsClusterSchema, {
        dnsLookupFamily: lookupFamilies[family],
        respectDnsTtl: true,
        dnsRefreshRate: duration(60_000),
        dnsFailureRefreshRate: { baseInterval: duration(1000), maxInterval: duration(5000) },
        allAddressesInSingleEndpoint: kind === 'logical',
      }),
    },
  },
  lbPolicy: kind === 'strict' ? LbPolicy.LEAST_REQUEST : LbPolicy.ROUND_ROBIN,
  commonLbConfig: noPanic(),
})

export const originalDestination = (): ClusterInit => ({
  clusterDiscoveryType: { case: 'type', value: Discovery.ORIGINAL_DST },
  lbPolicy: LbPolicy.CLUSTER_PROVIDED,
})

/** One cache for clusters and filters of a proxy: Envoy wants equal settings wherever a cache is named. */
export const dnsCache = (family: IpFamily): Init<typeof DnsCacheConfigSchema> => ({
  name: 'pilothouse',
  dnsLookupFamily: family === 'v6' ? DnsFamily.V6_ONLY : DnsFamily.V4_PREFERRED,
})

/** The address is asked of DNS for each request, by its Host (or SNI). */
export const dynamicForwardProxy = (family: IpFamily): ClusterInit => ({
  clusterDiscoveryType: {
    case: 'clusterType',
    value: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typedConfig: pack(ClusterConfigSchema, {
        clusterImplementationSpecifier: { case: 'dnsCacheConfig', value: dnsCache(family) },
        // Plaintext has no SNI to check.
        allowInsecureClusterOptions: true,
      }),
    },
  },
  lbPolicy: LbPolicy.CLUSTER_PROVIDED,
})
