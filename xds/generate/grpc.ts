/**
 * Proxyless gRPC: `xds:///host:port` asks for a listener of that name, which names its routes, which name the cluster
 * (https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md; Istio: pilot/pkg/networking/grpcgen).
 */
import type { MeshService, ServiceAttributes } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { identityCache } from './cache.ts'
import { type Context, encodeResource } from './context.ts'
import { proxiedPorts } from './endpoints.ts'
import { grpcConnectionManager } from './filters.ts'
import { virtualHostName } from './names.ts'
import { serviceMetadata } from './provenance.ts'
import type { routeGenerator } from './routes.ts'

/** Listeners and routes of one service; encoded once for each namespace that asks. */
export function grpcGenerator(context: Context, routes: ReturnType<typeof routeGenerator>) {
  const cache = identityCache<readonly Resource[]>()
  return (service: MeshService, { namespace, policy }: OutboundView): readonly Resource[] =>
    cache.get(service.attributes, namespace, () =>
      callable(service.attributes).flatMap((port) => {
        const routeName = virtualHostName(service.attributes.hostname, port.port)
        const scope = { namespace, policy, form: 'both' as const, tunnels: false, grpc: true }
        const listeners = listenerNames(service.attributes, port).map((name) =>
          encodeListener(context, service.attributes, name, routeName),
        )
        return [...listeners, routes(routeName, [{ service, port }], scope)]
      }),
    )
}

/** What `grpcGenerator` makes of the service. */
export const grpcNames = (attributes: ServiceAttributes): Pick<Resource, 'typeUrl' | 'name'>[] =>
  callable(attributes).flatMap((port) => [
    ...listenerNames(attributes, port).map((name) => ({ typeUrl: typeUrls.listener, name })),
    { typeUrl: typeUrls.route, name: virtualHostName(attributes.hostname, port.port) },
  ])

const callable = (attributes: ServiceAttributes): readonly ServicePort[] =>
  attributes.hostname.startsWith('*') ? [] : proxiedPorts(attributes)

/** `host:port`, and `host` alone for the first port. */
function listenerNames(attributes: ServiceAttributes, port: ServicePort): readonly string[] {
  const hosts = [attributes.hostname, ...attributes.aliases]
  const bare = proxiedPorts(attributes)[0] === port ? hosts : []
  return [...hosts.map((host) => virtualHostName(host, port.port)), ...bare]
}

const encodeListener = (
  context: Context,
  attributes: ServiceAttributes,
  name: string,
  routeName: string,
): Resource =>
  encodeResource(
    context,
    ListenerSchema,
    name,
    {
      name,
      apiListener: { apiListener: grpcConnectionManager(routeName) },
      metadata: serviceMetadata(attributes, 'listeners'),
    },
    [routeName],
  )
