/** Listeners and routes where nothing is redirected: the application calls the proxy's own sockets. */
import type { OutboundView } from '#sidecar/view.ts'
import type { Context } from './context.ts'
import { egressId, egressIds, egressTouchedBy, egressUnit, replacesProxy } from './egress.ts'
import { proxyUnit } from './http-proxy.ts'
import { socketAt } from './listener-parts.ts'
import { HTTP_PROXY } from './names.ts'
import { sharedMetadata } from './provenance.ts'
import type { routeGenerator } from './routes.ts'
import type { UnitMaker } from './units.ts'

export function explicitUnits(context: Context, routes: ReturnType<typeof routeGenerator>): UnitMaker {
  const proxy = (view: OutboundView) =>
    proxyUnit(context, routes, view, {
      socket: { ...socketAt(view.proxy.address, view.proxy.port, true), name: HTTP_PROXY },
      routeName: HTTP_PROXY,
      metadata: sharedMetadata('listeners', view.config),
      services: view.services,
    })
  return {
    ids: (view) => new Set([...(replacesProxy(view) ? [] : [HTTP_PROXY]), ...egressIds(view)]),
    touchedBy: (service, view) => [
      ...(view.services.has(service.attributes.key) ? [HTTP_PROXY] : []),
      ...egressTouchedBy(service, view),
    ],
    addressedBy: () => [],
    make: (view, id) => (id === HTTP_PROXY ? proxy(view) : egressUnit(context, routes, view, egressId(id))),
  }
}
