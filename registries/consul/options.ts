/** Settings of a Consul registry. */
import {
  type ConsulConnection,
  consulConnectionFields,
  placeOfConsul,
  readConsulConnection,
} from '#config/connections/consul.ts'
import type { EntryContext, RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import {
  complain,
  type Fields,
  readFlag,
  readMap,
  readPort,
  readText,
  readTexts,
} from '#config/settings-reader.ts'
import { PROTOCOLS, parseProtocol } from '#model/protocol.ts'
import type { Protocol } from '#model/service.ts'
import { templateProblem } from '../hostname.ts'

export interface ConsulSettings extends RegistrySettings {
  readonly kind: 'consul'
  readonly connection: ConsulConnection
  /** Each read by its own watches; none given: the agent's own. */
  readonly datacenters: readonly string[]
  /** Template of {service}, {datacenter}, {namespace} and {partition}. */
  readonly hostname: string
  /** Namespace of the services in the mesh. */
  readonly namespace: string
  /** On instances: at least one of `include` (if there is any), none of `exclude`. */
  readonly tags: { readonly include: readonly string[]; readonly exclude: readonly string[] }
  /** Service port, where a service's own metadata doesn't say. */
  readonly port?: number
  /** As `port`. */
  readonly protocol?: Protocol
  /** Answers of servers that are not the leader will do. */
  readonly stale: boolean
  /** Consul's own service `consul` is one of the services. */
  readonly includeConsul: boolean
  /** The tagged address to call (`lan`, `wan`, …), where an instance or its node has it. */
  readonly taggedAddress?: string
  /** Metadata keys (of the service, else of its node) that hold the locality. */
  readonly locality: LocalityKeys
}

export interface LocalityKeys {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

export const HOSTNAME_FIELDS = ['service', 'datacenter', 'namespace', 'partition'] as const
const LOCALITY = { region: 'region', zone: 'zone', subzone: 'subzone' } as const

export const consulKind: RegistryKind<ConsulSettings> = {
  kind: 'consul',
  fields: [
    ...consulConnectionFields,
    'datacenters',
    'hostname',
    'namespace',
    'tags',
    'port',
    'protocol',
    'stale',
    'includeConsul',
    'taggedAddress',
    'locality',
  ],
  flag: (address) => ({ address }),
  read(fields, name, context) {
    const { reader, path } = context
    const connection = readConsulConnection(fields, context)
    if (!connection) return undefined
    const tags = readMap(reader, fields.tags, [...path, 'tags'], ['include', 'exclude'])
    const port = readPort(reader, fields.port, [...path, 'port'])
    const protocol = readProtocol(fields, context)
    const taggedAddress = readText(reader, fields.taggedAddress, [...path, 'taggedAddress'])
    return {
      kind: 'consul',
      name: name ?? `consul/${placeOfConsul(connection)}`,
      connection,
      datacenters: [...new Set(readTexts(reader, fields.datacenters, [...path, 'datacenters']))],
      hostname: readHostname(fields, context),
      namespace:
        readText(reader, fields.namespace, [...path, 'namespace']) ?? connection.namespace ?? 'default',
      tags: {
        include: readTexts(reader, tags.include, [...path, 'tags', 'include']),
        exclude: readTexts(reader, tags.exclude, [...path, 'tags', 'exclude']),
      },
      ...(port !== undefined && { port }),
      ...(protocol !== undefined && { protocol }),
      stale: readFlag(reader, fields.stale, [...path, 'stale']) ?? false,
      includeConsul: readFlag(reader, fields.includeConsul, [...path, 'includeConsul']) ?? false,
      ...(taggedAddress !== undefined && { taggedAddress }),
      locality: readLocality(fields, context),
    }
  },
}

function readHostname(fields: Fields, { reader, path }: EntryContext): string {
  const preset = '{service}.service.consul'
  const template = readText(reader, fields.hostname, [...path, 'hostname']) ?? preset
  const problem = templateProblem(template, HOSTNAME_FIELDS)
  if (problem === undefined) return template
  const hint = `Write it as "${preset}".`
  complain(reader, [...path, 'hostname'], `hostname "${template}": ${problem}`, hint)
  return preset
}

function readProtocol(fields: Fields, { reader, path }: EntryContext): Protocol | undefined {
  const text = readText(reader, fields.protocol, [...path, 'protocol'])
  if (text === undefined) return undefined
  const protocol = parseProtocol(text)
  if (protocol !== undefined) return protocol
  return complain(
    reader,
    [...path, 'protocol'],
    `protocol "${text}" is unknown`,
    `Use one of ${PROTOCOLS.join(', ')}.`,
  )
}

function readLocality(fields: Fields, { reader, path }: EntryContext): LocalityKeys {
  const keys = readMap(reader, fields.locality, [...path, 'locality'], Object.keys(LOCALITY))
  const read = (key: keyof LocalityKeys) =>
    readText(reader, keys[key], [...path, 'locality', key]) ?? LOCALITY[key]
  return { region: read('region'), zone: read('zone'), subzone: read('subzone') }
}
