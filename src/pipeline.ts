/** The flow without its ends: settings become sources, mesh, views and resources. `serve` adds xDS and REST to it. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { asyncScheduler as clock } from 'rxjs'
import { createConfigSources, sharedFileSources } from '#config/sources/index.ts'
import { createMesh, type Mesh, type SnapshotStore } from '#mesh/mesh.ts'
import { createRegistry, fileRegistry, sharedClusters } from '#registries/index.ts'
import { parseNode } from '#sidecar/node.ts'
import { createViews, type Views } from '#sidecar/views.ts'
import type { Settings } from '#src/settings.ts'
import type { Logger } from '#support/logger.ts'
import { createGenerator, type GeneratorCounters } from '#xds/generate/index.ts'
import { meshResourceSource } from '#xds/generate/source.ts'
import type { ResourceSource } from '#xds/resources.ts'

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
}

export function createPipeline(settings: Settings, { log, counters, store }: PipelineDeps): Pipeline {
  const { rootNamespace } = settings.mesh
  const files = sharedFileSources({ rootNamespace }, { log, clock })
  const kubernetes = sharedClusters({ log, clock })
  const deps = { fetch: lazyFetch, clock, log, files, kubernetes }
  const { configs, withServices } = createConfigSources(settings, { ...deps, rootNamespace, identity })
  const registries = [
    ...settings.registries.map((entry) => createRegistry(entry, deps)),
    ...withServices.map((config) => fileRegistry({ name: `serviceentry/${config.name}`, config })),
  ]
  const protections = new Map(settings.registries.map(({ name, protection }) => [name, protection]))
  const options = { ...settings, protection: (registry: string) => protections.get(registry) }
  const mesh = createMesh({ registries, configs, settings: options, clock, log, ...(store && { store }) })
  const views = createViews(mesh.updates, settings.mesh)
  const generator = createGenerator(settings.mesh, counters)
  return { mesh, views, source: meshResourceSource({ views, generator, parseNode }) }
}

/** This process among the Pilots of a cluster; a pod's name tells its operator which one it is. */
const identity = `${process.env.POD_NAME || hostname()}_${randomUUID()}`

/** Reading the global `fetch` loads all of it: only a registry that calls it pays for that. */
const lazyFetch: typeof fetch = (input, init) => fetch(input, init)
