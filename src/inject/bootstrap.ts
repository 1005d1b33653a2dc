/**
 * The Envoy bootstrap of a sidecar (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto),
 * in the shape of Istio's (tools/packaging/common/envoy_bootstrap.json) for a stock Envoy: node, xDS over one ADS
 * stream, admin on loopback, and static listeners for health and Prometheus. It holds no secrets.
 */
import { isIPv6 } from 'node:net'
import { type BootstrapOptions, type Resolved, resolveOptions } from './bootstrap-options.ts'
import {
  httpListener,
  type SocketAddress,
  socketAddress,
  staticCluster,
  xdsCluster,
} from './bootstrap-parts.ts'
import { statsConfig } from './stats-tags.ts'

export { BootstrapError, type BootstrapOptions } from './bootstrap-options.ts'

/** Plain JSON (protobuf's field names). Throws BootstrapError on options that make no sense. */
export function bootstrap(options: BootstrapOptions): object {
  const resolved = resolveOptions(options)
  const { xds, admin, statusPort, prometheusPort } = resolved
  const adminPages = admin.port === 0 ? [] : [staticCluster('prometheus_stats', admin)]
  return {
    node: node(resolved),
    dynamic_resources: dynamicResources(resolved),
    ...(resolved.loadReporting && { cluster_manager: { load_stats_config: loadStats } }),
    static_resources: {
      clusters: [xdsCluster(xds), ...adminPages],
      listeners: [
        ...(prometheusPort ? [exposed('prometheus', resolved, prometheusPort, '/stats/prometheus')] : []),
        ...(statusPort ? [exposed('health', resolved, statusPort, '/healthz/ready', '/ready')] : []),
      ],
    },
    admin: { address: socketAddress(admin) },
    stats_config: statsConfig,
    layered_runtime: {
      layers: [
        // Istio's limit: route regexes that Pilothouse lets through must not be refused here.
        { name: 'static', static_layer: { 're2.max_program_size.error_level': 32768 } },
        { name: 'admin', admin_layer: {} },
      ],
    },
    overload_manager: overloadManager(resolved.maxConnections),
  }
}

function node(options: Resolved): object {
  const { id, cluster, locality, metadata } = options
  return { id, cluster, ...(locality && { locality }), metadata }
}

function dynamicResources({ xdsApi }: Resolved): object {
  // No timeout, as Istio: a sidecar that can't reach its Pilot waits and is not ready, rather than serving nothing.
  const overAds = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' }
  return {
    ads_config: {
      api_type: xdsApi,
      transport_api_version: 'V3',
      set_node_on_first_message_only: true,
      grpc_services: [
        { envoy_grpc: { cluster_name: 'xds-grpc', retry_policy: { retry_back_off: reconnect } } },
      ],
    },
    cds_config: overAds,
    lds_config: overAds,
  }
}

/** LRS over the way to the Pilot; Envoy itself tries again each 5 s. */
const loadStats = {
  api_type: 'GRPC',
  transport_api_version: 'V3',
  grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
}

/** With Envoy's jitter; its own limit is 30 s, a long time to miss changes after the Pilot is back. */
const reconnect = { base_interval: '0.5s', max_interval: '10s' }

/** One page of the admin, and nothing else of it, for others to see. */
function exposed(name: string, options: Resolved, port: number, path: string, adminPath = path): object {
  return httpListener(name, bindAddresses(options, port), {
    match: { path },
    route: { cluster: 'prometheus_stats', ...(adminPath !== path && { prefix_rewrite: adminPath }) },
  })
}

/** Explicit mode: the sidecar's own address, so that several fit on one host. Transparent: every address, as Istio. */
function bindAddresses({ mode, ip }: Resolved, port: number): SocketAddress {
  if (mode === 'explicit') return { address: ip, port }
  return isIPv6(ip) ? { address: '::', port } : { address: '0.0.0.0', port }
}

/** A limit on all connections together: without one a flood takes the host's file descriptors (Envoy's edge advice). */
const overloadManager = (maxConnections: number): object => ({
  resource_monitors: [
    {
      name: 'envoy.resource_monitors.global_downstream_max_connections',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
        max_active_downstream_connections: maxConnections,
      },
    },
  ],
})
