/** Facts of Services, EndpointSlices, Pods and Nodes to services and workloads of the model. Pure. */
import type { Endpoint, Labels, Locality, Service, Workload } from '#model/service.ts'
import type { PodFacts, ServiceFacts, SliceEndpoint, SliceFacts, SlicePorts } from './facts.ts'

export interface JoinOptions {
  /** Name of the registry. */
  readonly registry: string
  readonly domain: string
  /** Of what no pod's label gives another. */
  readonly network: string
  readonly cluster?: string
}

/** What is known beside the slices. */
export interface Surroundings {
  pod(key: string): PodFacts | undefined
  node(name: string): Locality | undefined
}

export const hostnameOf = (
  { name, namespace }: Pick<ServiceFacts, 'name' | 'namespace'>,
  { domain }: Pick<JoinOptions, 'domain'>,
): string => `${name}.${namespace}.svc.${domain}`.toLowerCase()

/** `held`: pods whose endpoints are not to be told yet. */
export function toService(
  facts: ServiceFacts,
  slices: Iterable<SliceFacts>,
  around: Surroundings,
  options: JoinOptions,
  held: (pod: string) => boolean = () => false,
): Service {
  const { externalName, namespace, name } = facts
  const joined = externalName === undefined ? joinSlices(facts, slices) : []
  const byName = externalName !== undefined || joined.some(({ slice }) => slice.addressType === 'FQDN')
  return {
    hostname: hostnameOf(facts, options),
    namespace,
    ports: facts.ports.map(({ port }) => port),
    addresses: facts.addresses,
    resolution: byName ? 'DNS' : 'STATIC',
    location: externalName === undefined ? 'MESH_INTERNAL' : 'MESH_EXTERNAL',
    exportTo: facts.exportTo,
    subjectAltNames: [],
    labels: facts.labels,
    headless: facts.headless,
    endpoints:
      externalName === undefined
        ? joined
            .filter(({ endpoint }) => endpoint.pod === undefined || !held(endpoint.pod))
            .map((one) => toEndpoint(one, facts, around, options))
        : [externalEndpoint(externalName, facts, options)],
    ...(facts.createdAt === undefined ? {} : { createdAt: facts.createdAt }),
    origin: { source: options.registry, object: `Service/${namespace}/${name}` },
  }
}

interface Joined {
  readonly address: string
  readonly endpoint: SliceEndpoint
  /** The one that counts. */
  readonly slice: SliceFacts
  /** Ports of all slices that have this address. */
  readonly ports: SlicePorts
}

/**
 * One of each address, by address; several where pods of the host's network, or hand-made slices, share one and differ in
 * a port. Of addresses of several types those of the service's first family count, so that a pod with two families gets
 * one share of the traffic; DNS names count only where nothing else is.
 */
function joinSlices({ family }: ServiceFacts, slices: Iterable<SliceFacts>): readonly Joined[] {
  const byAddress = new Map<string, Joined[]>()
  for (const slice of slices)
    for (const endpoint of slice.endpoints)
      for (const address of endpoint.addresses) {
        const list = byAddress.get(address) ?? []
        const at = list.findIndex((other) => isSame(other, endpoint, slice))
        const one = merged(list[at], { address, endpoint, slice, ports: slice.ports })
        byAddress.set(address, at < 0 ? [...list, one] : list.with(at, one))
      }
  const all = [...byAddress.values()].flat().sort((a, b) => compare(sortKey(a), sortKey(b)))
  const numbers = all.filter(({ slice }) => slice.addressType !== 'FQDN')
  if (numbers.length === 0) return all
  const first = family ?? 'IPv4'
  const reached = new Set(
    numbers.flatMap(({ endpoint, slice }) => (slice.addressType === first ? (endpoint.pod ?? []) : [])),
  )
  return numbers.filter(
    ({ endpoint: { pod }, slice }) => slice.addressType === first || pod === undefined || !reached.has(pod),
  )
}

/** The same pod, or nothing that tells the two apart. */
const isSame = (other: Joined, { pod }: SliceEndpoint, { ports }: SliceFacts): boolean =>
  (pod !== undefined && pod === other.endpoint.pod) ||
  Object.entries(ports).every(([key, number]) => (other.ports[key] ?? number) === number)

/** What the newer slice says counts. */
function merged(other: Joined | undefined, one: Joined): Joined {
  if (other === undefined) return one
  const [first, last] = one.slice.version >= other.slice.version ? [other, one] : [one, other]
  return { ...last, ports: { ...first.ports, ...last.ports } }
}

const sortKey = ({ address, ports }: Joined): string => `${address} ${Object.values(ports).join()}`
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function toEndpoint(
  { address, endpoint, slice, ports }: Joined,
  facts: ServiceFacts,
  around: Surroundings,
  options: JoinOptions,
): Endpoint {
  const pod = endpoint.pod === undefined ? undefined : around.pod(endpoint.pod)
  const zone = endpoint.zone === undefined ? undefined : { region: '', zone: endpoint.zone, subzone: '' }
  const locality = localityOf(pod, endpoint.node ?? pod?.node, around) ?? zone
  const object =
    endpoint.pod === undefined ? `EndpointSlice/${slice.namespace}/${slice.name}` : `Pod/${endpoint.pod}`
  return {
    address,
    ports: portsOf(facts, ports),
    health: endpoint.health,
    weight: 1,
    ...(locality === undefined ? {} : { locality }),
    labels: pod?.labels ?? clusterLabel(options),
    network: pod?.network ?? options.network,
    serviceAccount: pod?.serviceAccount ?? '',
    workload: endpoint.pod === undefined ? '' : endpoint.pod.slice(endpoint.pod.indexOf('/') + 1),
    registry: options.registry,
    origin: { source: options.registry, object },
  }
}

const localityOf = (
  pod: PodFacts | undefined,
  node: string | undefined,
  around: Pick<Surroundings, 'node'>,
): Locality | undefined =>
  pod?.locality ?? (node === undefined ? undefined : around.node(node)) ?? pod?.topology

/** Where it differs from what the service itself says; 0: its slices don't have this port, so it does not serve it. */
function portsOf({ ports }: ServiceFacts, numbers: SlicePorts) {
  const differing: Record<string, number> = {}
  for (const { key, port } of ports) {
    const number = numbers[key] ?? 0
    if (number !== 'any' && number !== (port.targetPort ?? port.port)) differing[port.name] = number
  }
  return differing
}

const clusterLabel = ({ cluster }: JoinOptions): Labels =>
  cluster === undefined ? {} : { 'topology.istio.io/cluster': cluster }

const externalEndpoint = (
  address: string,
  { namespace, name }: ServiceFacts,
  { registry, network }: JoinOptions,
): Endpoint => ({
  ...{ address, network, registry, ports: {}, health: 'HEALTHY', weight: 1, labels: {} },
  ...{ serviceAccount: '', workload: '' },
  origin: { source: registry, object: `Service/${namespace}/${name}` },
})

/** undefined: it has no address yet. */
export function toWorkload(
  pod: PodFacts,
  around: Pick<Surroundings, 'node'>,
  { registry, network }: JoinOptions,
): Workload | undefined {
  if (pod.address === '') return undefined
  const locality = localityOf(pod, pod.node, around)
  return {
    address: pod.address,
    ports: {},
    health: pod.health,
    weight: 1,
    ...(locality === undefined ? {} : { locality }),
    labels: pod.labels,
    network: pod.network ?? network,
    serviceAccount: pod.serviceAccount,
    workload: pod.name,
    namespace: pod.namespace,
    registry,
    origin: { source: registry, object: `Pod/${pod.namespace}/${pod.name}` },
  }
}
