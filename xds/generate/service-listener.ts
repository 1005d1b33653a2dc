/** Listeners for one address of one service: its virtual IP, or an endpoint of a headless service. */
import type { OutboundView, XdsConfigSource } from '#sidecar/view.ts'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { identityCache } from './cache.ts'
import { type Context, encodeResource } from './context.ts'
import { sourceKey } from './envoy.ts'
import { type FilterChainInit, httpFilter, httpInspector, sniffedHttp, tcpFilter } from './filters.ts'
import { listenerAt, sniffing, socketAt } from './listener-parts.ts'
import type { Member } from './members.ts'
import { outboundCluster, virtualHostName } from './names.ts'
import { protocolClass } from './protocol.ts'
import { serviceListenerMetadata } from './provenance.ts'
import { sniffedRoute } from './routes.ts'
import type { RouteScope } from './virtual-hosts.ts'

/** Encoded once for all views. A sniffed port brings its route configuration (`host:port`) along. */
export function serviceListenerGenerator(context: Context) {
  const listeners = identityCache<Resource>()
  const routes = identityCache<Resource>()
  return (
    member: Member,
    address: string,
    view: Pick<OutboundView, 'policy' | 'configSource' | 'onDemand'>,
  ): readonly Resource[] => {
    const { attributes } = member.service
    const { policy, configSource: source, onDemand } = view
    const key = `${address} ${member.port.port} ${protocolClass(member.port.protocol) === 'auto' ? sourceKey(source) : ''} ${onDemand ?? ''}`
    const listener = listeners.get(attributes, key, () =>
      encodeListener(context, member, address, source, onDemand),
    )
    const [routeName] = listener.children
    if (routeName === undefined) return [listener]
    // The name space and policy have no part in it: one virtual host for any Host.
    const scope: RouteScope = { namespace: '', policy, form: 'plain', tunnels: false }
    const route = routes.get(attributes, routeName, () => sniffedRoute(context, routeName, member, scope))
    return [listener, route]
  }
}

function encodeListener(
  context: Context,
  { service, port }: Member,
  address: string,
  source: XdsConfigSource | undefined,
  onDemand: true | undefined,
): Resource {
  const { hostname } = service.attributes
  const sniffed = protocolClass(port.protocol) === 'auto'
  const routeName = virtualHostName(hostname, port.port)
  const socket = socketAt(address, port.port, false)
  const bytes: FilterChainInit = { filters: [tcpFilter(outboundCluster(port.port, hostname), onDemand)] }
  const http: FilterChainInit = {
    filterChainMatch: sniffedHttp,
    filters: [httpFilter({ statPrefix: `outbound_${socket.name}`, routes: routeName, source, onDemand })],
  }
  return encodeResource(
    context,
    ListenerSchema,
    socket.name,
    {
      ...listenerAt(socket, 'outbound'),
      ...sniffing(context.settings, sniffed ? [httpInspector] : []),
      filterChains: sniffed ? [http, bytes] : [bytes],
      metadata: serviceListenerMetadata(service.attributes),
    },
    sniffed ? [routeName] : [],
  )
}
