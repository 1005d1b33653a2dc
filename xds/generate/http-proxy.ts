/** An explicit HTTP proxy: every service by host and port, with absolute URI, by Host, or through CONNECT. */
import type { MeshService, MeshServiceKey } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { type Context, encodeResource } from './context.ts'
import { httpFilter } from './filters.ts'
import { listenerAt, type Socket } from './listener-parts.ts'
import { membersOf } from './members.ts'
import { protocolClass } from './protocol.ts'
import type { MetadataInit } from './provenance.ts'
import type { routeGenerator } from './routes.ts'
import { familyOf, routeScope } from './scopes.ts'

export interface HttpProxy {
  readonly socket: Socket
  readonly routeName: string
  readonly metadata: MetadataInit
  readonly services: ReadonlyMap<MeshServiceKey, MeshService>
}

export function proxyUnit(
  context: Context,
  routes: ReturnType<typeof routeGenerator>,
  view: OutboundView,
  { socket, routeName, metadata, services }: HttpProxy,
): readonly Resource[] {
  const members = membersOf(services.values(), ({ protocol }) => protocolClass(protocol) !== 'none')
  const filter = httpFilter({
    statPrefix: `outbound_${socket.name}`,
    routes: routeName,
    source: view.configSource,
    tunnels: true,
    onDemand: view.onDemand,
    // Where traffic is redirected, hosts outside the mesh go where they were going, and need no DNS.
    ...(view.mode === 'explicit' ? { dynamic: familyOf(view) } : {}),
  })
  const listener = encodeResource(
    context,
    ListenerSchema,
    socket.name,
    { ...listenerAt(socket, 'outbound'), filterChains: [{ filters: [filter] }], metadata },
    [routeName],
  )
  return [listener, routes(routeName, members, routeScope(view, 'withPort'))]
}
