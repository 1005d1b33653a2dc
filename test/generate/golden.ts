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
import type { ConfigUpdate } from '#model/config.ts'
import type { MeshSettings } from '#model/mesh.ts'
import { fileRegistry } from '#registries/file/index.ts'
import { parseNode } from '#sidecar/node.ts'
import { createViews } from '#sidecar/views.ts'
import { silentLogger } from '#support/logger.ts'
import { createGenerator, type Generator } from '#xds/generate/index.ts'
import type { Units } from '#xds/generate/layer.ts'
import { meshResourceSource } from '#xds/generate/source.ts'
import type { Node, ResourceSet } from '#xds/resources.ts'
import { shortName } from '#xds/type-urls.ts'
import { settings as meshSettings } from './fixtures.ts'
import type { ArbitraryMesh } from './meshes.ts'
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
export const generateCase = (name: string): Golden => generate(caseInput(name))

export function caseInput(name: string): GenerateInput {
  const folder = join(goldenRoot, name)
  const { mesh, ...options } = readJson(join(folder, 'settings.json'), {})
  return {
    main: readConfig(folder, 'in.yaml'),
    ...(existsSync(join(folder, 'other.yaml')) ? { other: readConfig(folder, 'other.yaml') } : {}),
    node: readJson(join(folder, 'node.json')),
    mesh,
    options,
  }
}

export const goldenText = (golden: Golden): string =>
  stringify(golden, { aliasDuplicateObjects: false, lineWidth: 0 })

export interface GenerateInput {
  readonly main: ConfigUpdate
  /** What a second registry says. */
  readonly other?: ConfigUpdate
  readonly node: Json
  readonly mesh?: Partial<MeshSettings>
  readonly options?: Json
}

export const generate = (input: GenerateInput): Golden => goldenOf(generateSet(input))

/** The whole way from configuration to resources, at once. */
export function generateSet({
  main,
  other,
  node: given,
  mesh = {},
  options = {},
}: GenerateInput): ResourceSet {
  const settings = { ...meshSettings, ...mesh }
  const config = configSource('in.yaml', main)
  const registries = [fileRegistry({ name: 'file/services', config })]
  if (other) registries.push(fileRegistry({ name: 'file/other', config: configSource('other.yaml', other) }))
  const meshes = createMesh({
    registries,
    configs: [config],
    settings: { ...defaultMeshOptions, ...options },
    clock: asyncScheduler,
    log: silentLogger,
  })
  const running = meshes.start()
  const views = createViews(meshes.updates, settings)
  const source = meshResourceSource({ views, generator: checked(createGenerator(settings)), parseNode })
  let set: ResourceSet | undefined
  let failure: unknown
  const node: Node = {
    cluster: '',
    metadata: {},
    userAgentName: 'envoy',
    userAgentVersion: '1.40.0',
    ...given,
  }
  source
    .connect(node)
    .subscribe({
      next: ({ resources }) => (set = resources),
      error: (error) => (failure = error),
    })
    .unsubscribe()
  views.close()
  running.unsubscribe()
  if (failure !== undefined) throw failure
  if (set === undefined) throw new Error('the mesh said nothing at once')
  return set
}

/** No resource of a half is made by two units, of which the last to change would win; between halves inbound wins. */
function checked({ outbound, inbound, ...rest }: Generator): Generator {
  const made = new Map<string, { readonly by: string; readonly version: string }>()
  const once = <L extends { readonly units: Units }>(half: string, layer: L): L => {
    for (const [id, resources] of layer.units)
      for (const { typeUrl, name, version } of resources) {
        const key = `${half} ${typeUrl} ${name}`
        const other = made.get(key)
        if (other !== undefined && other.version !== version)
          throw new Error(`${half} ${shortName(typeUrl)} ${name} is made by ${other.by} and ${id}`)
        made.set(key, { by: id, version })
      }
    return layer
  }
  return {
    ...rest,
    outbound: (previous, update) => once('outbound', outbound(previous, update)),
    inbound: (previous, update) => once('inbound', inbound(previous, update)),
  }
}

function goldenOf(set: ResourceSet): Golden {
  const all = (kind: Kind) => names(set, kind).map((each) => read(set, kind, each))
  return {
    listeners: all('listener'),
    routes: all('route'),
    clusters: all('cluster'),
    endpoints: all('endpoint'),
  }
}

const configSource = (name: string, update: ConfigUpdate): ConfigSource => ({
  name,
  kind: 'files',
  updates: concat(of(update), NEVER),
})

/** Objects that are refused are left out, as they would be. */
export const generateArbitrary = ({ yaml, node }: ArbitraryMesh): Golden => {
  const { objects } = parseFile(yaml, { file: 'in.yaml', source: 'in.yaml' })
  return generate({
    main: { kind: 'full', objects: objects.flatMap(({ object }) => object ?? []), issues: [] },
    node,
  })
}

/** A file that is wrong would be a case that tests nothing. */
function readConfig(folder: string, file: string): ConfigUpdate {
  const { objects, issues } = parseFile(readFileSync(join(folder, file), 'utf8'), { file, source: file })
  const errors = [...issues, ...objects.flatMap((o) => o.issues)].filter(
    ({ severity }) => severity === 'error',
  )
  if (errors.length > 0)
    throw new Error(`${folder}/${file}: ${errors.map(({ message }) => message).join('; ')}`)
  return { kind: 'full', objects: objects.flatMap(({ object }) => object ?? []), issues }
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
    ...(routes.some(({ vhds }) => vhds !== undefined) ? overAds : {}),
  }
}

/** Virtual hosts are asked for over an aggregated stream, which there must be. */
const overAds = {
  dynamicResources: {
    adsConfig: {
      apiType: 'DELTA_GRPC',
      transportApiVersion: 'V3',
      grpcServices: [{ googleGrpc: { targetUri: '127.0.0.1:1', statPrefix: 'xds' } }],
    },
  },
}

const strip = ({ '@type': _, ...rest }: Json): Json => rest
