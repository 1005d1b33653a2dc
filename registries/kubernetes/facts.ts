/**
 * Kubernetes objects to the little that is kept of each, as istio/istio pilot/pkg/serviceregistry/kube has it. Pure.
 * Text and lists of an API are untrusted: what is missing or of another type counts as not said.
 */
import type { KubernetesObject } from '#config/connections/kubernetes-api.ts'
import { protocolOfPortName } from '#model/protocol.ts'
import type { Health, Labels, Locality, Protocol, ServicePort } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { servicePort } from '../service-port.ts'

export interface ServiceFacts {
  readonly namespace: string
  readonly name: string
  /** `key`: its name in Kubernetes, '' for an only port without one. */
  readonly ports: readonly { readonly key: string; readonly port: ServicePort }[]
  /** Cluster IPs; empty where it is headless or an ExternalName. */
  readonly addresses: readonly string[]
  readonly headless: boolean
  readonly externalName?: string
  /** The first of its IP families: that of the endpoints that are told where a pod has several. */
  readonly family?: string
  readonly exportTo: readonly string[]
  readonly labels: Labels
  readonly createdAt?: string
}

export interface SliceFacts {
  readonly namespace: string
  readonly name: string
  readonly service: string
  /** resourceVersion: of two slices that tell of one address, the later written counts. */
  readonly version: number
  readonly addressType: string
  readonly ports: SlicePorts
  readonly endpoints: readonly SliceEndpoint[]
}

/** By the port's name in Kubernetes; `any`: stated without a number, which stands for all ports. */
export type SlicePorts = Readonly<Record<string, number | 'any'>>

export interface SliceEndpoint {
  readonly addresses: readonly string[]
  readonly health: Health
  readonly zone?: string
  readonly node?: string
  /** `namespace/name` */
  readonly pod?: string
}

export interface PodFacts {
  readonly namespace: string
  readonly name: string
  /** '' as long as it has none. */
  readonly address: string
  readonly labels: Labels
  readonly serviceAccount: string
  readonly node?: string
  readonly health: Health
  readonly network?: string
  /** Of the label `istio-locality`, which wins over its node's. */
  readonly locality?: Locality
  /** Of the labels that Kubernetes 1.35 copies from the node: serves where nodes may not be read. */
  readonly topology?: Locality
}

const EXPORT_TO = 'networking.istio.io/exportTo'
const SERVICE_NAME = 'kubernetes.io/service-name'
const NETWORK = 'topology.istio.io/network'
const LOCALITY = 'istio-locality'

/** Names that Kubernetes itself gives to application protocols. */
const STANDARD_PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'kubernetes.io/h2c': 'HTTP2',
  'kubernetes.io/ws': 'HTTP',
  'kubernetes.io/wss': 'HTTPS',
}
/** SMTP, DNS, MySQL and MongoDB: there the server may speak first, so nothing can be detected. As Istio has it. */
const SERVER_FIRST = new Set([25, 53, 3306, 27017])

/** Istio's rule: `appProtocol`, else the port's name; undefined: Envoy can't carry it. */
export function protocolOf(port: {
  readonly protocol?: unknown
  readonly appProtocol?: unknown
  readonly name: string
  readonly port: number
}): Protocol | undefined {
  if (port.protocol === 'UDP') return 'UDP'
  if (port.protocol === 'SCTP') return undefined
  const said = text(port.appProtocol) ?? port.name
  const protocol = STANDARD_PROTOCOLS[said] ?? protocolOfPortName(said)
  return protocol === 'AUTO' && SERVER_FIRST.has(port.port) ? 'TCP' : protocol
}

export function serviceFacts(object: KubernetesObject): ServiceFacts {
  const { metadata } = object
  const spec = record(object.spec)
  const external = spec.type === 'ExternalName' ? text(spec.externalName) : undefined
  const ips = texts(spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]))
  const exportTo = (text(annotationsOf(metadata)[EXPORT_TO]) ?? '')
    .split(',')
    .map((namespace) => namespace.trim())
    .filter((namespace) => namespace !== '')
  const family = texts(spec.ipFamilies)[0]
  const createdAt = text((metadata as { creationTimestamp?: unknown }).creationTimestamp)
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ports: list(spec.ports).flatMap(portOf),
    addresses: external === undefined ? ips.filter((ip) => ip !== 'None').map(canonicalAddress) : [],
    headless: external === undefined && ips.includes('None'),
    ...(external === undefined ? {} : { externalName: external.replace(/\.$/, '').toLowerCase() }),
    ...(family === undefined ? {} : { family }),
    exportTo: exportTo.length > 0 ? exportTo : ['*'],
    labels: labelsOf(metadata),
    ...(createdAt === undefined ? {} : { createdAt }),
  }
}

function portOf(it: unknown): ServiceFacts['ports'] {
  const given = record(it)
  const number = given.port
  if (!isPort(number)) return []
  const key = text(given.name) ?? ''
  const protocol = protocolOf({ ...given, name: key, port: number })
  if (protocol === undefined) return []
  const target = given.targetPort
  const port: ServicePort = {
    ...servicePort(number, protocol),
    ...(key === '' ? {} : { name: key }),
    ...(isPort(target) && target !== number ? { targetPort: target } : {}),
  }
  return [{ key, port }]
}

/** undefined: it belongs to no Service. */
export function sliceFacts(object: KubernetesObject): SliceFacts | undefined {
  const { metadata } = object
  const service = text(labelsOf(metadata)[SERVICE_NAME])
  if (service === undefined) return undefined
  const namespace = metadata.namespace ?? ''
  const ports: Record<string, number | 'any'> = {}
  for (const it of list(object.ports).map(record)) {
    const port = it.port ?? 'any'
    if (port === 'any' || isPort(port)) ports[text(it.name) ?? ''] = port
  }
  return {
    ...{ namespace, name: metadata.name, service, ports },
    version: Number(metadata.resourceVersion ?? 0),
    addressType: text(object.addressType) ?? 'IPv4',
    endpoints: list(object.endpoints).map((it) => sliceEndpoint(record(it), namespace)),
  }
}

function sliceEndpoint(it: Fields, namespace: string): SliceEndpoint {
  const target = record(it.targetRef)
  const pod = target.kind === 'Pod' ? text(target.name) : undefined
  const zone = text(it.zone)
  const node = text(it.nodeName)
  return {
    // Of several addresses only the first means anything (EndpointSlice v1).
    addresses: texts(it.addresses).slice(0, 1).map(canonicalAddress),
    health: healthOf(record(it.conditions)),
    ...(zone === undefined ? {} : { zone }),
    ...(node === undefined ? {} : { node }),
    ...(pod === undefined ? {} : { pod: `${text(target.namespace) ?? namespace}/${pod}` }),
  }
}

/** What is not said of `ready` is yes, of `serving` as `ready`, of `terminating` no (EndpointConditions v1). */
function healthOf({ ready, serving, terminating }: Fields): Health {
  const isReady = ready !== false
  if (terminating !== true) return isReady ? 'HEALTHY' : 'UNHEALTHY'
  return (typeof serving === 'boolean' ? serving : isReady) ? 'DRAINING' : 'UNHEALTHY'
}

/** `cluster`: Istio's name of the cluster, for its label. */
export function podFacts(object: KubernetesObject, cluster: string | undefined): PodFacts {
  const { metadata } = object
  const spec = record(object.spec)
  const status = record(object.status)
  const labels = labelsOf(metadata)
  const node = text(spec.nodeName)
  const network = text(labels[NETWORK])
  const locality = localityOfLabel(text(labels[LOCALITY]))
  const topology = topologyOf(labels)
  const ready = list(status.conditions).some((it) => {
    const { type, status: is } = record(it)
    return type === 'Ready' && is === 'True'
  })
  const leaving = (metadata as { deletionTimestamp?: unknown }).deletionTimestamp !== undefined
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    address: canonicalAddress(text(status.podIP) ?? ''),
    // Where endpoints are, as labels: Istio's failoverPriority and subsets go by them.
    labels: {
      ...labels,
      ...(node === undefined ? {} : { 'kubernetes.io/hostname': node }),
      ...(cluster === undefined ? {} : { 'topology.istio.io/cluster': cluster }),
    },
    serviceAccount: text(spec.serviceAccountName) ?? 'default',
    ...(node === undefined ? {} : { node }),
    health: !ready ? 'UNHEALTHY' : leaving ? 'DRAINING' : 'HEALTHY',
    ...(network === undefined ? {} : { network }),
    ...(locality === undefined ? {} : { locality }),
    ...(topology === undefined ? {} : { topology }),
  }
}

/** Where a node is; undefined: its labels don't say. */
export const nodeLocality = ({ metadata }: KubernetesObject): Locality | undefined =>
  topologyOf(labelsOf(metadata))

function topologyOf(labels: Labels): Locality | undefined {
  const of = (...keys: string[]) => keys.map((key) => labels[key]).find((value) => value) ?? ''
  const region = of('topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/region')
  const zone = of('topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone')
  const subzone = of('topology.istio.io/subzone')
  return region || zone || subzone ? { region, zone, subzone } : undefined
}

/** `region/zone/subzone`, with dots for slashes, which a label can't have. */
function localityOfLabel(label: string | undefined): Locality | undefined {
  if (label === undefined) return undefined
  const [region = '', zone = '', subzone = ''] = label.includes('/') ? label.split('/') : label.split('.')
  return { region, zone, subzone }
}

type Fields = Readonly<Record<string, unknown>>

const record = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
const texts = (value: unknown): string[] => list(value).flatMap((item) => text(item) ?? [])
const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535

type Metadata = KubernetesObject['metadata']
const annotationsOf = (metadata: Metadata): Fields =>
  record((metadata as { annotations?: unknown }).annotations)
const labelsOf = (metadata: Metadata): Labels =>
  Object.fromEntries(
    Object.entries(record((metadata as { labels?: unknown }).labels)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )
