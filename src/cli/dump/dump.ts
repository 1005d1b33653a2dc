/** The parts of a config dump that the tables read: Envoy's JSON with the proto's own names, of /debug/config_dump. */

export interface Dump {
  readonly configs: readonly Section[]
}
export interface Section {
  readonly '@type': string
  readonly dynamic_active_clusters?: readonly { readonly cluster: Cluster }[]
  readonly dynamic_listeners?: readonly { readonly active_state?: { readonly listener: Listener } }[]
  readonly dynamic_route_configs?: readonly { readonly route_config: RouteConfig }[]
  readonly dynamic_endpoint_configs?: readonly { readonly endpoint_config: LoadAssignment }[]
  readonly dynamic_active_secrets?: readonly { readonly secret: Secret }[]
}
export interface Metadata {
  readonly filter_metadata?: {
    readonly istio?: { readonly config?: string }
    readonly pilothouse?: {
      readonly origins?: readonly { readonly source: string; readonly object: string }[]
    }
  }
}
export interface Cluster {
  readonly name: string
  readonly type?: string
  readonly cluster_type?: { readonly name: string }
  readonly load_assignment?: LoadAssignment
  readonly metadata?: Metadata
}
export interface Address {
  readonly socket_address?: { readonly address: string; readonly port_value?: number }
  readonly pipe?: { readonly path: string }
}
export interface LoadAssignment {
  readonly cluster_name?: string
  readonly endpoints?: readonly {
    readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string }
    readonly priority?: number
    readonly lb_endpoints?: readonly {
      readonly endpoint?: { readonly address?: Address }
      readonly health_status?: string
      readonly load_balancing_weight?: number
    }[]
  }[]
}
export interface Listener {
  readonly name: string
  readonly address?: Address
  readonly additional_addresses?: readonly { readonly address: Address }[]
  readonly filter_chains?: readonly FilterChain[]
  readonly default_filter_chain?: FilterChain
  readonly api_listener?: { readonly api_listener?: HttpManager }
}
export interface FilterChain {
  readonly name?: string
  readonly filter_chain_match?: {
    readonly destination_port?: number
    readonly prefix_ranges?: readonly { readonly address_prefix: string; readonly prefix_len?: number }[]
    readonly server_names?: readonly string[]
    readonly transport_protocol?: string
    readonly application_protocols?: readonly string[]
  }
  readonly filters?: readonly { readonly name: string; readonly typed_config?: HttpManager & TcpProxy }[]
}
export interface HttpManager {
  readonly rds?: { readonly route_config_name?: string }
  readonly route_config?: RouteConfig
}
export interface TcpProxy {
  readonly cluster?: string
  readonly weighted_clusters?: { readonly clusters?: readonly { readonly name: string }[] }
}
export interface RouteConfig {
  readonly name?: string
  readonly virtual_hosts?: readonly VirtualHost[]
}
export interface VirtualHost {
  readonly name: string
  readonly domains?: readonly string[]
  readonly routes?: readonly Route[]
}
export interface Route {
  readonly match?: {
    readonly path?: string
    readonly prefix?: string
    readonly path_separated_prefix?: string
    readonly safe_regex?: { readonly regex?: string }
    readonly connect_matcher?: object
    readonly headers?: readonly {
      readonly name: string
      readonly string_match?: { readonly exact?: string; readonly safe_regex?: { readonly regex?: string } }
    }[]
  }
  readonly route?: { readonly cluster?: string; readonly weighted_clusters?: TcpProxy['weighted_clusters'] }
  readonly redirect?: object
  readonly direct_response?: { readonly status?: number }
  readonly metadata?: Metadata
}
export interface Secret {
  readonly name: string
  readonly tls_certificate?: { readonly certificate_chain?: DataSource }
  readonly validation_context?: { readonly trusted_ca?: DataSource }
}
export interface DataSource {
  readonly inline_string?: string
  readonly inline_bytes?: string
  readonly filename?: string
}

/** `10.0.0.1:80`, `[::1]:80` or `unix:///path`. */
export function addressText({ socket_address, pipe }: Address = {}): string {
  if (pipe) return `unix://${pipe.path}`
  if (!socket_address) return ''
  const { address, port_value } = socket_address
  const host = address.includes(':') ? `[${address}]` : address
  return port_value === undefined ? host : `${host}:${port_value}`
}

/** Istio's cluster names: `direction|port|subset|host`; undefined for any other. */
export function clusterName(
  name: string,
):
  | { readonly direction: string; readonly port: string; readonly subset: string; readonly host: string }
  | undefined {
  const [direction, port, subset, host, ...more] = name.split('|')
  if (host === undefined || more.length > 0) return undefined
  return { direction: direction!, port: port!, subset: subset!, host }
}
