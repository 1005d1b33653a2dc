/** Type URLs of xDS resources (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-types). */
import type { TypeUrl } from './resources.ts'

const url = (name: string): TypeUrl => `type.googleapis.com/${name}`

export const typeUrls = {
  cluster: url('envoy.config.cluster.v3.Cluster'),
  endpoint: url('envoy.config.endpoint.v3.ClusterLoadAssignment'),
  listener: url('envoy.config.listener.v3.Listener'),
  route: url('envoy.config.route.v3.RouteConfiguration'),
  scopedRoute: url('envoy.config.route.v3.ScopedRouteConfiguration'),
  virtualHost: url('envoy.config.route.v3.VirtualHost'),
  secret: url('envoy.extensions.transport_sockets.tls.v3.Secret'),
  runtime: url('envoy.service.runtime.v3.Runtime'),
  extensionConfig: url('envoy.config.core.v3.TypedExtensionConfig'),
} as const

/** `cds`, `eds`, … as Istio's metrics and commands name the types. */
export const shortName = (typeUrl: TypeUrl): string => shortNames[typeUrl] ?? typeUrl

const shortNames: Readonly<Record<TypeUrl, string>> = {
  [typeUrls.cluster]: 'cds',
  [typeUrls.endpoint]: 'eds',
  [typeUrls.listener]: 'lds',
  [typeUrls.route]: 'rds',
  [typeUrls.scopedRoute]: 'srds',
  [typeUrls.virtualHost]: 'vhds',
  [typeUrls.secret]: 'sds',
  [typeUrls.runtime]: 'rtds',
  [typeUrls.extensionConfig]: 'ecds',
}
