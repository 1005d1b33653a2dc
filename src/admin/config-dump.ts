/**
 * What a proxy was sent, in the form of Envoy's own /config_dump
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump_shared.proto), so that tools that read one
 * read the other. Resources are written one by one: decoded, redacted, forgotten.
 */
import type { Resource, TypeUrl } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import type { TypeStatus } from './deps.ts'
import { AdminError } from './errors.ts'
import { redact } from './redact.ts'
import { arrayText } from './stream.ts'

/** The resource's message as JSON with the proto's own names, "@type" first. */
export type ResourceToJson = (resource: Resource) => unknown

interface Section {
  readonly typeUrl: TypeUrl
  /** How `?types=` may call it. */
  readonly names: readonly string[]
  readonly message: string
  readonly list: string
  /** The section as a whole says a version, too. */
  readonly versioned?: boolean
  entry(resource: Resource, json: unknown, lastUpdated: string | undefined): object
}

const dynamic =
  (field: string): Section['entry'] =>
  ({ version }, json, last_updated) => ({ version_info: version, [field]: json, last_updated })

const sections: readonly Section[] = [
  {
    typeUrl: typeUrls.cluster,
    names: ['cds', 'clusters', 'cluster'],
    message: 'ClustersConfigDump',
    list: 'dynamic_active_clusters',
    versioned: true,
    entry: dynamic('cluster'),
  },
  {
    typeUrl: typeUrls.listener,
    names: ['lds', 'listeners', 'listener'],
    message: 'ListenersConfigDump',
    list: 'dynamic_listeners',
    versioned: true,
    entry: ({ name, version }, listener, last_updated) => ({
      name,
      active_state: { version_info: version, listener, last_updated },
    }),
  },
  {
    typeUrl: typeUrls.route,
    names: ['rds', 'routes', 'route'],
    message: 'RoutesConfigDump',
    list: 'dynamic_route_configs',
    entry: dynamic('route_config'),
  },
  {
    typeUrl: typeUrls.endpoint,
    names: ['eds', 'endpoints', 'endpoint'],
    message: 'EndpointsConfigDump',
    list: 'dynamic_endpoint_configs',
    entry: dynamic('endpoint_config'),
  },
  {
    typeUrl: typeUrls.secret,
    names: ['sds', 'secrets', 'secret'],
    message: 'SecretsConfigDump',
    list: 'dynamic_active_secrets',
    entry: ({ name, version }, secret, last_updated) => ({
      name,
      version_info: version,
      last_updated,
      secret,
    }),
  },
]

/**
 * The sections that `?types=cds,lds` (or `clusters,listeners`) names; all if undefined.
 * @throws AdminError INVALID_PARAMETER
 */
export function dumpSections(types: string | undefined): readonly Section[] {
  if (types === undefined) return sections
  return types.split(',').map((name) => {
    const section = sections.find(({ names }) => names.includes(name.trim().toLowerCase()))
    if (section) return section
    const known = sections.map(({ names }) => names[0]).join(', ')
    throw new AdminError('INVALID_PARAMETER', `types: ${JSON.stringify(name)} is none of ${known}.`)
  })
}

/** JSON text in pieces. */
export function* configDump(
  wanted: readonly Section[],
  held: Iterable<Resource>,
  types: readonly TypeStatus[],
  toJson: ResourceToJson,
): Iterable<string> {
  const byType = Map.groupBy(held, ({ typeUrl }) => typeUrl)
  const whole = withHosts(byType.get(typeUrls.virtualHost) ?? [], toJson)
  let separator = '{"configs":['
  for (const section of wanted) {
    const status = types.find(({ typeUrl }) => typeUrl === section.typeUrl)
    const head = {
      '@type': `type.googleapis.com/envoy.admin.v3.${section.message}`,
      version_info: (section.versioned && status?.sentVersion) || undefined,
    }
    yield `${separator}${JSON.stringify(head).slice(0, -1)},"${section.list}":`
    yield* arrayText(entries(section, byType.get(section.typeUrl) ?? [], status, whole))
    yield '}'
    separator = ','
  }
  yield separator === ',' ? ']}' : '{"configs":[]}'
}

/** As Envoy shows it: virtual hosts that were asked for by name stand in their route configuration. */
function withHosts(hosts: readonly Resource[], toJson: ResourceToJson): ResourceToJson {
  if (hosts.length === 0) return toJson
  return (resource) => {
    const json = toJson(resource)
    if (resource.typeUrl !== typeUrls.route) return json
    const own = hosts.filter(({ name }) => name.slice(0, name.lastIndexOf('/')) === resource.name)
    const virtual_hosts = own.map((host) => ({ ...(toJson(host) as object), '@type': undefined }))
    return own.length === 0 ? json : { ...(json as object), virtual_hosts }
  }
}

function* entries(
  { entry }: Section,
  resources: readonly Resource[],
  status: TypeStatus | undefined,
  toJson: ResourceToJson,
) {
  const lastUpdated = status?.sentAt?.toISOString()
  for (const resource of resources) yield entry(resource, redact(toJson(resource)), lastUpdated)
}
