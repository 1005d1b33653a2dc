/** Route configurations, put together from the encoded bytes of virtual hosts that all views share. */

import type { ServiceAttributes } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import { VirtualHostSchema } from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { AnySchema, encode } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { concatenate, repeatedField } from './bytes.ts'
import { identityCache } from './cache.ts'
import { assembledRoute, type Context } from './context.ts'
import { hostNames, inForm } from './domains.ts'
import type { Member } from './members.ts'
import { protocolClass } from './protocol.ts'
import { sharedMetadata } from './provenance.ts'
import { catchAll, type RouteScope, virtualHost } from './virtual-hosts.ts'

/** What a member would have if nobody else wanted it. */
interface Wish {
  /** Tells it from the other wishes of its service. */
  readonly key: string
  /** By the service's own host name. */
  readonly own: readonly string[]
  readonly more: readonly string[]
}

/** Builds the route configuration of some service ports; the oldest service wins a domain that two want. */
export function routeGenerator(context: Context) {
  const wishes = identityCache<Wish>()
  const bytes = identityCache<Uint8Array>()
  const wishOf = ({ service: { attributes }, port }: Member, scope: RouteScope): Wish => {
    const { form, tunnels, grpc = false, namespace } = scope
    const key = [port.port, port.protocol, form, tunnels, grpc, namespace === attributes.namespace].join()
    return wishes.get(attributes, key, () => {
      const wanted = form === 'withPort' && isOnlyPort(attributes, port) ? 'both' : form
      const [own, ...more] = hostNames(attributes, namespace).map((host) => inForm(host, port.port, wanted))
      return { key, own: own ?? [], more: more.flat() }
    })
  }
  const hostBytes = (
    { service, port }: Member,
    wish: Wish,
    own: readonly string[],
    more: readonly string[],
    scope: RouteScope,
  ) => {
    const domains = [...own, ...more]
    const whole = domains.length === wish.own.length + wish.more.length
    return bytes.get(service.attributes, whole ? wish.key : [wish.key, ...domains].join(), () =>
      repeatedField(2, encode(VirtualHostSchema, virtualHost(service.attributes, port, domains, scope))),
    )
  }
  return (name: string, members: readonly Member[], scope: RouteScope): Resource => {
    const wanted = members.map((member) => wishOf(member, scope))
    const claim = claims(context)
    // Own host names come before any other service's alias or short name.
    const own = wanted.map((wish) => wish.own.filter(claim))
    const hosts = members.flatMap((member, i) => {
      const more = wanted[i]!.more.filter(claim)
      return own[i]!.length + more.length === 0 ? [] : [hostBytes(member, wanted[i]!, own[i]!, more, scope)]
    })
    const fallback = scope.grpc ? [] : [repeatedField(2, encode(VirtualHostSchema, catchAll(scope)))]
    return routeResource(context, name, [
      configuration(name, scope.form === 'plain', scope),
      ...hosts,
      ...fallback,
    ])
  }
}

/** A service of the mesh with one port is called by its name alone, too: there is nothing else to mean. */
const isOnlyPort = ({ ports, location, resolution }: ServiceAttributes, { protocol }: ServicePort): boolean =>
  location === 'MESH_INTERNAL' &&
  resolution === 'STATIC' &&
  ports.length === 1 &&
  ['http', 'auto'].includes(protocolClass(protocol))

/** True to the first that asks for a domain: Envoy refuses a route configuration where two virtual hosts share one. */
function claims(context: Context): (domain: string) => boolean {
  // That is the catch-all's.
  const taken = new Set<string>(['*'])
  return (domain) => {
    const before = taken.size
    if (taken.add(domain).size > before) return true
    context.counters.count('pilot_vservice_dup_domain', 'rds')
    return false
  }
}

/** The route configuration of one sniffed address: whatever the Host, it is for this service. */
export function sniffedRoute(
  context: Context,
  name: string,
  { service, port }: Member,
  scope: RouteScope,
): Resource {
  const host = repeatedField(
    2,
    encode(VirtualHostSchema, virtualHost(service.attributes, port, ['*'], scope)),
  )
  return routeResource(context, name, [configuration(name, false, scope), host])
}

/** Says "not found" to everything: what a client gets for a name that doesn't exist, rather than to wait for ever. */
export const emptyRoute = (context: Context, name: string): Resource =>
  routeResource(context, name, [encode(RouteConfigurationSchema, { name, validateClusters: false })])

const configuration = (name: string, ignorePort: boolean, scope: RouteScope): Uint8Array =>
  encode(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    ignorePortInHostMatching: ignorePort,
    metadata: scope.grpc ? undefined : sharedMetadata('routes'),
  })

function routeResource(context: Context, name: string, parts: readonly Uint8Array[]): Resource {
  const any = encode(AnySchema, { typeUrl: typeUrls.route, value: concatenate(parts) })
  return assembledRoute(context, name, any)
}
