/** Route configurations, put together from the encoded bytes of virtual hosts that all views share. */

import { VirtualHostSchema } from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { AnySchema, duration, encode } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { concatenate, repeatedField } from './bytes.ts'
import { identityCache } from './cache.ts'
import { assembledRoute, type Context } from './context.ts'
import { configSource } from './envoy.ts'
import { type Claim, claimGenerator } from './host-claims.ts'
import type { Member } from './members.ts'
import { onDemandHosts } from './on-demand-hosts.ts'
import { sharedMetadata } from './provenance.ts'
import { catchAll, type RouteScope, virtualHost } from './virtual-hosts.ts'

/**
 * Builds the route configuration of some service ports. Where its client asks on demand it has no virtual hosts, and says
 * to ask for them.
 */
export function routeGenerator(context: Context) {
  const claimsOf = claimGenerator(context)
  const hosts = onDemandHosts(context)
  const bytes = identityCache<Uint8Array>()
  const hostBytes = ({ member: { service, port }, wish, domains }: Claim, scope: RouteScope) => {
    const whole = domains.length === wish.own.length + wish.more.length
    return bytes.get(service.attributes, whole ? wish.key : [wish.key, ...domains].join(), () =>
      repeatedField(2, encode(VirtualHostSchema, virtualHost(service.attributes, port, domains, scope))),
    )
  }
  return (name: string, members: readonly Member[], scope: RouteScope): Resource => {
    if (scope.onDemand) {
      const asking = { ...configuration(name, false, scope), vhds: { configSource: vhdsSource } }
      const made = routeResource(context, name, [encode(RouteConfigurationSchema, asking)])
      return { ...made, ...hosts(name, scope, () => claimsOf(members, scope)) }
    }
    const fallback = scope.grpc ? [] : [repeatedField(2, encode(VirtualHostSchema, catchAll(scope)))]
    return routeResource(context, name, [
      encode(RouteConfigurationSchema, configuration(name, scope.form === 'plain', scope)),
      ...claimsOf(members, scope).map((claim) => hostBytes(claim, scope)),
      ...fallback,
    ])
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
  const own = encode(RouteConfigurationSchema, configuration(name, false, scope))
  return routeResource(context, name, [own, host])
}

/** Says "not found" to everything: what a client gets for a name that doesn't exist, rather than to wait for ever. */
export const emptyRoute = (context: Context, name: string): Resource =>
  routeResource(context, name, [encode(RouteConfigurationSchema, { name, validateClusters: false })])

/**
 * Envoy holds the route configuration back until a first virtual host of it comes, but doesn't ask for one (its first
 * request names none, and there is none for a second route configuration): there is nothing to wait for.
 */
const vhdsSource = { ...configSource(), initialFetchTimeout: duration(1) }

const configuration = (name: string, ignorePort: boolean, scope: RouteScope) => ({
  name,
  validateClusters: false,
  ignorePortInHostMatching: ignorePort,
  ...(scope.grpc ? {} : { metadata: sharedMetadata('routes') }),
})

function routeResource(context: Context, name: string, parts: readonly Uint8Array[]): Resource {
  const any = encode(AnySchema, { typeUrl: typeUrls.route, value: concatenate(parts) })
  return assembledRoute(context, name, any)
}
