/** Metrics that are read from the mesh and the streams at the scrape. */

import type { Issue } from '#model/issue.ts'
import type { MeshEndpoint, MeshService, MeshSnapshot, SourceState } from '#model/mesh.ts'
import type { Node } from '#xds/resources.ts'
import { shortName } from '#xds/type-urls.ts'
import { type LoadSource, loadMetrics } from './load.ts'
import type { MetricFactory, Sample } from './registry.ts'

/** What is needed of an open stream; the xDS server's StreamStatus has it. */
export interface StreamState {
  /** Undefined until its first request. */
  readonly node: Node | undefined
  readonly types: readonly { readonly typeUrl: string; readonly nack?: object }[]
}

export interface MetricSources {
  snapshot(): MeshSnapshot
  streams(): Iterable<StreamState>
  ready(): boolean
  /** Milliseconds since the epoch. */
  now(): number
  issues(): readonly Issue[]
  /** The sidecar room's own counters. */
  readonly views?: {
    readonly viewsBuilt: number
    readonly viewsAdvanced: number
    readonly active: number
  }
  /** The mesh's own counters. */
  readonly merge?: {
    readonly merges: number
    readonly servicesTouched: number
    readonly emitted: number
    readonly flaps?: number
  }
  /** What proxies report of the load they cause. */
  readonly load?: LoadSource
}

export function pulledMetrics(make: MetricFactory, given: MetricSources): void {
  const sources = { ...given, streams: oncePerTick(() => [...given.streams()]) }
  proxies(make, sources)
  services(make, sources)
  registries(make, sources)
  configuration(make, sources)
  counters(make, sources)
  if (sources.load) loadMetrics(make, sources.load)
}

/** A scrape reads all metrics in one turn: what several of them need is read once. */
function oncePerTick<T extends object>(read: () => T): () => T {
  let value: T | undefined
  return () => {
    if (value === undefined) {
      value = read()
      queueMicrotask(() => {
        value = undefined
      })
    }
    return value
  }
}

function proxies(make: MetricFactory, { streams }: MetricSources): void {
  make.pulled('pilot_xds', 'Connected xDS streams, by version of the proxy.', ['version'], () =>
    tally(streams(), ({ node }) => ({
      version: versionOf(node),
    })),
  )
  for (const type of ['cds', 'eds', 'lds', 'rds', 'sds'])
    make.pulled(
      `pilot_xds_${type}_reject`,
      `Proxies whose last ${type} response stands rejected.`,
      ['node'],
      () =>
        [...streams()]
          .filter(({ types }) => types.some((t) => t.nack !== undefined && shortName(t.typeUrl) === type))
          .map(({ node }): Sample => [1, { node: node?.id ?? '' }]),
    )
}

/** Metadata is whatever a proxy says: what is no text counts as not said. */
function versionOf(node: Node | undefined): string {
  const said = node?.metadata.ISTIO_VERSION
  return typeof said === 'string' && said !== '' ? said : node?.userAgentVersion || 'unknown'
}

function counters(make: MetricFactory, { views, merge }: MetricSources): void {
  make.pulled('pilothouse_views', 'Sidecar views in use; equal proxies share one.', [], () => [
    [views?.active ?? 0],
  ])
  make.pulledCounter('pilothouse_views_built_total', 'Views made from nothing.', () => views?.viewsBuilt ?? 0)
  make.pulledCounter(
    'pilothouse_views_advanced_total',
    'Views moved on by changes.',
    () => views?.viewsAdvanced ?? 0,
  )
  make.pulledCounter(
    'pilot_inbound_updates',
    'Updates of sources that were merged.',
    () => merge?.merges ?? 0,
  )
  make.pulledCounter(
    'pilothouse_services_merged_total',
    'Services merged anew.',
    () => merge?.servicesTouched ?? 0,
  )
  make.pulledCounter(
    'pilothouse_flaps_total',
    'Downs that were delayed because their endpoint flaps.',
    () => merge?.flaps ?? 0,
  )
  make.pulledCounter('pilothouse_snapshots_total', 'Snapshots made.', () => merge?.emitted ?? 0)
}

function services(make: MetricFactory, { snapshot }: MetricSources): void {
  const all = () => [...snapshot().services.values()]
  make.pulled('pilot_services', 'Services known.', [], () => [[snapshot().services.size]])
  make.pulled('pilot_eds_no_instances', 'Clusters (service ports) without endpoints.', [], () => [
    [withoutEndpoints(all(), (s) => s.attributes.resolution === 'STATIC')],
  ])
  make.pulled('pilot_dns_cluster_without_endpoints', 'DNS clusters without endpoints.', [], () => [
    [withoutEndpoints(all(), (s) => s.attributes.resolution.startsWith('DNS'))],
  ])
  make.pulled('pilothouse_endpoints', 'Endpoints by registry and health.', ['registry', 'health'], () =>
    tally(endpoints(all()), ({ registry, health }) => ({ registry, health })),
  )
  make.pulled('pilothouse_snapshot_revision', 'Number of the current snapshot.', [], () => [
    [snapshot().revision],
  ])
}

function registries(make: MetricFactory, { snapshot, now, ready }: MetricSources): void {
  const states = ['fresh', 'stale', 'connecting']
  const sources = () => [...snapshot().sources.values()]
  const perRegistry = (name: string, help: string, of: (source: SourceState) => number | undefined) =>
    make.pulled(name, help, ['registry'], () =>
      sources()
        .filter(({ role }) => role === 'registry')
        .map((source): Sample => [of(source) ?? 0, { registry: source.name }]),
    )
  make.pulled(
    'pilothouse_registry_state',
    '1 for the state a source is in.',
    ['registry', 'role', 'state'],
    () =>
      sources().flatMap(({ name, role, state }) =>
        states.map((s): Sample => [s === state ? 1 : 0, { registry: name, role, state: s }]),
      ),
  )
  make.pulled(
    'pilothouse_registry_age_seconds',
    'Seconds since a source last said something.',
    ['registry'],
    () =>
      sources().flatMap(({ name, lastUpdate }): Sample[] =>
        lastUpdate ? [[Math.max(0, now() - lastUpdate.getTime()) / 1000, { registry: name }]] : [],
      ),
  )
  make.pulled(
    'pilothouse_registry_endpoints',
    'Endpoints that a registry serves, in merged services.',
    ['registry'],
    () => tally(endpoints(snapshot().services.values()), ({ registry }) => ({ registry })),
  )
  perRegistry(
    'pilothouse_registry_stale_services',
    'Services in trouble of their own.',
    (s) => s.staleServices,
  )
  perRegistry(
    'pilothouse_registry_protected_services',
    'Services of which a mass disappearance is held back.',
    (s) => s.protectedServices,
  )
  make.pulled(
    'pilothouse_services_not_fresh',
    'Services served from an older answer.',
    ['registry', 'state'],
    () => tally(notFresh(snapshot()), (labels) => labels),
  )
  make.pulled('pilothouse_ready', '1 when the Pilot serves.', [], () => [[ready() ? 1 : 0]])
}

function configuration(make: MetricFactory, { snapshot, issues }: MetricSources): void {
  make.pulled('pilothouse_configs', 'Configuration objects by kind.', ['kind'], () =>
    tally(snapshot().configs.values(), ({ kind }) => ({ kind })),
  )
  make.pulled('pilot_virt_services', 'Virtual services known.', [], () => [
    [[...snapshot().configs.values()].filter(({ kind }) => kind === 'VirtualService').length],
  ])
  make.pulled('pilothouse_issues', 'Issues with services, configuration and sources.', ['severity'], () => {
    const counted = { error: 0, warning: 0, info: 0 }
    for (const { severity } of issues()) counted[severity]++
    return Object.entries(counted).map(([severity, count]): Sample => [count, { severity }])
  })
}

function* endpoints(services: Iterable<MeshService>): Iterable<MeshEndpoint> {
  for (const service of services) yield* service.endpoints
}

function* notFresh(snapshot: MeshSnapshot) {
  for (const [key, { registries }] of snapshot.services)
    for (const registry of registries) {
      const { state } = snapshot.freshness(key, registry)
      if (state !== 'fresh') yield { registry, state }
    }
}

function withoutEndpoints(
  services: readonly MeshService[],
  which: (service: MeshService) => boolean,
): number {
  return services
    .filter((service) => service.endpoints.length === 0 && which(service))
    .reduce((sum, { attributes }) => sum + attributes.ports.length, 0)
}

/** How many items share each set of labels. */
function tally<T>(items: Iterable<T>, labels: (item: T) => Readonly<Record<string, string>>): Sample[] {
  const counts = new Map<string, { count: number; of: Readonly<Record<string, string>> }>()
  for (const item of items) {
    const of = labels(item)
    const key = Object.values(of).join('\u0000')
    const entry = counts.get(key)
    if (entry) entry.count++
    else counts.set(key, { count: 1, of })
  }
  return [...counts.values()].map(({ count, of }): Sample => [count, of])
}
