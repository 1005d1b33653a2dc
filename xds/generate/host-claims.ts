/** Which service port has which domains of a route configuration; the oldest service wins a domain that two want. */
import type { ServiceAttributes } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import { identityCache } from './cache.ts'
import type { Context } from './context.ts'
import { hostNames, inForm } from './domains.ts'
import type { Member } from './members.ts'
import { protocolClass } from './protocol.ts'
import type { RouteScope } from './virtual-hosts.ts'

/** What a member would have if nobody else wanted it. */
export interface Wish {
  /** Tells it from the other wishes of its service. */
  readonly key: string
  /** By the service's own host name. */
  readonly own: readonly string[]
  readonly more: readonly string[]
}

export interface Claim {
  readonly member: Member
  readonly wish: Wish
  /** Those of the wish that it has: one or more. */
  readonly domains: readonly string[]
}

/** The claims of members in order of age; a member that gets no domain has none. */
export function claimGenerator(context: Context) {
  const wishes = identityCache<Wish>()
  const wishOf = ({ service: { attributes }, port }: Member, scope: RouteScope): Wish => {
    const { form, tunnels, grpc = false, namespace } = scope
    const key = [port.port, port.protocol, form, tunnels, grpc, namespace === attributes.namespace].join()
    return wishes.get(attributes, key, () => {
      const wanted = form === 'withPort' && isOnlyPort(attributes, port) ? 'both' : form
      const [own, ...more] = hostNames(attributes, namespace).map((host) => inForm(host, port.port, wanted))
      return { key, own: own ?? [], more: more.flat() }
    })
  }
  return (members: readonly Member[], scope: RouteScope): readonly Claim[] => {
    const wanted = members.map((member) => wishOf(member, scope))
    const claim = claims(context)
    // Own host names come before any other service's alias or short name.
    const own = wanted.map((wish) => wish.own.filter(claim))
    return members.flatMap((member, i) => {
      const domains = [...own[i]!, ...wanted[i]!.more.filter(claim)]
      return domains.length === 0 ? [] : [{ member, wish: wanted[i]!, domains }]
    })
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
