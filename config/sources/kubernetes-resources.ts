/** Istio's and the Gateway API's custom resources, as the API server names them. */

export interface CustomResource {
  readonly kind: string
  readonly group: string
  /** In order of preference; the first that the cluster serves is followed. */
  readonly versions: readonly string[]
  readonly plural: string
  readonly clusterScoped?: boolean
  /** Istio's: conditions and validation messages are written to their status. */
  readonly status: boolean
}

const istio = (group: string, versions: readonly string[], kind: string, plural: string): CustomResource => ({
  kind,
  group: `${group}.istio.io`,
  versions,
  plural,
  status: true,
})
const V1 = ['v1', 'v1beta1', 'v1alpha3'] as const

const gateway = (versions: readonly string[], kind: string, plural: string): CustomResource => ({
  kind,
  group: 'gateway.networking.k8s.io',
  versions,
  plural,
  // Its status belongs to the controller that a GatewayClass names.
  status: false,
})

export const customResources: readonly CustomResource[] = [
  istio('networking', V1, 'ServiceEntry', 'serviceentries'),
  istio('networking', V1, 'WorkloadEntry', 'workloadentries'),
  istio('networking', V1, 'WorkloadGroup', 'workloadgroups'),
  istio('networking', V1, 'Sidecar', 'sidecars'),
  istio('networking', V1, 'VirtualService', 'virtualservices'),
  istio('networking', V1, 'DestinationRule', 'destinationrules'),
  istio('networking', V1, 'Gateway', 'gateways'),
  istio('networking', ['v1alpha3'], 'EnvoyFilter', 'envoyfilters'),
  istio('networking', ['v1beta1'], 'ProxyConfig', 'proxyconfigs'),
  istio('security', ['v1', 'v1beta1'], 'AuthorizationPolicy', 'authorizationpolicies'),
  istio('security', ['v1', 'v1beta1'], 'PeerAuthentication', 'peerauthentications'),
  istio('security', ['v1', 'v1beta1'], 'RequestAuthentication', 'requestauthentications'),
  istio('telemetry', ['v1', 'v1alpha1'], 'Telemetry', 'telemetries'),
  istio('extensions', ['v1alpha1'], 'WasmPlugin', 'wasmplugins'),
  { ...gateway(['v1', 'v1beta1'], 'GatewayClass', 'gatewayclasses'), clusterScoped: true },
  gateway(['v1', 'v1beta1'], 'Gateway', 'gateways'),
  gateway(['v1', 'v1beta1'], 'HTTPRoute', 'httproutes'),
  gateway(['v1'], 'GRPCRoute', 'grpcroutes'),
  gateway(['v1', 'v1alpha3', 'v1alpha2'], 'TLSRoute', 'tlsroutes'),
  gateway(['v1alpha2'], 'TCPRoute', 'tcproutes'),
  gateway(['v1', 'v1beta1'], 'ReferenceGrant', 'referencegrants'),
]

/** `/apis/GROUP/VERSION[/namespaces/NAMESPACE]/PLURAL` */
export function resourcePath(
  { group, plural, clusterScoped }: CustomResource,
  version: string,
  namespace?: string,
): string {
  const scope = namespace === undefined || clusterScoped ? '' : `/namespaces/${namespace}`
  return `/apis/${group}/${version}${scope}/${plural}`
}
