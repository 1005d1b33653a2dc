/** Static clusters and listeners of a bootstrap, as protobuf JSON. */
import { isIP } from 'node:net'

export interface SocketAddress {
  readonly address: string
  readonly port: number
}

export const socketAddress = ({ address, port }: SocketAddress): object => ({
  // All IPv6 addresses, and IPv4's through them.
  socket_address: { address, port_value: port, ...(address === '::' && { ipv4_compat: true }) },
})

const assignment = (name: string, addresses: readonly SocketAddress[]): object => ({
  cluster_name: name,
  endpoints: [
    { lb_endpoints: addresses.map((address) => ({ endpoint: { address: socketAddress(address) } })) },
  ],
})

export const staticCluster = (name: string, address: SocketAddress): object => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: assignment(name, [address]),
})

const areIps = (all: readonly SocketAddress[]): boolean => all.every(({ address }) => isIP(address) !== 0)

/** The way to the Pilot, or to several that serve the same: any will do. Keepalive finds a peer that is gone without a word, such as a lost machine, in 40 seconds. */
export const xdsCluster = (xds: readonly SocketAddress[]): object => ({
  name: 'xds-grpc',
  ...(areIps(xds) ? { type: 'STATIC' } : { type: 'STRICT_DNS', dns_lookup_family: 'V4_PREFERRED' }),
  connect_timeout: '1s',
  ...((xds.length > 1 || !areIps(xds)) && spread),
  load_assignment: assignment('xds-grpc', xds),
  upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } },
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: {
        http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '10s' } },
      },
    },
  },
})

/**
 * Of several Pilots, listed or behind one name, each proxy begins anywhere (Envoy's round robin does), so that a fleet
 * spreads, and then takes the next: it fails at most as often as there are dead ones. Chance alone would knock at them
 * again and again, later and later.
 */
const spread = { lb_policy: 'ROUND_ROBIN' }

/** One route; everything else is 404. It answers even when the host is full, so that probes don't kill a busy sidecar. */
export const httpListener = (name: string, address: SocketAddress, route: object): object => ({
  name,
  address: socketAddress(address),
  ignore_global_conn_limit: true,
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            stat_prefix: name,
            normalize_path: true,
            common_http_protocol_options: { idle_timeout: '300s' },
            request_headers_timeout: '10s',
            route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes: [route] }] },
            http_filters: [
              {
                name: 'envoy.filters.http.router',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                },
              },
            ],
          },
        },
      ],
    },
  ],
})
