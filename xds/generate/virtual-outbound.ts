/** virtualOutbound: where redirected traffic arrives, and what becomes of it where no other listener wants it. */
import type { ConfigObject, OutboundTrafficPolicy } from '#model/config.ts'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { type Context, encodeResource } from './context.ts'
import type { IpFamily } from './envoy.ts'
import { tcpFilter } from './filters.ts'
import { listenerAt, wildcardSocket } from './listener-parts.ts'
import { BLACKHOLE_CLUSTER, OUTBOUND_PORT, VIRTUAL_OUTBOUND } from './names.ts'
import { sharedMetadata } from './provenance.ts'
import { wayOut } from './shared-listener.ts'

export function virtualOutbound(
  context: Context,
  family: IpFamily,
  policy: OutboundTrafficPolicy,
  config: ConfigObject | undefined,
): Resource {
  const socket = { ...wildcardSocket(family, OUTBOUND_PORT, true), name: VIRTUAL_OUTBOUND }
  return encodeResource(context, ListenerSchema, VIRTUAL_OUTBOUND, {
    ...listenerAt(socket, 'outbound'),
    useOriginalDst: true,
    filterChains: [
      {
        // A call to the port itself would be redirected to itself for ever.
        name: `${VIRTUAL_OUTBOUND}-blackhole`,
        filterChainMatch: { destinationPort: OUTBOUND_PORT },
        filters: [tcpFilter(BLACKHOLE_CLUSTER)],
      },
      { name: `${VIRTUAL_OUTBOUND}-catchall-tcp`, filters: [tcpFilter(wayOut(policy))] },
    ],
    metadata: sharedMetadata('listeners', config),
  })
}
