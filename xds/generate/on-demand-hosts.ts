/**
 * The virtual hosts of a route configuration, one for each authority that Envoy asks for: `ROUTE/AUTHORITY`, with that
 * authority as its only domain, so that no two of them share one
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds).
 */
import type { MeshServiceKey, ServiceAttributes } from '#model/mesh.ts'
import { VirtualHostSchema } from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import type { Resource } from '#xds/resources.ts'
import { identityCache, KEPT_ANSWERS, type RecentCache, recentCache } from './cache.ts'
import { type Context, encodeResource } from './context.ts'
import type { Claim } from './host-claims.ts'
import { catchAll, type RouteScope, virtualHost } from './virtual-hosts.ts'

/** What a route configuration that is asked on demand has beside its bytes. */
export interface OnDemandHosts {
  /** Whose the authority is; undefined: outside the mesh. `exact`: it stands so among the names of the service. */
  find(authority: string): { readonly service: ServiceAttributes; readonly exact: boolean } | undefined
  /** The virtual host of any authority: what is not in the mesh has the routes of the catch-all. */
  answer(authority: string): Resource
  /** Names of the virtual hosts that may differ when this service does; patterns and other ports apart. */
  namesOf(service: MeshServiceKey): readonly string[]
  /** It answers to hosts that no name of it tells: `*.example.com`. */
  hasPattern(service: MeshServiceKey): boolean
}
export type OnDemandRoute = Resource & OnDemandHosts
export const isOnDemandRoute = (resource: Resource): resource is OnDemandRoute => 'namesOf' in resource

interface Table {
  readonly ofService: ReadonlyMap<MeshServiceKey, readonly Claim[]>
  readonly exact: ReadonlyMap<string, Claim>
  /** `.example.com` of `*.example.com`, longest first: so Envoy takes them. */
  readonly suffixes: readonly (readonly [string, Claim])[]
}

export function onDemandHosts(context: Context) {
  const encoded = identityCache<Resource>()
  const byPattern = identityCache<RecentCache<Resource>>()
  const outside = outsideHosts(context)
  return (route: string, scope: RouteScope, claims: () => readonly Claim[]): OnDemandHosts => {
    // Nobody may ever ask.
    let made: Table | undefined
    const table = () => (made ??= tableOf(claims()))
    return {
      find(authority) {
        const found = find(table(), authority, scope)
        return found && { service: found.claim.member.service.attributes, exact: found.exact }
      },
      answer(authority) {
        const name = `${route}/${authority}`
        const found = find(table(), authority, scope)
        if (found === undefined) return outside(name, authority, scope)
        const { member, wish } = found.claim
        const { attributes } = member.service
        const make = () => {
          const host = virtualHost(attributes, member.port, [domainOf(authority)], scope)
          return encodeResource(context, VirtualHostSchema, name, { ...host, name })
        }
        const key = `${wish.key} ${name}`
        if (found.exact) return encoded.get(attributes, key, make)
        return byPattern.get(attributes, '', () => recentCache(KEPT_ANSWERS))(key, make)
      },
      hasPattern: (key) =>
        (table().ofService.get(key) ?? []).some(({ wish }) =>
          [...wish.own, ...wish.more].some((domain) => domain.startsWith('*')),
        ),
      namesOf: (key) =>
        (table().ofService.get(key) ?? []).flatMap(({ member, wish }) =>
          [...wish.own, ...wish.more].flatMap((domain) =>
            asked(domain, member.port.port, scope).map((authority) => `${route}/${authority}`),
          ),
        ),
    }
  }
}

function tableOf(claims: readonly Claim[]): Table {
  const exact = new Map<string, Claim>()
  const suffixes: [string, Claim][] = []
  const ofService = new Map<MeshServiceKey, Claim[]>()
  for (const claim of claims) {
    const { key } = claim.member.service.attributes
    ofService.set(key, [...(ofService.get(key) ?? []), claim])
    for (const domain of claim.domains)
      if (domain.startsWith('*')) suffixes.push([domain.slice(1), claim])
      else exact.set(domain, claim)
  }
  return { exact, suffixes: suffixes.sort(([a], [b]) => b.length - a.length), ofService }
}

/** As Envoy finds a virtual host among all: exact before the longest pattern, without the port where that is ignored. */
function find(
  { exact, suffixes }: Table,
  authority: string,
  { form }: RouteScope,
): { readonly claim: Claim; readonly exact: boolean } | undefined {
  const own = exact.get(authority)
  if (own) return { claim: own, exact: true }
  const host = form === 'plain' ? authority.replace(/:\d+$/, '') : authority
  const pattern = () => suffixes.find(([suffix]) => host.length > suffix.length && host.endsWith(suffix))?.[1]
  const claim = exact.get(host) ?? pattern()
  return claim && { claim, exact: false }
}

/** How a domain is asked for, usually: clients leave the port out, or name the one that they call. */
const asked = (domain: string, port: number, { form }: RouteScope): readonly string[] =>
  form === 'plain' ? [domain, `${domain}:${port}`] : [domain]

/** What is not in the mesh goes where the route configuration's catch-all would send it. */
export function outsideHosts(context: Context) {
  const encoded = recentCache<Resource>(KEPT_ANSWERS)
  return (name: string, authority: string, scope: RouteScope): Resource =>
    encoded(`${scope.policy} ${scope.tunnels} ${name}`, () =>
      encodeResource(context, VirtualHostSchema, name, {
        ...catchAll(scope),
        name,
        domains: [domainOf(authority)],
      }),
    )
}

/** `*` would be a pattern for hosts that were not asked for; as it is written here, no request has it. */
const domainOf = (authority: string): string => authority.replaceAll('*', '%2A')
