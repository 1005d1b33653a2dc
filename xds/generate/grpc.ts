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
import { byAge } from './members.ts'
import { virtualHostName } from './names.ts'
import { serviceListenerMetadata } from './provenance.ts'
import type { routeGenerator } from './routes.ts'
import type { UnitMaker } from './units.ts'

/** Listeners and routes of one service by its own name; encoded once for each namespace that asks. */
export function grpcGenerator(context: Context, routes: ReturnType<typeof routeGenerator>) {
  const cache = identityCache<readonly Resource[]>()
  return (service: MeshService, { namespace, policy }: OutboundView): readonly Resource[] =>
    cache.get(service.attributes, namespace, () => [
      ...listenersFor(context, service.attributes, service.attributes.hostname),
      ...callable(service.attributes).map((port) => {
        const scope = { namespace, policy, form: 'both' as const, tunnels: false, grpc: true }
        return routes(routeName(service.attributes, port), [{ service, port }], scope)
      }),
    ])
}

/** What `grpcGenerator` makes of the service. */
export const grpcNames = (attributes: ServiceAttributes): Pick<Resource, 'typeUrl' | 'name'>[] => [
  ...listenerNames(attributes, attributes.hostname).map(({ name }) => ({ typeUrl: typeUrls.listener, name })),
  ...callable(attributes).map((port) => ({ typeUrl: typeUrls.route, name: routeName(attributes, port) })),
]

const ALIASES = 'aliases'

/** Listeners by alias, which two services may claim: a unit of its own, where the older has it. */
export function grpcUnits(context: Context): UnitMaker {
  const cache = identityCache<readonly Resource[]>()
  const named = ({ attributes }: MeshService) => (attributes.aliases.length > 0 ? [ALIASES] : [])
  return {
    ids: () => new Set([ALIASES]),
    touchedBy: named,
    addressedBy: () => [],
    make: ({ services }) => {
      const hosts = new Set([...services.values()].map(({ attributes }) => attributes.hostname))
      const taken = new Map<string, Resource>()
      for (const { attributes } of [...services.values()].sort(byAge))
        for (const alias of attributes.aliases.filter((name) => !hosts.has(name)))
          for (const listener of cache.get(attributes, alias, () => listenersFor(context, attributes, alias)))
            if (!taken.has(listener.name)) taken.set(listener.name, listener)
      return [...taken.values()]
    },
  }
}

const callable = (attributes: ServiceAttributes): readonly ServicePort[] =>
  attributes.hostname.startsWith('*') ? [] : proxiedPorts(attributes)

const routeName = ({ hostname }: ServiceAttributes, { port }: ServicePort): string =>
  virtualHostName(hostname, port)

/** `host:port`, and `host` alone for the first port. */
const listenerNames = (attributes: ServiceAttributes, host: string) =>
  callable(attributes).flatMap((port, i) => {
    const withPort = { name: virtualHostName(host, port.port), port }
    return i === 0 ? [withPort, { name: host, port }] : [withPort]
  })

const listenersFor = (context: Context, attributes: ServiceAttributes, host: string): readonly Resource[] =>
  listenerNames(attributes, host).map(({ name, port }) =>
    encodeListener(context, attributes, name, routeName(attributes, port)),
  )

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
      metadata: serviceListenerMetadata(attributes),
    },
    [routeName],
  )
