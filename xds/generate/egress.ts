/** Egress listeners of a Sidecar resource: a port, perhaps a socket, of its own for some services. */

import type { MeshService } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import type { EgressListener, OutboundView } from '#sidecar/view.ts'
import { canonicalAddress } from '#support/address.ts'
import type { Resource } from '#xds/resources.ts'
import type { Context } from './context.ts'
import { fitsSocket, isUnix, isWildcardAddress } from './envoy.ts'
import { proxyUnit } from './http-proxy.ts'
import { isReserved, type Socket, socketAt, wildcardSocket } from './listener-parts.ts'
import { type Member, membersOf } from './members.ts'
import { listenerName } from './names.ts'
import { protocolClass } from './protocol.ts'
import { sharedMetadata } from './provenance.ts'
import type { routeGenerator } from './routes.ts'
import { familyOf, routeScope } from './scopes.ts'
import { sharedListener, speaksHttp } from './shared-listener.ts'
import type { RouteScope } from './virtual-hosts.ts'

const EGRESS = 'egress:'
export const egressIds = (view: OutboundView): readonly string[] =>
  view.listeners.map((_, i) => `${EGRESS}${i}`)
export const egressId = (id: string): number => Number(id.slice(EGRESS.length))

export const egressTouchedBy = (service: MeshService, view: OutboundView): readonly string[] =>
  egressIds(view).filter((_, i) => view.listeners[i]?.services.has(service.attributes.key))

/** Ports for which redirected traffic goes to an egress listener, so that the catch-all has none. */
export const claimedPorts = (view: OutboundView): ReadonlySet<number> =>
  new Set(view.listeners.filter(isCatching).map(({ port }) => port))

/** Also where it is bound to every address: Envoy takes one listener for an address, bound or not. */
const isCatching = ({ bindToPort, bind }: EgressListener): boolean =>
  bind === undefined ? !bindToPort : isWildcardAddress(bind)

/** Addresses of egress listeners with this port, so that no service has a listener of its own there. */
export const boundAddresses = (view: OutboundView, port: number): readonly string[] =>
  view.listeners.flatMap((each) =>
    each.port === port && !isCatching(each) ? socketOf(each, view).addresses : [],
  )

/** Does one of them stand where the explicit proxy would? */
export const replacesProxy = (view: OutboundView): boolean =>
  boundAddresses(view, view.proxy.port).includes(canonicalAddress(view.proxy.address))

export function egressUnit(
  context: Context,
  routes: ReturnType<typeof routeGenerator>,
  view: OutboundView,
  index: number,
): readonly Resource[] {
  const listener = view.listeners[index]
  if (listener === undefined) return []
  const socket = socketOf(listener, view)
  if (view.mode === 'transparent' && isReserved(socket)) return []
  if (listener.bind !== undefined && isUnix(listener.bind) && !fitsSocket(listener.bind)) return []
  const routeName = routeNameOf(listener, index, socket, view)
  const metadata = sharedMetadata('listeners', view.config)
  if (listener.protocol === 'HTTP_PROXY')
    return proxyUnit(context, routes, view, { socket, routeName, metadata, services: listener.services })
  const members = egressMembers(listener)
  const made = sharedListener(context, {
    socket,
    mode: view.mode,
    family: familyOf(view),
    policy: view.policy,
    members,
    routeName,
    source: view.configSource,
    onDemand: view.onDemand,
    metadata,
  })
  const http = members.filter(speaksHttp)
  return [
    ...(made ? [made] : []),
    ...(http.length > 0 ? [routes(routeName, http, httpScope(listener, view))] : []),
  ]
}

/** A Unix socket has no port of its own, so that the request's Host must tell the port. */
const httpScope = ({ port }: EgressListener, view: OutboundView): RouteScope =>
  port === 0 ? { ...routeScope(view, 'withPort'), tunnels: false } : routeScope(view, 'plain')

function socketOf({ bind, port, bindToPort }: EgressListener, view: OutboundView): Socket {
  const loopback = familyOf(view) === 'v6' ? '::1' : '127.0.0.1'
  if (bind !== undefined) return socketAt(bind, port, bindToPort)
  return bindToPort ? socketAt(loopback, port, true) : wildcardSocket(familyOf(view), port, false)
}

/** Istio's name is the port; where that name is the catch-all's, or an earlier listener's, address and port. */
function routeNameOf(
  { bind, port }: EgressListener,
  index: number,
  socket: Socket,
  view: OutboundView,
): string {
  if (bind !== undefined && isUnix(bind)) return bind
  const earlier = view.listeners.slice(0, index).some((other) => other.port === port)
  const shared = view.mode === 'transparent' && !claimedPorts(view).has(port)
  return earlier || shared ? listenerName(socket.addresses[0], port) : String(port)
}

/**
 * The ports of its services that have the listener's number, spoken to as the listener says; or the only port of the
 * only service, so that a local port may differ from the service's.
 */
function egressMembers({ port, protocol, services }: EgressListener): readonly Member[] {
  if (protocol === 'HTTP_PROXY' || protocolClass(protocol) === 'none') return []
  const only = services.size === 1
  const wanted = (p: ServicePort, { attributes }: MeshService) =>
    port === 0 || p.port === port || (only && attributes.ports.length === 1)
  return membersOf(services.values(), wanted).map((member) => ({
    ...member,
    port: { ...member.port, protocol },
  }))
}
