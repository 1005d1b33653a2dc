/** `inbound|PORT||`: the application itself. */
import type { ConnectionPool } from '#model/config.ts'
import type { Protocol } from '#model/service.ts'
import type { InboundPort, InboundView } from '#sidecar/view.ts'
import { parseDuration } from '#support/duration.ts'
import {
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
} from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { HttpProtocolOptionsSchema } from '#xds/proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { duration, pack } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import {
  type ClusterInit,
  circuitBreakers,
  common,
  HTTP_OPTIONS,
  type HttpOptionsInit,
  httpOptionsInit,
  originalDestination,
} from './cluster-parts.ts'
import { type Context, encodeResource } from './context.ts'
import { anyAddress } from './envoy.ts'
import { inboundSource } from './fixed-clusters.ts'
import { inboundCluster } from './names.ts'
import { clusterMetadata } from './provenance.ts'

export function inboundClusterFor(context: Context, view: InboundView, port: InboundPort): Resource {
  const name = inboundCluster(port.port)
  const pool = port.connectionPool
  const connectTimeout = milliseconds(pool?.tcp?.connectTimeout)
  return encodeResource(context, ClusterSchema, name, {
    ...common(context.settings, name),
    ...(connectTimeout === undefined ? {} : { connectTimeout: duration(connectTimeout) }),
    ...destination(name, view, port),
    typedExtensionProtocolOptions: poolOptions(port.protocol, pool),
    circuitBreakers: limits(pool),
    metadata: clusterMetadata(port.service),
  })
}

/** Where traffic is redirected, on to where it was going; else the loopback address that the application listens on. */
function destination(name: string, view: InboundView, port: InboundPort): ClusterInit {
  if (port.target === undefined && view.mode === 'transparent')
    return { ...originalDestination(), upstreamBindConfig: inboundSource(view.ips) }
  const { address, port: number } = port.target ?? { address: '127.0.0.1', port: port.port }
  const endpoint = { address: anyAddress(address, number) }
  return {
    clusterDiscoveryType: { case: 'type', value: Discovery.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: endpoint } }] }],
    },
  }
}

const milliseconds = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDuration(text)

function limits(pool: ConnectionPool | undefined): ClusterInit['circuitBreakers'] {
  const [unlimited] = circuitBreakers()?.thresholds ?? []
  const { tcp, http } = pool ?? {}
  return {
    thresholds: [
      {
        ...unlimited,
        ...(tcp?.maxConnections ? { maxConnections: tcp.maxConnections } : {}),
        ...(http?.http1MaxPendingRequests ? { maxPendingRequests: http.http1MaxPendingRequests } : {}),
        ...(http?.http2MaxRequests ? { maxRequests: http.http2MaxRequests } : {}),
        ...(http?.maxRetries ? { maxRetries: http.maxRetries } : {}),
      },
    ],
  }
}

function poolOptions(
  protocol: Protocol,
  pool: ConnectionPool | undefined,
): ClusterInit['typedExtensionProtocolOptions'] {
  const limited = poolCommon(pool)
  const init = httpOptionsInit(protocol) ?? (limited && plainHttp)
  if (init === undefined) return {}
  return {
    [HTTP_OPTIONS]: pack(HttpProtocolOptionsSchema, {
      ...init,
      ...(limited ? { commonHttpProtocolOptions: limited } : {}),
    }),
  }
}

const plainHttp: HttpOptionsInit = {
  upstreamProtocolOptions: {
    case: 'explicitHttpConfig',
    value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } },
  },
}

function poolCommon(pool: ConnectionPool | undefined): HttpOptionsInit['commonHttpProtocolOptions'] {
  const idle = milliseconds(pool?.http?.idleTimeout)
  const longest = milliseconds(pool?.tcp?.maxConnectionDuration)
  const requests = pool?.http?.maxRequestsPerConnection
  if (idle === undefined && longest === undefined && !requests) return undefined
  return {
    ...(idle === undefined ? {} : { idleTimeout: duration(idle) }),
    ...(longest === undefined ? {} : { maxConnectionDuration: duration(longest) }),
    ...(requests ? { maxRequestsPerConnection: requests } : {}),
  }
}
