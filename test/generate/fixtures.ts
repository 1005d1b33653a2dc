/** Hand-made views. */
import type { MeshEndpoint, MeshService, MeshSettings, ServiceAttributes } from '#model/mesh.ts'
import type { Protocol, ServicePort } from '#model/service.ts'
import type { InboundPort, InboundView, OutboundView } from '#sidecar/view.ts'
import type { CounterName, GeneratorCounters } from '#xds/generate/index.ts'

export const settings: MeshSettings = {
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  connectTimeout: 10_000,
  localityLbEnabled: true,
  protocolDetectionTimeout: 0,
}

export const endpoint = (address: string, more: Partial<MeshEndpoint> = {}): MeshEndpoint => ({
  address,
  ports: {},
  health: 'HEALTHY',
  weight: 1,
  labels: {},
  network: '',
  serviceAccount: '',
  workload: '',
  registry: 'file/services',
  origin: { source: 'file/services', object: `WorkloadEntry/default/${address}` },
  priority: 0,
  ...more,
})

export const port = (
  number: number,
  protocol: Protocol,
  name = `${protocol.toLowerCase()}-${number}`,
): ServicePort => ({ name, port: number, protocol })

export function service(
  hostname: string,
  ports: readonly ServicePort[],
  endpoints: readonly MeshEndpoint[] = [],
  more: Partial<ServiceAttributes> = {},
): MeshService {
  const attributes: ServiceAttributes = {
    key: hostname,
    hostname,
    namespace: 'default',
    ports,
    addresses: [],
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    exportTo: ['*'],
    subjectAltNames: [],
    labels: {},
    headless: false,
    aliases: [],
    origins: [
      { source: 'file/services', object: `ServiceEntry/default/${hostname}`, at: 'services/all.yaml:12' },
    ],
    ...more,
  }
  return { attributes, endpoints, registries: ['file/services'], issues: [] }
}

export const outbound = (
  services: readonly MeshService[],
  more: Partial<OutboundView> = {},
): OutboundView => ({
  mode: 'transparent',
  proxy: { address: '127.0.0.1', port: 15002 },
  namespace: 'default',
  policy: 'ALLOW_ANY',
  services: new Map(services.map((s) => [s.attributes.key, s])),
  listeners: [],
  networkView: [],
  ...more,
})

export const inboundPort = (
  of: MeshService,
  servicePort: ServicePort,
  more: Partial<InboundPort> = {},
): InboundPort => ({
  service: of.attributes,
  servicePort,
  port: servicePort.targetPort ?? servicePort.port,
  protocol: servicePort.protocol,
  bindToPort: false,
  ...more,
})

export const inbound = (ports: readonly InboundPort[], more: Partial<InboundView> = {}): InboundView => ({
  mode: 'transparent',
  ips: ['10.0.0.1'],
  ports,
  ...more,
})

/** Counts by `name label` and by `name`. */
export function counting(): GeneratorCounters & {
  of(key: CounterName | `${CounterName} ${string}`): number
} {
  const counts = new Map<string, number>()
  const add = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    count(name, label) {
      add(name)
      add(`${name} ${label}`)
    },
    of: (key) => counts.get(key) ?? 0,
  }
}
