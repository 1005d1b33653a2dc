/**
 * Golden cases: folders of test/golden/generate with `in.yaml` (Istio's YAML), `node.json` (an xDS node), perhaps
 * `other.yaml` (a second registry) and `settings.json` (mesh settings, aliases, failover), and `out.yaml`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asyncScheduler, concat, NEVER, of } from 'rxjs'
import { stringify } from 'yaml'
import { parseFile } from '#config/parse.ts'
import type { ConfigSource } from '#config/source.ts'
import { createMesh, defaultMeshOptions } from '#mesh/mesh.ts'
import { fileRegistry } from '#registries/file/index.ts'
import { parseNode } from '#sidecar/node.ts'
import { createViews } from '#sidecar/views.ts'
import { silentLogger } from '#support/logger.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { meshResourceSource } from '#xds/generate/source.ts'
import type { Node, ResourceSet } from '#xds/resources.ts'
import { settings as meshSettings } from './fixtures.ts'
import { type Json, type Kind, names, read } from './read.ts'

export const goldenRoot = 'test/golden/generate'
export const goldenFiles: readonly string[] = [
  'in.yaml',
  'node.json',
  'other.yaml',
  'settings.json',
  'out.yaml',
]
export const goldenCases = (): readonly string[] => readdirSync(goldenRoot).sort()

export type Golden = Readonly<Record<`${Kind}s`, readonly Json[]>>

/** The resources that the case's node is given, by name. */
export function generateCase(name: string): Golden {
  const set = resourcesOf(join(goldenRoot, name))
  const all = (kind: Kind) => names(set, kind).map((each) => read(set, kind, each))
  return {
    listeners: all('listener'),
    routes: all('route'),
    clusters: all('cluster'),
    endpoints: all('endpoint'),
  }
}

export const goldenText = (golden: Golden): string =>
  stringify(golden, { aliasDuplicateObjects: false, lineWidth: 0 })

function resourcesOf(folder: string): ResourceSet {
  const { mesh = {}, ...options } = readJson(join(folder, 'settings.json'), {})
  const settings = { ...meshSettings, ...mesh }
  const main = configSource(folder, 'in.yaml')
  const registries = [fileRegistry({ name: 'file/services', config: main })]
  if (existsSync(join(folder, 'other.yaml')))
    registries.push(fileRegistry({ name: 'file/other', config: configSource(folder, 'other.yaml') }))
  const meshes = createMesh({
    registries,
    configs: [main],
    settings: { ...defaultMeshOptions, ...options },
    clock: asyncScheduler,
    log: silentLogger,
  })
  const running = meshes.start()
  const views = createViews(meshes.updates, settings)
  const source = meshResourceSource({ views, generator: createGenerator(settings), parseNode })
  let set: ResourceSet | undefined
  const node: Node = {
    cluster: '',
    metadata: {},
    userAgentName: 'envoy',
    userAgentVersion: '1.40.0',
    ...readJson(join(folder, 'node.json')),
  }
  source
    .connect(node)
    .subscribe(({ resources }) => (set = resources))
    .unsubscribe()
  views.close()
  running.unsubscribe()
  if (set === undefined) throw new Error(`${folder}: the mesh said nothing at once`)
  return set
}

/** A file that is wrong would be a case that tests nothing. */
function configSource(folder: string, file: string): ConfigSource {
  const { objects, issues } = parseFile(readFileSync(join(folder, file), 'utf8'), { file, source: file })
  const errors = [...issues, ...objects.flatMap((o) => o.issues)].filter(
    ({ severity }) => severity === 'error',
  )
  if (errors.length > 0)
    throw new Error(`${folder}/${file}: ${errors.map(({ message }) => message).join('; ')}`)
  const update = { kind: 'full', objects: objects.flatMap(({ object }) => object ?? []), issues } as const
  return { name: file, kind: 'files', updates: concat(of(update), NEVER) }
}

const readJson = (path: string, fallback?: Json): Json =>
  fallback !== undefined && !existsSync(path) ? fallback : JSON.parse(readFileSync(path, 'utf8'))

/**
 * A bootstrap that has everything inside, so that `envoy --mode validate` sees it: route configurations in their
 * listeners, assignments in their clusters.
 */
export function inlineBootstrap({ listeners, routes, clusters, endpoints }: Golden): Json {
  const route = (name: string) => strip(routes.find((each) => each.name === name))
  const assignment = (name: string) => strip(endpoints.find((each) => each.clusterName === name))
  const inline = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(inline)
    if (typeof value !== 'object' || value === null) return value
    const { rds, edsClusterConfig, ...rest } = value
    const out = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, inline(each)]))
    if (rds?.routeConfigName) out.routeConfig = route(rds.routeConfigName)
    if (edsClusterConfig?.serviceName)
      return { ...out, type: 'STATIC', loadAssignment: assignment(edsClusterConfig.serviceName) }
    return out
  }
  return {
    node: { id: 'golden', cluster: 'golden' },
    staticResources: {
      listeners: listeners.map(strip).map(inline),
      clusters: clusters.map(strip).map(inline),
    },
  }
}

const strip = ({ '@type': _, ...rest }: Json): Json => rest
