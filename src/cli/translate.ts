/** `pilothouse translate`: the pipeline run once, offline: files and a node in, that node's resources out. */
import { readFileSync } from 'node:fs'
import { filter, firstValueFrom, map, merge, take } from 'rxjs'
import { parse, stringify } from 'yaml'
import { BootstrapError, bootstrap } from '#inject/bootstrap.ts'
import type { Mesh } from '#mesh/mesh.ts'
import { parseNode } from '#sidecar/node.ts'
import { loadSettings, type Settings } from '#src/settings.ts'
import { silentLogger } from '#support/logger.ts'
import { AnySchema, decode } from '#xds/proto/index.ts'
import { toJson } from '#xds/proto/json.ts'
import type { Node, ResourceSet } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { createPipeline } from '../pipeline.ts'
import { CommandFailure } from './failure.ts'
import { issueLine } from './issue-line.ts'
import type { NodeOptions, TranslateOptions } from './options.ts'

const sections = {
  listeners: typeUrls.listener,
  routes: typeUrls.route,
  clusters: typeUrls.cluster,
  endpoints: typeUrls.endpoint,
  secrets: typeUrls.secret,
} as const

/** Prints the resources on stdout and every issue of the files on stderr; 1 if one of them is an error. */
export async function runTranslate(options: TranslateOptions): Promise<number> {
  const { settings, issues } = loadSettings({ flags: { files: options.files } })
  if (!settings) throw new CommandFailure(issues.map(issueLine).join('\n'), 'Correct --files.', 2)
  const { json, issues: found } = await translate(settings, nodeOf(options))
  process.stdout.write(
    options.output === 'json' ? `${JSON.stringify(json, null, 2)}\n` : stringify(json, { lineWidth: 0 }),
  )
  for (const issue of found) console.error(issueLine(issue))
  return found.some(({ severity }) => severity === 'error') ? 1 : 0
}

/** What `node` gets of these settings' files, as canonical JSON by kind, sorted by name; and what is wrong in them. */
export async function translate(settings: Settings, node: Node) {
  const { mesh, views, source } = createPipeline(settings, { log: silentLogger })
  const stop = new AbortController()
  try {
    const sidecar = parseNode(node)
    if ('error' in sidecar) throw new CommandFailure(sidecar.error.message, sidecar.error.remedy, 2)
    mesh.start(stop.signal)
    await allRead(mesh)
    const { resources } = await firstValueFrom(source.connect(node))
    return { json: resourcesJson(resources), issues: mesh.issues() }
  } finally {
    stop.abort()
    views.close()
  }
}

/** Offline nothing is waited for: what can't be read now is an error. */
async function allRead({ updates, ready$ }: Mesh): Promise<void> {
  const broken = updates.pipe(
    map(({ snapshot }) => [...snapshot.sources.values()].find(({ error }) => error)?.error),
  )
  const ready = ready$.pipe(
    filter((state) => state.ready),
    map(() => undefined),
  )
  const error = await firstValueFrom(
    merge(broken.pipe(filter((found) => found !== undefined)), ready).pipe(take(1)),
  )
  if (error) throw new CommandFailure(error.message, error.remedy, 2)
}

function resourcesJson(resources: ResourceSet) {
  return Object.fromEntries(
    Object.entries(sections).map(([section, typeUrl]) => [
      section,
      [...resources.all(typeUrl)]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ bytes }) => toJson(AnySchema, decode(AnySchema, bytes))),
    ]),
  )
}

/** From --node, or as `bootstrap` would write it. */
function nodeOf(options: TranslateOptions): Node {
  const node = options.node === undefined ? bootstrapNode(options) : nodeFile(options.node)
  const { id = '', cluster = '', metadata = {}, locality } = node
  return {
    ...{ id, cluster, metadata, userAgentName: 'envoy', userAgentVersion: '' },
    ...(locality && {
      locality: {
        region: locality.region ?? '',
        zone: locality.zone ?? '',
        subZone: locality.sub_zone ?? locality.subZone ?? '',
      },
    }),
  }
}

interface NodeJson {
  readonly id?: string
  readonly cluster?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly locality?: { region?: string; zone?: string; sub_zone?: string; subZone?: string }
}

function bootstrapNode({ id, ...options }: NodeOptions): NodeJson {
  try {
    return (bootstrap({ ...options, id: id!, xds: '127.0.0.1:15010' }) as { node: NodeJson }).node
  } catch (error) {
    if (error instanceof BootstrapError) throw new CommandFailure(error.message, error.remedy, 2)
    throw error
  }
}

function nodeFile(file: string): NodeJson {
  let value: { node?: NodeJson } & NodeJson
  try {
    value = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CommandFailure(
      `--node ${file}: ${(error as Error).message}`,
      'Give a node, or a bootstrap, in YAML or JSON.',
      2,
    )
  }
  const node = value?.node ?? value
  if (typeof node !== 'object' || node === null || typeof node.id !== 'string')
    throw new CommandFailure(
      `--node ${file} has no node with an id.`,
      'Give a node, or a bootstrap, in YAML or JSON.',
      2,
    )
  return node
}
