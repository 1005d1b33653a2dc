/** Registrations of one Nomad service, with what is known of their allocations and nodes, to the model. Pure. */
import { isIP } from 'node:net'
import { parseProtocol } from '#model/protocol.ts'
import type { Endpoint, Health, Locality, Protocol, Service } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { compileHostname } from '../hostname.ts'
import { labelsOfTags } from '../labels.ts'
import { portOfText, protocolOfText, servicePort, servicePortNumber } from '../service-port.ts'
import type { HOSTNAME_FIELDS, NomadSettings } from './options.ts'
import type { Allocation, CheckStatus, Node, Registration } from './wire.ts'

export interface NodeFacts extends Node {
  readonly meta?: Readonly<Record<string, string>>
}

/** What the translation asks about a registration's surroundings; undefined is "not known", which is no reason for doubt. */
export interface Surroundings {
  readonly region: string
  allocation(id: string): Allocation | undefined
  node(id: string): NodeFacts | undefined
  /** Of the service's checks in this allocation; `awaited`: nothing is known yet of a registration that is new. */
  check(alloc: string, service: string): CheckStatus | 'awaited' | undefined
}

export interface Translated {
  readonly services: readonly Service[]
  /** What can't be served, one sentence each. */
  readonly problems: readonly string[]
}

type Settings = Pick<
  NomadSettings,
  'name' | 'namespaces' | 'hostname' | 'namespace' | 'port' | 'protocol' | 'locality'
>
export type Translate = (registrations: readonly Registration[], around: Surroundings) => Translated

export function createTranslate(settings: Settings): Translate {
  const hostnameOf = compileHostname<(typeof HOSTNAME_FIELDS)[number]>(settings.hostname)
  const byDatacenter = settings.hostname.includes('{datacenter}')
  return (registrations, around) => {
    const problems: string[] = []
    const usable = registrations.filter((each) => {
      const hasPort = each.port >= 1 && each.port <= 65_535
      // Without both it is there to be known by its name: nothing to send to, nothing amiss.
      if (each.address === '') {
        if (hasPort) problems.push(`service ${shown(each)} ${NO_ADDRESS}`)
        return false
      }
      if (!hasPort) problems.push(`service ${shown(each)} has no port`)
      return hasPort
    })
    const groups = Map.groupBy(usable, (each) => (byDatacenter ? each.datacenter : ''))
    const services: Service[] = []
    for (const group of groups.values()) {
      const { service, namespace, datacenter } = group[0]!
      const hostname = hostnameOf({ service, namespace, datacenter, region: around.region })
      if (hostname === undefined) problems.push(`service ${shown(group[0]!)} makes no DNS name`)
      else services.push(toService(hostname, group, settings, around))
    }
    return { services, problems }
  }
}

/** Nomad leaves it to Consul's agent to be the address of such a one; alone it registers none. */
const NO_ADDRESS =
  'has a port but no address: with a number as its port, say address_mode = "alloc" or an address; else name a port of its network'

const shown = ({ namespace, service }: Registration) => `${namespace}/${JSON.stringify(service).slice(1, -1)}`

function toService(
  hostname: string,
  group: readonly Registration[],
  settings: Settings,
  around: Surroundings,
): Service {
  const sorted = group.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const { service, namespace } = sorted[0]!
  const port = servicePort(
    servicePortNumber(
      sorted.map((each) => each.port),
      firstOf(sorted, (each) => portOfText(tagOf(each, 'port'))) ?? settings.port,
    ),
    protocolOf(sorted) ?? settings.protocol ?? 'AUTO',
  )
  const endpoints = sorted.map((each) => toEndpoint(each, port.name, settings, around))
  const entry = entryOf(service, namespace, settings)
  return {
    hostname,
    namespace: settings.namespace ?? namespace,
    ...(entry === undefined ? {} : { entry }),
    ports: [port],
    addresses: [],
    resolution: endpoints.every(({ address }) => isIP(address)) ? 'STATIC' : 'DNS',
    location: 'MESH_INTERNAL',
    exportTo: ['*'],
    subjectAltNames: [],
    labels: {},
    headless: false,
    endpoints: spareLast(endpoints, sorted, around),
    origin: { source: settings.name, object: `Service/${namespace}/${service}` },
  }
}

/** Where several of Nomad's services have one hostname and namespace in the mesh. */
function entryOf(service: string, namespace: string, settings: Settings): string | undefined {
  const mixed = settings.namespace !== undefined && !settings.hostname.includes('{namespace}')
  const parts = [
    ...(mixed ? [namespace] : []),
    ...(service !== service.toLowerCase() || !settings.hostname.includes('{service}') ? [service] : []),
  ]
  return parts.length > 0 ? parts.join('/') : undefined
}

function toEndpoint(
  registration: Registration,
  portName: string,
  settings: Settings,
  around: Surroundings,
): Endpoint {
  const { address, port, tags, job, alloc, node, namespace, service } = registration
  const facts = around.node(node)
  return {
    address: canonicalAddress(address),
    ports: { [portName]: port },
    health: healthOf(registration, around),
    weight: weightOf(tagOf(registration, 'weight')),
    locality: localityOf(registration, facts, settings, around.region),
    labels: { ...labelsOfTags(tags), ...(job === '' ? {} : { 'nomad.job': job }) },
    network: '',
    serviceAccount: '',
    workload: alloc,
    registry: settings.name,
    origin: {
      source: settings.name,
      object: `Service/${namespace}/${service}/${alloc.slice(0, 8)}@${facts?.name || node.slice(0, 8)}`,
    },
  }
}

/** An allocation that is about to stop drains; one that Nomad has lost sight of is taken only where no other is left. */
function healthOf({ alloc, node, service }: Registration, around: Surroundings): Health {
  const allocation = around.allocation(alloc)
  const check = around.check(alloc, service)
  if (allocation) {
    const { client, desired, migrate, healthy } = allocation
    if (desired !== 'run' || migrate) return 'DRAINING'
    if (client === 'pending' || client === 'failed' || client === 'lost' || client === 'complete')
      return 'UNHEALTHY'
    // Its deployment's word is old once the checks have spoken.
    if (healthy === false && check !== 'success') return 'UNHEALTHY'
  }
  if (check === 'failure' || check === 'pending' || check === 'awaited') return 'UNHEALTHY'
  const status = around.node(node)?.status
  return allocation?.client === 'unknown' || status === 'disconnected' || status === 'down'
    ? 'DEGRADED'
    : 'HEALTHY'
}

/**
 * A node that drains takes no new requests where another endpoint does. Nomad stops its allocations one after the
 * other, with a replacement; until then, those of a service that is on draining nodes only are all there is.
 */
function spareLast(
  endpoints: readonly Endpoint[],
  registrations: readonly Registration[],
  around: Surroundings,
): readonly Endpoint[] {
  const draining = registrations.map(({ node }) => around.node(node)?.drain === true)
  if (!draining.includes(true)) return endpoints
  const others = endpoints.some(({ health }, i) => health === 'HEALTHY' && !draining[i])
  if (!others) return endpoints
  return endpoints.map((endpoint, i) =>
    draining[i] && (endpoint.health === 'HEALTHY' || endpoint.health === 'DEGRADED')
      ? { ...endpoint, health: 'DRAINING' }
      : endpoint,
  )
}

/** Of a tag `key=value`. */
function tagOf({ tags }: Registration, key: string): string | undefined {
  const prefix = `${key}=`
  return tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length)
}

function firstOf<T>(registrations: readonly Registration[], ask: (each: Registration) => T | undefined) {
  for (const each of registrations) {
    const found = ask(each)
    if (found !== undefined) return found
  }
  return undefined
}

const protocolOf = (registrations: readonly Registration[]): Protocol | undefined =>
  firstOf(registrations, (each) => {
    const said = tagOf(each, 'protocol')
    return parseProtocol(said) === undefined || said === undefined ? undefined : protocolOfText(said)
  })

function weightOf(said: string | undefined): number {
  const weight = /^\d{1,6}$/.test(said ?? '') ? Number(said) : 1
  return Math.max(1, weight)
}

function localityOf(
  { datacenter }: Registration,
  node: NodeFacts | undefined,
  { locality }: Settings,
  region: string,
): Locality {
  const part = (source: string | undefined): string => {
    switch (source) {
      case undefined:
        return ''
      case 'region':
        return region
      case 'datacenter':
        return datacenter
      case 'node.name':
        return node?.name ?? ''
      case 'node.class':
        return node?.class ?? ''
      case 'node.pool':
        return node?.pool ?? ''
      default:
        return node?.meta?.[source.slice('meta.'.length)] ?? ''
    }
  }
  return { region: part(locality.region), zone: part(locality.zone), subzone: part(locality.subzone) }
}
