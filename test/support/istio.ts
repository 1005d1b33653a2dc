/** Istio objects as tests write them. */

export interface PortSpec {
  readonly number: number
  readonly name: string
  readonly protocol?: string
  readonly targetPort?: number
}
export interface EndpointSpec {
  readonly address: string
  readonly ports?: Readonly<Record<string, number>>
  readonly labels?: Readonly<Record<string, string>>
  readonly weight?: number
  readonly locality?: string
}
export interface ServiceSpec {
  readonly host: string
  readonly ports: readonly PortSpec[]
  readonly endpoints?: readonly EndpointSpec[]
  readonly resolution?: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS'
  readonly location?: 'MESH_INTERNAL' | 'MESH_EXTERNAL'
  readonly addresses?: readonly string[]
  readonly namespace?: string
  readonly exportTo?: readonly string[]
  readonly selector?: Readonly<Record<string, string>>
  /** Of the ServiceEntry itself. */
  readonly labels?: Readonly<Record<string, string>>
}

export const testNamespace = 'test'

export function serviceEntry(service: ServiceSpec): object {
  const { host, ports, endpoints, selector, labels = {}, namespace = testNamespace, ...rest } = service
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: host.replaceAll('.', '-').replaceAll('*', 'any'), namespace, labels },
    spec: {
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ...rest,
      hosts: [host],
      ports,
      ...(endpoints && { endpoints }),
      ...(selector && { workloadSelector: { labels: selector } }),
    },
  }
}

/** `namespace` is also the name: one Sidecar resource for each. */
export function sidecarResource(namespace: string, spec: object): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: namespace, namespace },
    spec,
  }
}
