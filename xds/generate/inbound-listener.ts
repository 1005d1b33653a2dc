/** virtualInbound for redirected traffic, and listeners with a socket of their own. */
import type { InboundPort, InboundView } from '#sidecar/view.ts'
import type { ListenerFilterChainMatchPredicateSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_components_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { type Context, encodeResource } from './context.ts'
import type { Init, IpFamily } from './envoy.ts'
import {
  type FilterChainInit,
  type FilterChainMatchInit,
  type FilterInit,
  httpFilter,
  httpInspector,
  type ListenerFilterInit,
  originalDst,
  sniffedHttp,
  tcpFilter,
} from './filters.ts'
import { listenerAt, type Socket, sniffing, socketAt, wildcardSocket } from './listener-parts.ts'
import {
  BLACKHOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  INBOUND_PORT,
  inboundCluster,
  listenerName,
  VIRTUAL_INBOUND,
} from './names.ts'
import { isHttp2, protocolClass } from './protocol.ts'
import { serviceListenerMetadata, sharedMetadata } from './provenance.ts'
import { httpRoute } from './virtual-hosts.ts'

type PortPredicate = Init<typeof ListenerFilterChainMatchPredicateSchema>

/** Its socket: of its own, whatever is redirected. */
export const boundSocket = ({ bind, port }: InboundPort, view: InboundView): Socket =>
  bind === undefined ? wildcardSocket(familyOf(view), port, true) : socketAt(bind, port, true)

/** Where redirected inbound traffic arrives: a filter chain for each port, and a way through for all other ports. */
export function virtualInbound(context: Context, view: InboundView, ports: readonly InboundPort[]): Resource {
  const family = familyOf(view)
  const socket = { ...wildcardSocket(family, INBOUND_PORT, true), name: VIRTUAL_INBOUND }
  const sniffed = ports.filter(isSniffed).map(({ port }) => port)
  return encodeResource(context, ListenerSchema, VIRTUAL_INBOUND, {
    ...listenerAt(socket, 'inbound'),
    ...sniffing(context.settings, [originalDst, ...inspectorFor(sniffed)]),
    filterChains: [
      {
        // A call to the port itself would be redirected to itself for ever.
        name: `${VIRTUAL_INBOUND}-blackhole`,
        filterChainMatch: { destinationPort: INBOUND_PORT },
        filters: [tcpFilter(BLACKHOLE_CLUSTER)],
      },
      ...ports.flatMap((port) =>
        chains(port, listenerName('0.0.0.0', port.port), { destinationPort: port.port }),
      ),
      { name: VIRTUAL_INBOUND, filters: [tcpFilter(INBOUND_PASSTHROUGH_CLUSTER)] },
    ],
    metadata: sharedMetadata('listeners', view.config),
  })
}

/** A listener with its own socket: explicit mode, or a Sidecar's ingress with `bind`. */
export function boundInbound(context: Context, view: InboundView, port: InboundPort): Resource {
  const socket = boundSocket(port, view)
  return encodeResource(context, ListenerSchema, socket.name, {
    ...listenerAt(socket, 'inbound'),
    ...sniffing(context.settings, isSniffed(port) ? [httpInspector] : []),
    filterChains: chains(port, socket.name, {}),
    metadata: serviceListenerMetadata(port.service),
  })
}

const isSniffed = ({ protocol }: InboundPort): boolean => protocolClass(protocol) === 'auto'

/** Looks only at connections to these ports: on all others the server may be the first to speak. */
function inspectorFor(ports: readonly number[]): readonly ListenerFilterInit[] {
  if (ports.length === 0) return []
  const rules = ports.map(
    (port): PortPredicate => ({
      rule: { case: 'destinationPortRange', value: { start: port, end: port + 1 } },
    }),
  )
  const [only] = rules
  const any: PortPredicate = rules.length === 1 ? only! : { rule: { case: 'orMatch', value: { rules } } }
  return [{ ...httpInspector, filterDisabled: { rule: { case: 'notMatch', value: any } } }]
}

function chains(port: InboundPort, name: string, match: FilterChainMatchInit): FilterChainInit[] {
  const filterChainMatch = Object.keys(match).length === 0 ? undefined : match
  const bytes: FilterChainInit = { name, filterChainMatch, filters: [tcpFilter(inboundCluster(port.port))] }
  switch (protocolClass(port.protocol)) {
    case 'http':
      return [{ name, filterChainMatch, filters: [http(port, name)] }]
    case 'auto': {
      const sniffed = { ...match, ...sniffedHttp }
      return [{ name: `${name}-http`, filterChainMatch: sniffed, filters: [http(port, name)] }, bytes]
    }
    case 'tls':
    case 'tcp':
      return [bytes]
    case 'none':
      return []
  }
}

/** Routes are inline: they never change without the listener. */
function http({ port, protocol, servicePort }: InboundPort, name: string): FilterInit {
  const cluster = inboundCluster(port)
  return httpFilter({
    statPrefix: `inbound_${name}`,
    grpcWeb: protocol === 'GRPC-Web',
    inbound: true,
    routes: {
      name: cluster,
      validateClusters: false,
      virtualHosts: [
        {
          name: `inbound|http|${servicePort.port}`,
          domains: ['*'],
          routes: [httpRoute(cluster)],
          retryPolicy: isHttp2(protocol) ? undefined : staleConnection,
        },
      ],
    },
  })
}

/** The application closed an idle connection just as the request set out: nothing reached it, so try again (Istio's default). */
const staleConnection = { retryOn: 'reset-before-request', numRetries: 2 }

export function familyOf({ ips }: InboundView): IpFamily {
  const v6 = ips.some((ip) => ip.includes(':'))
  return v6 ? (ips.some((ip) => !ip.includes(':')) ? 'dual' : 'v6') : 'v4'
}
