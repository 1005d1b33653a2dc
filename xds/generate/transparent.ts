/** Listeners and routes for redirected traffic: one unit for each port, one for each egress listener. */

import type { ServicePort } from '#model/service.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { canonicalAddress } from '#support/address.ts'
import type { Resource } from '#xds/resources.ts'
import type { Context } from './context.ts'
import { boundAddresses, claimedPorts, egressId, egressIds, egressTouchedBy, egressUnit } from './egress.ts'
import { proxiedPorts, serves } from './endpoints.ts'
import { isAddress, isWildcardAddress } from './envoy.ts'
import { isReserved, wildcardSocket } from './listener-parts.ts'
import { type Member, membersOf } from './members.ts'
import { protocolClass } from './protocol.ts'
import { sharedMetadata } from './provenance.ts'
import type { routeGenerator } from './routes.ts'
import { familyOf, routeScope } from './scopes.ts'
import { serviceListenerGenerator } from './service-listener.ts'
import { sharedListener, speaksHttp } from './shared-listener.ts'
import type { UnitMaker } from './units.ts'
import { virtualOutbound } from './virtual-outbound.ts'

const VIRTUAL = 'virtual'
const PORT = 'port:'

export function transparentUnits(context: Context, routes: ReturnType<typeof routeGenerator>): UnitMaker {
  const serviceListener = serviceListenerGenerator(context)
  const own = (view: OutboundView, port: number, members: readonly Member[]): readonly Resource[] => {
    // Of an egress listener of its own.
    const bound = new Set(boundAddresses(view, port))
    const taken = new Map<string, readonly Resource[]>()
    for (const member of members)
      for (const address of ownAddresses(member) ?? []) {
        if (bound.has(address)) continue
        if (!taken.has(address)) taken.set(address, serviceListener(member, address, view))
        else context.counters.count('pilot_conflict_outbound_listener_tcp_over_current_tcp', 'lds')
      }
    return [...taken.values()].flat()
  }
  const portUnit = (view: OutboundView, port: number): readonly Resource[] => {
    const members = membersOf(
      view.services.values(),
      (p) => p.port === port && protocolClass(p.protocol) !== 'none',
    )
    const socket = wildcardSocket(familyOf(view), port, false)
    const shared = isReserved(socket) ? [] : members.filter((member) => ownAddresses(member) === undefined)
    const routeName = String(port)
    const listener = sharedListener(context, {
      socket,
      mode: view.mode,
      family: familyOf(view),
      policy: view.policy,
      members: shared,
      routeName,
      source: view.configSource,
      onDemand: view.onDemand,
      metadata: sharedMetadata('listeners'),
    })
    const http = shared.filter(speaksHttp)
    return [
      ...(listener ? [listener] : []),
      ...(http.length > 0 ? [routes(routeName, http, routeScope(view, 'plain'))] : []),
      ...own(view, port, members),
    ]
  }
  return {
    ids: (view) => new Set([VIRTUAL, ...portIds(view), ...egressIds(view)]),
    touchedBy: (service, view) => [
      ...(view.services.has(service.attributes.key) ? proxiedPorts(service.attributes).map(portId) : []),
      ...egressTouchedBy(service, view),
    ],
    addressedBy: (service, view) =>
      service.attributes.headless && view.services.has(service.attributes.key)
        ? proxiedPorts(service.attributes).map(portId)
        : [],
    make: (view, id) => {
      if (id === VIRTUAL) return [virtualOutbound(context, familyOf(view), view.policy, view.config)]
      if (id.startsWith(PORT)) return portUnit(view, Number(id.slice(PORT.length)))
      return egressUnit(context, routes, view, egressId(id))
    },
  }
}

const portId = ({ port }: Pick<ServicePort, 'port'>): string => `${PORT}${port}`

function portIds(view: OutboundView): ReadonlySet<string> {
  const claimed = claimedPorts(view)
  const ids = new Set<string>()
  for (const { attributes } of view.services.values())
    for (const port of proxiedPorts(attributes)) if (!claimed.has(port.port)) ids.add(portId(port))
  return ids
}

/**
 * Addresses at which a service has a listener of its own, undefined where it shares one: what isn't told apart by
 * Host or SNI is told apart by address. HTTP always is by Host, so that one listener serves all of a port.
 */
function ownAddresses({ service, port }: Member): readonly string[] | undefined {
  if (protocolClass(port.protocol) === 'http' || service.attributes.resolution === 'DYNAMIC_DNS')
    return undefined
  const { addresses, headless } = service.attributes
  if (headless) {
    const serving = service.endpoints.filter((endpoint) => serves(endpoint, port))
    return particular(serving.map((e) => e.address)).sort()
  }
  const usable = particular(addresses)
  return usable.length > 0 ? usable : undefined
}

const particular = (addresses: readonly string[]): string[] =>
  [...new Set(addresses.filter(isAddress).map(canonicalAddress))].filter((each) => !isWildcardAddress(each))
