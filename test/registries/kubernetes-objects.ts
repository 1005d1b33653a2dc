/** Objects as tests write them: one Service, one EndpointSlice. */
export const SERVICES = '/api/v1/services'
export const SLICES = '/apis/discovery.k8s.io/v1/endpointslices'

export interface ServiceOptions {
  readonly namespace?: string
  readonly ports?: readonly object[]
  readonly spec?: object
  readonly metadata?: object
}
export const service = (
  name: string,
  {
    namespace = 'default',
    ports = [{ name: 'http', port: 80, targetPort: 8080 }],
    spec,
    metadata,
  }: ServiceOptions = {},
) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, creationTimestamp: '2026-11-22T10:00:00Z', ...metadata },
  spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ipFamilies: ['IPv4'], ports, ...spec },
})

export interface SliceOptions {
  readonly namespace?: string
  readonly service?: string
  readonly ports?: readonly object[]
  readonly endpoints?: readonly object[]
  readonly addressType?: string
}
export const slice = (
  name: string,
  addresses: readonly string[],
  { namespace = 'default', service: owner = name, ports, endpoints, addressType = 'IPv4' }: SliceOptions = {},
) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace, labels: { 'kubernetes.io/service-name': owner } },
  addressType,
  ports: ports ?? [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: endpoints ?? addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
})

export interface PodOptions {
  readonly namespace?: string
  readonly labels?: object
  readonly node?: string
  readonly account?: string
  readonly ready?: boolean
}
export const pod = (
  name: string,
  address: string,
  { namespace = 'default', labels = {}, node = 'node1', account = 'default', ready = true }: PodOptions = {},
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: { serviceAccountName: account, nodeName: node, containers: [{ name: 'main', image: 'none' }] },
  status: {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
})

/** Of a slice: an endpoint that is a pod. */
export const ofPod = (
  name: string,
  address: string,
  conditions: object = { ready: true },
  namespace = 'default',
) => ({
  addresses: [address],
  conditions,
  nodeName: 'node1',
  targetRef: { kind: 'Pod', name, namespace },
})
