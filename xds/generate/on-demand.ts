/**
 * The outbound half of a sidecar that asks on demand. Virtual hosts and clusters of services are not among what a
 * wildcard subscription gets: they are what the set says of names that aren't in it (`missing`), so that they reach those
 * alone who ask for them by name, and so do their changes.
 */
import type { MeshServiceKey } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { type Changed, union } from '#xds/changed.ts'
import {
  advance,
  type ChangeableResourceSet,
  emptyResourceSet,
  type Missing,
  withChanges,
  withMissing,
} from '#xds/resource-set.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import type { Context } from './context.ts'
import { firstLayer, type LayerUpdate, nextLayer, type Units } from './layer.ts'
import { isOnDemandRoute, type OnDemandHosts, outsideHosts } from './on-demand-hosts.ts'
import { routeScope } from './scopes.ts'

export interface OnDemand {
  readonly clusters: ChangeableResourceSet
  /** By name of the route configuration. */
  readonly hosts: ReadonlyMap<string, OnDemandHosts>
  /**
   * Names of virtual hosts that clients asked for with a port that does not count, and that is not the service's own: no
   * name of a service tells them. One set for all layers of a view.
   */
  readonly asked: Set<string>
}
export type OnDemandLayer = LayerUpdate<OutboundView> & { readonly onDemand?: OnDemand }

/** With more names than this each change of routes means to look at all that clients have. */
const ASKED_LIMIT = 10_000

export function onDemandLayers(context: Context, missing: Missing) {
  const outside = outsideHosts(context)
  const withAnswers = (layer: LayerUpdate<OutboundView>, onDemand: OnDemand): OnDemandLayer => ({
    ...layer,
    set: withMissing(layer.set, answers(layer.view, onDemand, missing, outside)),
    onDemand,
  })
  return {
    first(
      view: OutboundView,
      units: Units,
      loose: readonly Resource[],
      previous: OnDemand | undefined,
    ): OnDemandLayer {
      return withAnswers(firstLayer(view, units, loose.filter(isGiven), missing), {
        clusters: withChanges(emptyResourceSet, loose.filter(isNamed)),
        hosts: new Map([...units.values()].flat().filter(isOnDemandRoute).map(byName)),
        asked: previous?.asked ?? new Set(),
      })
    },
    next(
      previous: LayerUpdate<OutboundView>,
      before: OnDemand,
      view: OutboundView,
      change: Change,
    ): OnDemandLayer {
      const { units, loose, gone, services } = change
      const layer = nextLayer(previous, view, units, loose.filter(isGiven), gone.filter(isGiven))
      const clusters = advance(before.clusters, loose.filter(isNamed), gone.filter(isNamed))
      const touched = [...units.keys()].flatMap((id) =>
        (previous.units.get(id) ?? []).filter(isOnDemandRoute),
      )
      const fresh = [...units.values()].flatMap((resources) => (resources ?? []).filter(isOnDemandRoute))
      const hosts = replaced(before.hosts, touched, fresh)
      const routes = new Set([...touched, ...fresh].map(({ name }) => name))
      const changed = hostsChanged(before, hosts, routes, services)
      return {
        ...withAnswers(layer, {
          clusters: clusters?.resources ?? before.clusters,
          hosts,
          asked: before.asked,
        }),
        changed: union(union(layer.changed, clusters?.changed), changed),
      }
    },
  }
}

/** What `nextLayer` is told, and the services because of which. */
export interface Change {
  readonly units: ReadonlyMap<string, readonly Resource[] | undefined>
  readonly loose: readonly Resource[]
  readonly gone: readonly Pick<Resource, 'typeUrl' | 'name'>[]
  readonly services: Iterable<MeshServiceKey>
}

const isNamed = ({ typeUrl }: Pick<Resource, 'typeUrl'>): boolean => typeUrl === typeUrls.cluster
const isGiven = (key: Pick<Resource, 'typeUrl'>): boolean => !isNamed(key)
const byName = <T extends Resource>(resource: T): readonly [string, T] => [resource.name, resource]

function replaced(
  hosts: OnDemand['hosts'],
  gone: readonly Resource[],
  fresh: readonly (Resource & OnDemandHosts)[],
): OnDemand['hosts'] {
  if (gone.length + fresh.length === 0) return hosts
  const next = new Map(hosts)
  for (const { name } of gone) next.delete(name)
  for (const route of fresh) next.set(route.name, route)
  return next
}

function answers(
  view: OutboundView,
  { clusters, hosts, asked }: OnDemand,
  missing: Missing,
  outside: ReturnType<typeof outsideHosts>,
): Missing {
  return (typeUrl, name) => {
    if (typeUrl === typeUrls.cluster) return clusters.get(typeUrl, name) ?? missing(typeUrl, name)
    const parts = typeUrl === typeUrls.virtualHost ? takenApart(name) : undefined
    if (parts === undefined) return missing(typeUrl, name)
    const route = hosts.get(parts.route)
    if (withPort.test(name) && !route?.find(parts.authority)?.exact && asked.size < ASKED_LIMIT)
      asked.add(name)
    return route?.answer(parts.authority) ?? outside(name, parts.authority, routeScope(view, 'plain'))
  }
}

const withPort = /:\d+$/

/** `ROUTE/AUTHORITY`: an authority has no slash, a route configuration of a Unix socket may. */
function takenApart(name: string): { readonly route: string; readonly authority: string } | undefined {
  const slash = name.lastIndexOf('/')
  return slash < 0 || slash === name.length - 1
    ? undefined
    : { route: name.slice(0, slash), authority: name.slice(slash + 1) }
}

/**
 * Names of virtual hosts that may be answered otherwise now. A pattern's hosts are whatever clients hold: what they ask for
 * at this moment they may still be told of the layer before, so that no list of names made here would have it.
 */
function hostsChanged(
  before: OnDemand,
  hosts: OnDemand['hosts'],
  routes: ReadonlySet<string>,
  services: Iterable<MeshServiceKey>,
): Changed {
  const names = new Set<string>()
  if (routes.size === 0) return new Map()
  if (before.asked.size >= ASKED_LIMIT) return 'all'
  const both = [...routes].flatMap((route) => [before.hosts.get(route) ?? [], hosts.get(route) ?? []].flat())
  for (const key of services) {
    if (both.some((route) => route.hasPattern(key))) return 'all'
    for (const route of both) for (const name of route.namesOf(key)) names.add(name)
  }
  for (const name of before.asked) {
    const { route, authority } = takenApart(name)!
    const was = before.hosts.get(route)?.find(authority)?.service
    if (routes.has(route) && was !== hosts.get(route)?.find(authority)?.service) names.add(name)
  }
  return names.size === 0 ? new Map() : new Map([[typeUrls.virtualHost, names]])
}
