/** Settings of a Nomad registry. */
import {
  type NomadConnection,
  nomadConnectionFields,
  nomadConnectionName,
  readNomadConnection,
} from '#config/connections/nomad.ts'
import type { EntryContext, RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import {
  complain,
  type Fields,
  readDuration,
  readFlag,
  readMap,
  readPort,
  readText,
  readTexts,
} from '#config/settings-reader.ts'
import { parseProtocol } from '#model/protocol.ts'
import type { Protocol } from '#model/service.ts'
import { templateProblem } from '../hostname.ts'

export interface NomadSettings extends RegistrySettings {
  readonly kind: 'nomad'
  readonly connection: NomadConnection
  /** Nomad's namespaces to read; `*` is all that the token may read. */
  readonly namespaces: readonly string[]
  /** Of {service}, {namespace}, {datacenter}, {region}. */
  readonly hostname: string
  /** The mesh's namespace of all services; absent = each one's Nomad namespace. */
  readonly namespace?: string
  /** The service port where the service's tags don't say one. */
  readonly port?: number
  readonly protocol?: Protocol
  /** Whether the results of Nomad's own checks count. */
  readonly checks: boolean
  /** The shortest time between two questions for one allocation's checks, ms. */
  readonly checkInterval: number
  readonly locality: NomadLocality
}

/** Where region, zone and subzone come from: `region`, `datacenter`, `node.name`, `node.class`, `node.pool`, `meta.KEY`. */
export interface NomadLocality {
  readonly region: string
  readonly zone: string
  readonly subzone?: string
}

export const HOSTNAME_FIELDS = ['service', 'namespace', 'datacenter', 'region'] as const
const LOCALITY = /^(?:region|datacenter|node\.(?:name|class|pool)|meta\..+)$/

export const nomadKind: RegistryKind<NomadSettings> = {
  kind: 'nomad',
  fields: [
    ...nomadConnectionFields,
    ...['namespaces', 'hostname', 'namespace', 'port', 'protocol', 'checks', 'checkInterval', 'locality'],
  ],
  flag: (address) => ({ address }),
  read(fields, name, context) {
    const { reader, path } = context
    const connection = readNomadConnection(fields, context)
    if (!connection) return undefined
    const at = (field: string) => [...path, field]
    const namespace = readText(reader, fields.namespace, at('namespace'))
    const port = readPort(reader, fields.port, at('port'))
    const protocol = readProtocol(fields, context)
    return {
      kind: 'nomad',
      name: name ?? `nomad/${nomadConnectionName(connection)}`,
      connection,
      namespaces: readNamespaces(fields, context),
      hostname: readHostname(fields, context),
      ...(namespace === undefined ? {} : { namespace }),
      ...(port === undefined ? {} : { port }),
      ...(protocol === undefined ? {} : { protocol }),
      checks: readFlag(reader, fields.checks, at('checks')) ?? true,
      checkInterval: readDuration(reader, fields.checkInterval, at('checkInterval')) ?? 5000,
      locality: readLocality(fields, context),
    }
  },
}

function readNamespaces(fields: Fields, { reader, path, env }: EntryContext): readonly string[] {
  const given = readTexts(reader, fields.namespaces, [...path, 'namespaces'])
  if (given.length > 0) return given.includes('*') ? ['*'] : [...new Set(given)]
  return [env.NOMAD_NAMESPACE || '*']
}

function readHostname(fields: Fields, { reader, path }: EntryContext): string {
  const preset = '{service}.{namespace}.nomad'
  const at = [...path, 'hostname']
  const template = readText(reader, fields.hostname, at) ?? preset
  const problem = templateProblem(template, HOSTNAME_FIELDS)
  if (problem === undefined) return template
  return complain(reader, at, `${at.join('.')}: ${problem}`, `Write it as ${preset}.`) ?? preset
}

function readProtocol(fields: Fields, { reader, path }: EntryContext): Protocol | undefined {
  const at = [...path, 'protocol']
  const text = readText(reader, fields.protocol, at)
  if (text === undefined) return undefined
  const hint = "Use one of Istio's protocols, such as HTTP, GRPC or TCP."
  return parseProtocol(text) ?? complain(reader, at, `${at.join('.')} is "${text}"`, hint)
}

function readLocality(fields: Fields, { reader, path }: EntryContext): NomadLocality {
  const at = [...path, 'locality']
  const locality = readMap(reader, fields.locality, at, ['region', 'zone', 'subzone'])
  const part = (name: string) => {
    const text = readText(reader, locality[name], [...at, name])
    if (text === undefined || LOCALITY.test(text)) return text
    const hint = 'Use region, datacenter, node.name, node.class, node.pool or meta.KEY.'
    return complain(reader, [...at, name], `${[...at, name].join('.')} is "${text}"`, hint)
  }
  const subzone = part('subzone')
  return {
    region: part('region') ?? 'region',
    zone: part('zone') ?? 'datacenter',
    ...(subzone === undefined ? {} : { subzone }),
  }
}
