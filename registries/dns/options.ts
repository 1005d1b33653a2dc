/** Settings of the DNS registry: names, each followed as a service of its own. */
import type { EntryContext, RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import {
  complain,
  type Fields,
  type Reader,
  readAddress,
  readChoice,
  readDuration,
  readList,
  readMap,
  readPort,
  readText,
} from '#config/settings-reader.ts'
import type { Path } from '#config/yaml.ts'
import { PROTOCOLS, parseProtocol, protocolOfPortName } from '#model/protocol.ts'
import type { Labels, Location, Protocol } from '#model/service.ts'
import { isHostname } from '../hostname.ts'
import { dnsName } from './message.ts'
import { defaultAttempts, defaultTimeout } from './resolv-conf.ts'
import type { Server } from './transport.ts'

export interface DnsSettings extends RegistrySettings {
  readonly kind: 'dns'
  readonly names: readonly DnsName[]
  /** Absent: those of /etc/resolv.conf. */
  readonly servers?: readonly Server[]
  /** Of one question to one server, ms; absent: what /etc/resolv.conf says. */
  readonly timeout?: number
  /** Bounds of the TTL that answers have, ms. */
  readonly ttl: { readonly min: number; readonly max: number }
}

export interface DnsName {
  /** Lower case, without the last dot. */
  readonly name: string
  readonly type: DnsType
  /** What clients call; of SRV the lowest of its records' where absent. */
  readonly port?: number
  readonly protocol: Protocol
  readonly hostname: string
  readonly namespace: string
  readonly location: Location
  /** Of the service and of each of its endpoints. */
  readonly labels: Labels
}
export type DnsType = (typeof TYPES)[number]

const TYPES = ['A', 'AAAA', 'A+AAAA', 'SRV'] as const
const FIELDS = ['name', 'type', 'port', 'protocol', 'hostname', 'namespace', 'location', 'labels']
const defaultTtl = { min: 1_000, max: 300_000 }
/** Less would be polling. */
const LEAST_TTL = 100

export const dnsKind: RegistryKind<DnsSettings> = {
  kind: 'dns',
  fields: ['names', 'servers', 'timeout', 'namespace', 'ttl'],
  flag(value) {
    const [, name = value, port] = /^(.*):(\d+)$/.exec(value) ?? []
    return { names: [{ name, ...(port !== undefined && { port: Number(port) }) }] }
  },
  read(fields, name, context) {
    const { reader, path } = context
    const namespace = readText(reader, fields.namespace, [...path, 'namespace']) ?? 'default'
    const names = readNames(fields.names, namespace, context)
    const servers = readServers(reader, fields.servers, [...path, 'servers'])
    const timeout = readDuration(reader, fields.timeout, [...path, 'timeout'])
    const ttl = readTtl(reader, fields.ttl, [...path, 'ttl'])
    if (names.length === 0) return undefined
    const place = servers?.[0] ? `${servers[0].address}:${servers[0].port}` : names[0]!.name
    return {
      kind: 'dns',
      name: name ?? `dns/${place}`,
      names,
      ...(servers && { servers }),
      ...(timeout && { timeout }),
      ttl,
    }
  },
}

/** How the servers of the settings are asked. */
export const settledServers = ({ servers, timeout }: DnsSettings) =>
  servers && { servers, timeout: timeout ?? defaultTimeout, attempts: defaultAttempts }

function readNames(
  value: unknown,
  namespace: string,
  { reader, path: entry }: EntryContext,
): readonly DnsName[] {
  const path = [...entry, 'names']
  const before = reader.issues.length
  const names = readList(reader, value, path).flatMap(
    (item, i) => readName(reader, item, [...path, i], namespace) ?? [],
  )
  if (names.length === 0 && reader.issues.length === before)
    complain(
      reader,
      path,
      'a dns registry without names',
      'Add names: [ { name: orders.example.com, port: 80 } ].',
    )
  const keys = names.map(({ name, type }) => `${type} ${name}`)
  const twice = keys.findIndex((key, i) => keys.indexOf(key) !== i)
  if (twice >= 0)
    complain(
      reader,
      [...path, twice],
      `${names[twice]!.name} is followed twice`,
      'Remove one of the two entries.',
    )
  return names
}

function readName(reader: Reader, value: unknown, path: Path, namespace: string): DnsName | undefined {
  const fields = typeof value === 'string' ? { name: value } : readMap(reader, value, path, FIELDS)
  const given = readText(reader, fields.name, [...path, 'name'])
  if (given === undefined || !isHostname(dnsName(given)) || given.startsWith('*')) {
    const what = given === undefined ? 'a name is missing' : `"${given}" is no DNS name`
    return complain(
      reader,
      [...path, 'name'],
      what,
      'Write it whole, such as orders.example.com or _web._tcp.example.com.',
    )
  }
  const name = dnsName(given)
  const type =
    readChoice(reader, fields.type, [...path, 'type'], TYPES) ?? (name.startsWith('_') ? 'SRV' : 'A')
  const port = readPort(reader, fields.port, [...path, 'port'])
  if (port === undefined && type !== 'SRV')
    return complain(
      reader,
      [...path, 'port'],
      `${name} has no port, and ${type} records tell none`,
      `Add the port that it listens on, such as ${name}:80 or port: 80; or follow its SRV name.`,
    )
  return {
    name,
    type,
    ...(port !== undefined && { port }),
    protocol: readProtocol(reader, fields.protocol, [...path, 'protocol']) ?? protocolOfName(name),
    hostname: readHostname(reader, fields.hostname, [...path, 'hostname']) ?? hostnameOf(name),
    namespace: readText(reader, fields.namespace, [...path, 'namespace']) ?? namespace,
    location:
      readChoice(reader, fields.location, [...path, 'location'], ['MESH_INTERNAL', 'MESH_EXTERNAL']) ??
      'MESH_INTERNAL',
    labels: readLabels(reader, fields.labels, [...path, 'labels']),
  }
}

const SRV_NAME = /^_([^.]+)\._[a-z]+\.(.+)$/

/**
 * By which name clients call it. `_web._tcp.example.com` is `web.example.com`: the domain itself is most often something
 * else, and Consul's `_web._tcp.service.consul` is `web.service.consul`. In Kubernetes' SRV names the first word is a
 * port, and the rest is the service.
 */
export function hostnameOf(name: string): string {
  const [, service, domain] = SRV_NAME.exec(name) ?? []
  if (service === undefined || domain === undefined) return name
  return /^[^.]+\.[^.]+\.svc\./.test(domain) ? domain : `${service}.${domain}`
}

/** `_http._tcp.…` and `_grpc._tcp.…` say their protocol, as port names do. */
function protocolOfName(name: string): Protocol {
  const [, service] = SRV_NAME.exec(name) ?? []
  return service === undefined ? 'AUTO' : protocolOfPortName(service)
}

function readProtocol(reader: Reader, value: unknown, path: Path): Protocol | undefined {
  const text = readText(reader, value, path)
  if (text === undefined) return undefined
  return (
    parseProtocol(text) ??
    complain(reader, path, `"${text}" is no protocol`, `Use one of ${PROTOCOLS.join(', ')}.`)
  )
}

function readHostname(reader: Reader, value: unknown, path: Path): string | undefined {
  const text = readText(reader, value, path)
  if (text === undefined || (isHostname(dnsName(text)) && !text.startsWith('*'))) return text && dnsName(text)
  return complain(reader, path, `"${text}" is no hostname`, 'Use a DNS name, such as orders.example.com.')
}

function readLabels(reader: Reader, value: unknown, path: Path): Labels {
  const fields: Fields =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
  if (value !== undefined && value !== null && fields !== value)
    complain(reader, path, `${path.join('.')} must be a map of labels`, 'Write labels: { version: v1 }.')
  const entries = Object.entries(fields).map(([key, each]) => [
    key,
    readText(reader, each, [...path, key]) ?? '',
  ])
  return Object.fromEntries(entries) as Labels
}

/** `ADDRESS` or `ADDRESS:PORT`, port 53 by default. */
function readServers(reader: Reader, value: unknown, path: Path): readonly Server[] | undefined {
  const list = readList(reader, value, path)
  if (list.length === 0) return undefined
  return list.flatMap((item, i) => {
    const text = readText(reader, item, [...path, i])
    if (text === undefined) return []
    const whole = withPort(text)
    const socket = readAddress(reader, whole, [...path, i])
    if (socket === undefined) return []
    const colon = socket.lastIndexOf(':')
    const address = socket.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
    return { address, port: Number(socket.slice(colon + 1)) }
  })
}

function withPort(text: string): string {
  const colons = text.split(':').length - 1
  if (text.startsWith('[')) return text.endsWith(']') ? `${text}:53` : text
  if (colons > 1) return `[${text}]:53`
  return colons === 0 ? `${text}:53` : text
}

function readTtl(reader: Reader, value: unknown, path: Path): DnsSettings['ttl'] {
  const fields = readMap(reader, value, path, ['min', 'max'])
  const min = readDuration(reader, fields.min, [...path, 'min']) ?? defaultTtl.min
  const max = readDuration(reader, fields.max, [...path, 'max']) ?? Math.max(defaultTtl.max, min)
  if (min >= LEAST_TTL && max >= min) return { min, max }
  complain(
    reader,
    path,
    min < LEAST_TTL ? `ttl.min is less than ${LEAST_TTL}ms` : 'ttl.max is less than ttl.min',
    'Write ttl: { min: 1s, max: 5m }.',
  )
  return defaultTtl
}
