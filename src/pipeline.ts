/** The flow without its ends: settings become sources, mesh, views and resources. `serve` adds xDS and REST to it. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { asyncScheduler as clock, defer, from, NEVER, type Observable, switchMap } from 'rxjs'
import { PROTECTION } from '#config/entries.ts'
import { createConfigSources, sharedFileSources } from '#config/sources/index.ts'
import { createMesh, type Mesh, type SnapshotStore } from '#mesh/mesh.ts'
import type { DemandUpdate } from '#model/load.ts'
import { defaultAutoregistration } from '#registries/autoregistration/options.ts'
import type { ProxyEvent } from '#registries/autoregistration/proxy.ts'
import { followKv } from '#registries/consul/kv.ts'
import { createRegistry, fileRegistry, sharedClusters } from '#registries/index.ts'
import { parseNode } from '#sidecar/node.ts'
import { createViews, type Views } from '#sidecar/views.ts'
import type { Settings } from '#src/settings.ts'
import type { Logger } from '#support/logger.ts'
import { createGenerator, type GeneratorCounters } from '#xds/generate/index.ts'
import { meshResourceSource } from '#xds/generate/source.ts'
import type { ResourceSource } from '#xds/resources.ts'
import type { LoadReport } from '#xds/server/index.ts'
import { watchDemand } from './load/demand.ts'
import { workloadGroups } from './registering.ts'

export interface Pipeline {
  /** Not started yet. */
  readonly mesh: Mesh
  readonly views: Views
  readonly source: ResourceSource
}

export interface PipelineDeps {
  readonly log: Logger
  readonly counters?: GeneratorCounters
  readonly store?: SnapshotStore
  /** Absent: nobody connects, and nobody registers itself. */
  readonly proxies?: Observable<ProxyEvent>
  /** What proxies report of their load; absent: nothing. */
  readonly loads?: () => readonly LoadReport[]
}

export function createPipeline(
  settings: Settings,
  { log, counters, store, proxies, loads }: PipelineDeps,
): Pipeline {
  const { rootNamespace } = settings.mesh
  const files = sharedFileSources({ rootNamespace }, { log, clock })
  const kubernetes = sharedClusters({ log, clock })
  const autoregistration = (name: string) => ({
    proxies: proxies ?? NEVER,
    groups: defer(() => workloadGroups(mesh.updates, proxies ?? NEVER)),
    restored: store?.restored.get(name)?.workloads ?? [],
    controller: `${hostname()}:${settings.xds.address}`,
  })
  const deps = { fetch: lazyFetch, clock, log, files, kubernetes, autoregistration }
  const { configs, withServices } = createConfigSources(settings, {
    ...deps,
    consulKv: followKv({ clock }),
    rootNamespace,
    identity,
  })
  // Without configuration there is no WorkloadGroup that a proxy could name.
  const grouped = proxies !== undefined && configs.length > 0
  const entries = grouped ? withAutoregistration(settings.registries) : settings.registries
  const registries = [
    ...entries.map((entry) => createRegistry(entry, deps)),
    ...withServices.map((config) => fileRegistry({ name: `serviceentry/${config.name}`, config })),
  ]
  const protections = new Map([
    ...entries.map(({ name, protection }) => [name, protection] as const),
    ...registries.slice(entries.length).map(({ name }) => [name, settings.protection] as const),
  ])
  const options = { ...settings, protection: (registry: string) => protections.get(registry) }
  const mesh: Mesh = createMesh({
    registries,
    configs,
    settings: options,
    clock,
    log,
    ...(store && { store }),
  })
  const views = createViews(mesh.updates, settings.mesh, demandOf(mesh, settings, loads))
  const generator = createGenerator(settings.mesh, counters)
  return { mesh, views, source: meshResourceSource({ views, generator, parseNode }) }
}

/** Looks first as soon as the mesh is ready, so that a pipeline that takes another's place begins with its weights. */
function demandOf(mesh: Mesh, settings: Settings, latest: PipelineDeps['loads']): Observable<DemandUpdate> {
  const { localityWeightsFromLoad: setting } = settings.mesh
  if (setting === undefined || latest === undefined) return NEVER
  const services = () => mesh.snapshot().services
  return from(mesh.whenReady()).pipe(
    switchMap((ready) => (ready ? watchDemand({ ...setting, latest, services, clock }) : NEVER)),
  )
}

/** It is on without an entry, last in precedence. */
const withAutoregistration = (registries: Settings['registries']): Settings['registries'] =>
  registries.some(({ kind }) => kind === 'autoregistration')
    ? registries
    : [...registries, { ...defaultAutoregistration, protection: PROTECTION }]

/** This process among the Pilots of a cluster; a pod's name tells its operator which one it is. */
const identity = `${process.env.POD_NAME || hostname()}_${randomUUID()}`

/** Reading the global `fetch` loads all of it: only a registry that calls it pays for that. */
const lazyFetch: typeof fetch = (input, init) => fetch(input, init)
