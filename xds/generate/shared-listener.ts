/**
 * A listener that services share: `0.0.0.0_PORT` for redirected traffic, or a Sidecar's egress listener. HTTP goes by
 * Host, TLS by SNI, what is sent to a CIDR block by address, and other bytes to the oldest service that takes bytes
 * (Istio: pilot/pkg/networking/core/listener.go, buildSidecarOutboundListener).
 */
import ipaddr from 'ipaddr.js'
import type { OutboundTrafficPolicy } from '#model/config.ts'
import type { TrafficMode, XdsConfigSource } from '#sidecar/view.ts'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { clusterKind } from './clusters.ts'
import { type Context, encodeResource } from './context.ts'
import type { IpFamily } from './envoy.ts'
import {
  type FilterChainInit,
  type FilterInit,
  httpFilter,
  httpInspector,
  sniForwardFilter,
  sniffedPlainHttp,
  tcpFilter,
  tlsInspector,
} from './filters.ts'
import { listenerAt, type Socket, sniffing } from './listener-parts.ts'
import { byAge, type Member } from './members.ts'
import { BLACKHOLE_CLUSTER, outboundCluster, PASSTHROUGH_CLUSTER } from './names.ts'
import { protocolClass } from './protocol.ts'
import type { MetadataInit } from './provenance.ts'

export interface SharedListener {
  readonly socket: Socket
  readonly mode: TrafficMode
  readonly family: IpFamily
  readonly policy: OutboundTrafficPolicy
  /** By age: the first wins. */
  readonly members: readonly Member[]
  /** Route configuration for its HTTP. */
  readonly routeName: string
  readonly source: XdsConfigSource | undefined
  /** Clusters are asked for when they are first needed. */
  readonly onDemand: true | undefined
  readonly metadata: MetadataInit
}

/** Undefined where none of the members has anything to listen for. */
export function sharedListener(context: Context, shared: SharedListener): Resource | undefined {
  const { members, socket, routeName, onDemand } = shared
  const http = members.filter((m) => speaksHttp(m))
  const named = members.filter((m) => takesSni(m))
  const tls = sniChains(named, shared)
  const blocks = cidrChains(
    context,
    members.filter((m) => takesBytes(m, shared.mode)),
    onDemand,
  )
  const rest = members.filter((m) => takesBytes(m, shared.mode) && blocksOf(m).length === 0)
  countConflicts(context, http, rest)
  const chains = [...tls, ...blocks, ...httpChains(shared, http)]
  const [bytes] = rest
  if (chains.length === 0 && bytes === undefined) return undefined
  const inspectors = [...(tls.length > 0 ? [tlsInspector] : []), ...(http.length > 0 ? [httpInspector] : [])]
  return encodeResource(
    context,
    ListenerSchema,
    socket.name,
    {
      ...listenerAt(socket, 'outbound'),
      ...sniffing(context.settings, inspectors),
      ...(bytes && chains.length === 0
        ? { filterChains: [{ filters: tcpTo(bytes, onDemand) }] }
        : {
            filterChains: chains,
            defaultFilterChain: bytes ? { filters: tcpTo(bytes, onDemand) } : passthroughChain(shared.policy),
          }),
      metadata: shared.metadata,
    },
    http.length > 0 ? [routeName] : [],
  )
}

export const speaksHttp = ({ port }: Member): boolean =>
  protocolClass(port.protocol) === 'http' || protocolClass(port.protocol) === 'auto'
const takesSni = ({ port }: Member): boolean =>
  protocolClass(port.protocol) === 'tls' || protocolClass(port.protocol) === 'auto'
/** Where a name is asked of DNS for each connection, bytes alone don't tell it. */
const takesBytes = (member: Member, mode: TrafficMode): boolean =>
  ['tcp', 'auto'].includes(protocolClass(member.port.protocol)) && !isDynamic(member, mode)
const isDynamic = ({ service }: Member, mode: TrafficMode): boolean =>
  clusterKind(service, mode) === 'dynamic'

const tcpTo = ({ service, port }: Member, onDemand: true | undefined): FilterInit[] => [
  tcpFilter(outboundCluster(port.port, service.attributes.hostname), onDemand),
]

function httpChains(
  { socket, routeName, source, onDemand, family, mode }: SharedListener,
  http: readonly Member[],
): FilterChainInit[] {
  if (http.length === 0) return []
  const filter = httpFilter({
    statPrefix: `outbound_${socket.name}`,
    routes: routeName,
    source,
    onDemand,
    // Hosts outside the mesh are asked of DNS too where there is no original destination.
    ...(mode === 'explicit' || http.some((m) => isDynamic(m, mode)) ? { dynamic: family } : {}),
  })
  return [{ filterChainMatch: sniffedPlainHttp, filters: [filter] }]
}

/** Envoy takes `*.example.com` for a server name, but refuses a listener with `*-a.example.com`. */
const isServerName = (name: string): boolean => !name.startsWith('*') || name.startsWith('*.')

/** Envoy refuses two chains with one match, so each name is taken once. */
function sniChains(
  members: readonly Member[],
  { family, mode, onDemand }: SharedListener,
): FilterChainInit[] {
  // Everything isn't a name; that is the default chain's.
  const taken = new Set<string>(['*'])
  return members.flatMap((member) => {
    const { hostname, aliases } = member.service.attributes
    const names = [hostname, ...aliases]
      .map((name) => name.toLowerCase())
      .filter((name) => isServerName(name) && !taken.has(name))
    if (names.length === 0) return []
    for (const name of names) taken.add(name)
    const forward = isDynamic(member, mode) ? [sniForwardFilter(family, member.port.port)] : []
    return [{ filterChainMatch: { serverNames: names }, filters: [...forward, ...tcpTo(member, onDemand)] }]
  })
}

function cidrChains(
  context: Context,
  members: readonly Member[],
  onDemand: true | undefined,
): FilterChainInit[] {
  const taken = new Set<string>()
  return members.flatMap((member) => {
    const blocks = blocksOf(member).filter((block) => !taken.has(block))
    if (blocks.length < blocksOf(member).length) count(context, 'tcp_over_current_tcp')
    if (blocks.length === 0) return []
    for (const block of blocks) taken.add(block)
    return [{ filterChainMatch: { prefixRanges: blocks.map(cidrRange) }, filters: tcpTo(member, onDemand) }]
  })
}

/** As networks: Envoy takes 10.1.0.0/8 and 10.0.0.0/8 for the same match. */
function blocksOf({ service }: Member): readonly string[] {
  const blocks = service.attributes.addresses.filter((a) => a.includes('/') && ipaddr.isValidCIDR(a))
  return [...new Set(blocks.map(networkOf))]
}

function networkOf(block: string): string {
  const [address, length] = ipaddr.parseCIDR(block)
  const kind = address.kind() === 'ipv6' ? ipaddr.IPv6 : ipaddr.IPv4
  return `${kind.networkAddressFromCIDR(block)}/${length}`
}

function cidrRange(network: string) {
  const [addressPrefix = '', length] = network.split('/')
  return { addressPrefix, prefixLen: Number(length) }
}

const passthroughChain = (policy: OutboundTrafficPolicy): FilterChainInit => ({
  name: 'PassthroughFilterChain',
  filters: [tcpFilter(wayOut(policy))],
})

export const wayOut = (policy: OutboundTrafficPolicy): string =>
  policy === 'ALLOW_ANY' ? PASSTHROUGH_CLUSTER : BLACKHOLE_CLUSTER

function countConflicts(context: Context, http: readonly Member[], bytes: readonly Member[]): void {
  for (let i = 1; i < bytes.length; i++) count(context, 'tcp_over_current_tcp')
  const [web] = http.filter(({ port }) => protocolClass(port.protocol) === 'http')
  const [tcp] = bytes.filter(({ port }) => protocolClass(port.protocol) === 'tcp')
  if (web === undefined || tcp === undefined) return
  count(context, byAge(web.service, tcp.service) < 0 ? 'tcp_over_current_http' : 'http_over_current_tcp')
}

type Conflict = 'tcp_over_current_tcp' | 'tcp_over_current_http' | 'http_over_current_tcp'
const count = (context: Context, conflict: Conflict): void =>
  context.counters.count(`pilot_conflict_outbound_listener_${conflict}`, 'lds')
