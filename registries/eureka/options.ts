/** Settings of an Eureka registry, in Eureka's and Spring's own words where they have them. */
import type { EntryContext, RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import {
  complain,
  type Fields,
  readChoice,
  readDuration,
  readFlag,
  readPort,
  readText,
  readTexts,
} from '#config/settings-reader.ts'
import type { Path } from '#config/yaml.ts'
import { PROTOCOLS, parseProtocol } from '#model/protocol.ts'
import type { Protocol } from '#model/service.ts'
import { templateProblem } from '../hostname.ts'
import { type EurekaServer, eurekaServer, orderZones, splitUrls, unique } from './service-urls.ts'
import { HOSTNAME_FIELDS, type Secure, type TranslateSettings } from './translate.ts'

export interface EurekaSettings extends RegistrySettings, TranslateSettings {
  readonly kind: 'eureka'
  /** In the order to ask them; at least one. */
  readonly servers: readonly EurekaServer[]
  /** From the end of one fetch to the next, ms. */
  readonly pollInterval: number
  /** Of one request, ms. */
  readonly requestTimeout: number
  /** Full fetches only. */
  readonly disableDelta: boolean
  /** How long instances that another or restarted server does not know are kept, ms. */
  readonly holdMissing: number
  /** How long after the end of its lease an instance that its server still lists is taken for dead, ms; undefined: never. */
  readonly leaseExpiry?: number
  /** PEM files. */
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

const DEFAULT_URL = 'http://127.0.0.1:8761/eureka'
const SECURE: readonly Secure[] = ['auto', 'always', 'never']

export const eurekaKind: RegistryKind<EurekaSettings> = {
  kind: 'eureka',
  fields: [
    'serviceUrls',
    'zone',
    'preferSameZone',
    'username',
    'password',
    'pollInterval',
    'registryFetchInterval',
    'requestTimeout',
    'disableDelta',
    'holdMissing',
    'leaseExpiry',
    'hostname',
    'namespace',
    'preferIpAddress',
    'secure',
    'protocol',
    'port',
    'region',
    'caFile',
    'certFile',
    'keyFile',
  ],
  read(fields, name, context) {
    const { reader, path } = context
    const at = (field: string): Path => [...path, field]
    const servers = readServers(fields, context)
    if (servers.length === 0) return undefined
    const file = (field: string) => {
      const given = readText(reader, fields[field], at(field))
      return given === undefined ? undefined : context.fromFile(given)
    }
    return {
      kind: 'eureka',
      name: name ?? `eureka/${new URL(servers[0]!.url).host}`,
      servers,
      pollInterval: readInterval(fields, context),
      requestTimeout: readDuration(reader, fields.requestTimeout, at('requestTimeout')) || 10_000,
      disableDelta: readFlag(reader, fields.disableDelta, at('disableDelta')) ?? false,
      holdMissing: readDuration(reader, fields.holdMissing, at('holdMissing')) ?? 300_000,
      leaseExpiry: readLeaseExpiry(fields.leaseExpiry, context),
      hostname: readHostname(fields.hostname, context),
      namespace: readText(reader, fields.namespace, at('namespace')) ?? 'default',
      preferIpAddress: readFlag(reader, fields.preferIpAddress, at('preferIpAddress')) ?? true,
      secure: readChoice(reader, fields.secure, at('secure'), SECURE) ?? 'auto',
      protocol: readProtocol(fields.protocol, context),
      port: readPort(reader, fields.port, at('port')),
      region: readText(reader, fields.region, at('region')) ?? '',
      caFile: file('caFile'),
      certFile: file('certFile'),
      keyFile: file('keyFile'),
    }
  },
  flag: (url) => ({ serviceUrls: [url] }),
}

/** A list, each entry one URL or several with commas; or a map of them by zone, as Spring's `service-url`. */
function readServers(fields: Fields, context: EntryContext): readonly EurekaServer[] {
  const { reader, path, env } = context
  const own = readText(reader, fields.zone, [...path, 'zone'])
  const prefer = readFlag(reader, fields.preferSameZone, [...path, 'preferSameZone']) ?? true
  const user = readText(reader, fields.username, [...path, 'username'])
  const password = readText(reader, fields.password, [...path, 'password'])
  const credentials = user === undefined ? {} : { user, password: password ?? '' }
  const at = [...path, 'serviceUrls']
  const servers = (value: unknown, place: Path): readonly EurekaServer[] => {
    const texts =
      typeof value === 'string'
        ? [{ text: value, place }]
        : readTexts(reader, value, place).map((text, i) => ({ text, place: [...place, i] }))
    return texts
      .flatMap(({ text, place: each }) => splitUrls(text).map((url) => ({ url, place: each })))
      .flatMap(({ url, place: each }) => readServer(url, each, context) ?? [])
      .map((server) => ({ ...credentials, ...server }))
  }
  const before = reader.issues.length
  const given = fields.serviceUrls ?? env.EUREKA_SERVICE_URL ?? DEFAULT_URL
  const byZone = () => {
    const zones = Object.entries(given).map(([zone, urls]) => [zone, servers(urls, [...at, zone])] as const)
    return orderZones(new Map(zones), prefer ? own : undefined)
  }
  const found = typeof given === 'object' && !Array.isArray(given) ? byZone() : unique(servers(given, at))
  if (found.length === 0 && reader.issues.length === before)
    complain(reader, at, 'serviceUrls is empty', `Name a server, such as ${DEFAULT_URL}.`)
  return found
}

function readServer(text: string, at: Path, { reader }: EntryContext): EurekaServer | undefined {
  const server = eurekaServer(text)
  if (server) return server
  const hint = `Write it as http://HOST:PORT/eureka, such as ${DEFAULT_URL}.`
  return complain(reader, at, 'this is no URL of an Eureka server', hint)
}

/** `registryFetchInterval` is Eureka's own name for it. */
function readInterval(fields: Fields, { reader, path }: EntryContext): number {
  const field = fields.pollInterval === undefined ? 'registryFetchInterval' : 'pollInterval'
  const ms = readDuration(reader, fields[field], [...path, field]) ?? 30_000
  if (ms < 1000) complain(reader, [...path, field], `${field} is under a second`, 'Write 1s or more.')
  return ms
}

function readLeaseExpiry(value: unknown, { reader, path }: EntryContext): number | undefined {
  // YAML 1.1 reads a bare `off` as false.
  if (value === 'off' || value === false) return undefined
  return readDuration(reader, value, [...path, 'leaseExpiry']) ?? 300_000
}

function readHostname(value: unknown, { reader, path }: EntryContext): string {
  const template = readText(reader, value, [...path, 'hostname']) ?? '{vip}'
  const problem = templateProblem(template, HOSTNAME_FIELDS)
  if (problem === undefined) return template
  const message = `hostname "${template}" can't be used`
  return complain(reader, [...path, 'hostname'], message, `Correct it: ${problem}.`) ?? '{vip}'
}

function readProtocol(value: unknown, { reader, path }: EntryContext): Protocol {
  const text = readText(reader, value, [...path, 'protocol'])
  const protocol = parseProtocol(text)
  const at = [...path, 'protocol']
  if (protocol === undefined)
    complain(reader, at, `protocol is "${text}"`, `Use one of ${PROTOCOLS.join(', ')}.`)
  return protocol ?? 'AUTO'
}
