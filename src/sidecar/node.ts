/**
 * A connected proxy from its xDS node: Istio's node id (`type~ip~name.namespace~namespace.svc.domain`) and metadata
 * keys (istio pilot/pkg/model/context.go, pkg/model/proxy.go), or a plain Envoy's node, whose id may be anything.
 */
import { isIP } from 'node:net'
import type { PilotError } from '#model/issue.ts'
import type { Labels, Locality } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { parseDuration } from '#support/duration.ts'
import type { Sidecar, TrafficMode, XdsConfigSource } from './view.ts'

/** The parts of envoy.config.core.v3.Node that are read; xds/resources.ts' Node fits. */
export interface NodeIdentity {
  readonly id: string
  readonly cluster: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string }
  readonly userAgentName?: string
  readonly via?: 'ADS' | XdsConfigSource['api']
}

interface NodeDefaults {
  /** Namespace of a node that names none. */
  readonly namespace: string
}

/** Where the explicit outbound proxy listens unless the node says otherwise. */
export const defaultOutbound = { address: '127.0.0.1', port: 15002 } as const

/** Never throws: a node that can't be served comes back as an error that tells its owner what to change. */
export function parseNode(
  node: NodeIdentity,
  defaults: NodeDefaults = { namespace: 'default' },
): Sidecar | { readonly error: PilotError } {
  const id = parseId(node.id)
  if ('error' in id) return id
  const meta = node.metadata
  const ips = instanceIps(meta, id.ip)
  if (id.istio && ips.length === 0)
    return failure(`node id "${node.id}": "${id.ip}" is not an IP address`, idRemedy)
  const outbound = outboundSocket(meta)
  if ('error' in outbound) return outbound
  const labels = stringMap(meta.LABELS)
  const mode = trafficMode(meta, node.userAgentName ?? '')
  const configSource = mode === 'grpc' ? undefined : ownSource(meta, node.via)
  if (configSource && 'error' in configSource) return configSource
  const onDemand = mode !== 'grpc' && text(meta.PILOTHOUSE_ON_DEMAND) === 'true'
  if (onDemand && configSource) return failure(onDemandAlone, onDemandRemedy)
  return {
    id: node.id,
    type: id.type,
    cluster: text(meta.CLUSTER_ID) || node.cluster,
    ips,
    namespace: text(meta.NAMESPACE) || id.namespace || defaults.namespace,
    workload: text(meta.WORKLOAD_NAME) || id.name,
    labels,
    serviceAccount: text(meta.SERVICE_ACCOUNT),
    ...optionalLocality(node.locality, labels),
    network: text(meta.NETWORK) || labels['topology.istio.io/network'] || '',
    networkView: list(meta.REQUESTED_NETWORK_VIEW),
    mode,
    outbound,
    ...(configSource && { configSource }),
    ...(onDemand && { onDemand }),
  }
}

const onDemandAlone = 'metadata PILOTHOUSE_ON_DEMAND, but its streams are not aggregated'
const onDemandRemedy = 'Use ads_config with api_type DELTA_GRPC, or leave PILOTHOUSE_ON_DEMAND out.'

interface NodeId {
  readonly istio: boolean
  readonly type: Sidecar['type']
  readonly ip: string
  readonly name: string
  readonly namespace: string
}

const idRemedy =
  'Use the form sidecar~IP~NAME.NAMESPACE~NAMESPACE.svc.DOMAIN (as `pilothouse bootstrap` writes it), or any id without "~".'

function parseId(id: string): NodeId | { readonly error: PilotError } {
  if (id === '') return failure('the node has no id', idRemedy)
  const parts = id.split('~')
  const [type = '', ip = '', instance = '', domain = ''] = parts
  if (parts.length !== 4 && type !== 'sidecar' && type !== 'router')
    return { istio: false, type: 'sidecar', ip: '', name: id, namespace: '' }
  if (parts.length !== 4)
    return failure(`node id "${id}" has ${parts.length} parts between "~", Istio's form has 4`, idRemedy)
  if (type !== 'sidecar' && type !== 'router')
    return failure(`node id "${id}": type "${type}" is not served (sidecar and router are)`, idRemedy)
  const dot = instance.lastIndexOf('.')
  const name = dot < 0 ? instance : instance.slice(0, dot)
  const namespace = domain.includes('.') ? domain.split('.')[0]! : dot < 0 ? '' : instance.slice(dot + 1)
  return { istio: true, type, ip, name, namespace }
}

/** INSTANCE_IPS where all of it is valid, else the id's address: the rule of Istio's ParseServiceNodeWithMetadata. */
function instanceIps(meta: NodeIdentity['metadata'], ip: string): readonly string[] {
  const ips = list(meta.INSTANCE_IPS)
  if (ips.length > 0 && ips.every((each) => isIP(each) !== 0)) return [...new Set(ips.map(canonicalAddress))]
  return isIP(ip) ? [canonicalAddress(ip)] : []
}

function outboundSocket(
  meta: NodeIdentity['metadata'],
): Sidecar['outbound'] | { readonly error: PilotError } {
  const socket = text(meta.PILOTHOUSE_OUTBOUND)
  if (socket !== '') {
    const parsed = parseSocket(socket)
    return (
      parsed ??
      failure(
        `metadata PILOTHOUSE_OUTBOUND "${socket}" is not IP:PORT`,
        'Write it as 127.0.0.1:15002 or [::1]:15002.',
      )
    )
  }
  const port = text(meta.HTTP_PROXY_PORT)
  if (port === '') return defaultOutbound
  if (!isPort(port))
    return failure(
      `metadata HTTP_PROXY_PORT "${port}" is not a port`,
      'Give a number from 1 to 65535, or leave it out.',
    )
  return { address: defaultOutbound.address, port: Number(port) }
}

/** `IP:PORT` or `[IPv6]:PORT`; undefined if it is neither. */
export function parseSocket(socket: string): { readonly address: string; readonly port: number } | undefined {
  const colon = socket.lastIndexOf(':')
  const address = socket.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  const port = socket.slice(colon + 1)
  return colon > 0 && isIP(address) && isPort(port) ? { address, port: Number(port) } : undefined
}

const isPort = (port: string): boolean => /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) <= 65535

/** gRPC clients name themselves `gRPC Node Pure JS`, `gRPC Go`, `grpc-c++` …; Istio's agents say GENERATOR=grpc. */
function trafficMode(meta: NodeIdentity['metadata'], userAgent: string): TrafficMode {
  if (text(meta.GENERATOR) === 'grpc' || /^grpc\b/i.test(userAgent)) return 'grpc'
  return text(meta.INTERCEPTION_MODE).toUpperCase() === 'NONE' ? 'explicit' : 'transparent'
}

/** Who has no aggregated stream is told to ask for endpoints and routes in the way it asked for clusters and listeners. */
function ownSource(
  meta: NodeIdentity['metadata'],
  via: NodeIdentity['via'],
): XdsConfigSource | { readonly error: PilotError } | undefined {
  if (via === undefined || via === 'ADS') return undefined
  const cluster = text(meta.PILOTHOUSE_XDS_CLUSTER)
  if (via !== 'REST') return { api: via, cluster: cluster || 'xds-grpc' }
  const delay = text(meta.PILOTHOUSE_XDS_REFRESH_DELAY)
  const refreshDelay = delay === '' ? defaultRefreshDelay : parseDuration(delay)
  if (refreshDelay !== undefined && refreshDelay >= 10)
    return { api: via, cluster: cluster || 'xds-rest', refreshDelay }
  return failure(
    `metadata PILOTHOUSE_XDS_REFRESH_DELAY "${delay}" is not a duration of 10ms or more`,
    'Write it as 500ms or 5s, or leave it out.',
  )
}

/** Each EDS cluster is polled by itself: at 1,000 of them one sidecar costs its Pilot a fifth of a core. */
const defaultRefreshDelay = 5000

/** The node's own locality, else the label `istio-locality` (`region.zone.subzone`), else the topology labels. */
function optionalLocality(own: NodeIdentity['locality'], labels: Labels): { readonly locality?: Locality } {
  if (own !== undefined && (own.region !== '' || own.zone !== ''))
    return { locality: { region: own.region, zone: own.zone, subzone: own.subZone } }
  const label = labels['istio-locality']
  const [region = '', zone = '', subzone = ''] = label
    ? label.split(label.includes('/') ? '/' : '.')
    : [
        labels['topology.kubernetes.io/region'],
        labels['topology.kubernetes.io/zone'],
        labels['topology.istio.io/subzone'],
      ]
  return region === '' && zone === '' ? {} : { locality: { region, zone, subzone } }
}

const text = (value: unknown): string =>
  typeof value === 'string'
    ? value.trim()
    : typeof value === 'number' || typeof value === 'boolean'
      ? `${value}`
      : ''

/** Comma-separated, or a list. */
const list = (value: unknown): readonly string[] =>
  (Array.isArray(value)
    ? value.map(text)
    : text(value)
        .split(',')
        .map((each) => each.trim())
  ).filter((each) => each !== '')

const stringMap = (value: unknown): Labels =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, text(each)]))
    : {}

const failure = (message: string, remedy: string): { readonly error: PilotError } => ({
  error: { code: 'node-invalid', message, remedy },
})
