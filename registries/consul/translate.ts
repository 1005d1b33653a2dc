/** Consul's instances to the model. Pure. */
import { isIP } from 'node:net'
import { protocolOfPortName } from '#model/protocol.ts'
import type { Endpoint, Health, Labels, Locality, Protocol, Service, ServicePort } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { isHostname } from '../hostname.ts'
import { labelsOfMeta, labelsOfTags } from '../labels.ts'
import { portOfText, protocolOfText, servicePort, servicePortNumber } from '../service-port.ts'
import type { ConsulSettings } from './options.ts'
import { textFields, texts, type WireCheck, type WireEntry, type WireLocality } from './wire.ts'

/** What the instances of one service say, as far as it matters here. */
export interface Instance {
  /** Without `ports`, which depend on the service's. */
  readonly endpoint: Endpoint
  readonly port: number
  /** Consul 1.22's named ports; the default one is `port`. */
  readonly named: readonly { readonly name: string; readonly port: number }[]
  /** The address is a name to resolve. */
  readonly byName: boolean
  /** `port` and `protocol` of the metadata or tags: what the service's port is. */
  readonly servicePort?: number
  readonly protocol?: string
}

export type TranslateOptions = Pick<
  ConsulSettings,
  'name' | 'namespace' | 'tags' | 'port' | 'protocol' | 'taggedAddress' | 'locality'
>

/** undefined: no instance of a service that can be called (a proxy, a filtered tag, no address or port). */
export function toInstance(entry: WireEntry, options: TranslateOptions): Instance | undefined {
  const { Node, Service } = entry
  // connect-proxy, mesh-gateway, terminating-gateway, ingress-gateway, api-gateway, …
  if (Service.Kind) return undefined
  const tags = texts(Service.Tags)
  if (!isWanted(tags, options.tags)) return undefined
  const meta = textFields(Service.Meta)
  const labels: Labels = { ...labelsOfTags(tags), ...labelsOfMeta(meta) }
  const { address, port } = placeOf(entry, options.taggedAddress)
  if (address === '' || port === undefined) return undefined
  const ip = isIP(address) > 0
  if (!ip && !isHostname(address)) return undefined
  const locality = localityOf(entry, meta, options)
  const health = healthOf(entry.Checks)
  const said = portOfText(meta.port ?? labels.port)
  const protocol = meta.protocol ?? labels.protocol
  return {
    endpoint: {
      address: ip ? canonicalAddress(address) : address.toLowerCase().replace(/\.$/, ''),
      ports: {},
      health,
      weight: weightOf(entry, health),
      ...(locality && { locality }),
      labels,
      network: '',
      serviceAccount: '',
      workload: Service.ID,
      registry: options.name,
      origin: { source: options.name, object: `Service/${Service.Service}/${Service.ID}@${Node.Node}` },
    },
    port,
    named: (Service.Ports ?? []).flatMap(({ Name, Port }) =>
      typeof Name === 'string' && isPort(Port) ? [{ name: Name, port: Port }] : [],
    ),
    byName: !ip,
    ...(said !== undefined && { servicePort: said }),
    ...(protocol !== undefined && { protocol }),
  }
}

export interface Translated {
  /** undefined: nothing in it to call. */
  readonly service?: Service
  /** Instances left out because their address is a name where the others' are addresses. */
  readonly leftOut: number
}

/** One hostname's instances, of all datacenters. The order of the instances does not matter. */
export function toService(
  name: string,
  hostname: string,
  all: readonly Instance[],
  options: TranslateOptions,
): Translated {
  const byName = all.every((instance) => instance.byName)
  const instances = all
    .filter((instance) => byName || !instance.byName)
    .sort((a, b) => compare(a.endpoint.origin.object, b.endpoint.origin.object))
  const leftOut = all.length - instances.length
  if (instances.length === 0) return { leftOut }
  const ports = portsOf(instances, options)
  const endpoints = instances.map((instance) => ({ ...instance.endpoint, ports: targetsOf(instance, ports) }))
  const service: Service = {
    hostname,
    namespace: options.namespace,
    ports,
    addresses: [],
    resolution: byName ? 'DNS' : 'STATIC',
    location: 'MESH_INTERNAL',
    exportTo: ['*'],
    subjectAltNames: [],
    labels: {},
    headless: false,
    endpoints,
    origin: { source: options.name, object: `Service/${name}` },
  }
  return { service, leftOut }
}

function portsOf(instances: readonly Instance[], options: TranslateOptions): readonly ServicePort[] {
  const said = first(instances, (instance) => instance.servicePort) ?? options.port
  const number = servicePortNumber(
    instances.map((instance) => instance.port),
    said,
  )
  const protocol =
    protocolFrom(first(instances, (instance) => instance.protocol)) ??
    options.protocol ??
    protocolOfPortName(
      first(instances, ({ named, port }) => named.find((each) => each.port === port))?.name ?? '',
    )
  const main = servicePort(number, protocol)
  const others = new Map<string, ServicePort>()
  for (const { named, port } of instances)
    for (const each of named) {
      const taken = each.port === port || each.name === main.name || each.port === number
      if (!taken && !others.has(each.name))
        others.set(each.name, { name: each.name, port: each.port, protocol: protocolOfPortName(each.name) })
    }
  return [main, ...[...others.values()].sort((a, b) => compare(a.name, b.name))]
}

function protocolFrom(text: string | undefined): Protocol | undefined {
  return text === undefined ? undefined : protocolOfText(text)
}

function targetsOf(
  { port, named }: Instance,
  [main, ...others]: readonly ServicePort[],
): Record<string, number> {
  const targets: Record<string, number> = { [main!.name]: port }
  for (const { name } of others) {
    const own = named.find((each) => each.name === name)
    if (own) targets[name] = own.port
  }
  return targets
}

const isWanted = (tags: readonly string[], { include, exclude }: ConsulSettings['tags']): boolean =>
  (include.length === 0 || include.some((tag) => tags.includes(tag))) &&
  !exclude.some((tag) => tags.includes(tag))

/** The tagged address that is asked for; else the service's own; else its node's. */
function placeOf({ Node, Service }: WireEntry, tagged: string | undefined) {
  const own = isPort(Service.Port) ? Service.Port : undefined
  if (tagged !== undefined) {
    const found = Service.TaggedAddresses?.[tagged]
    if (typeof found?.Address === 'string' && found.Address !== '')
      return { address: found.Address, port: isPort(found.Port) ? found.Port : own }
    const ofNode = Node.TaggedAddresses?.[tagged]
    if (!Service.Address && typeof ofNode === 'string' && ofNode !== '') return { address: ofNode, port: own }
  }
  return { address: Service.Address || (typeof Node.Address === 'string' ? Node.Address : ''), port: own }
}

/**
 * A dead node (serfHealth) is dead, whatever else is said of it; then maintenance; then the worst of the checks.
 * https://developer.hashicorp.com/consul/api-docs/agent/service#enable-maintenance-mode
 */
export function healthOf(checks: readonly WireCheck[]): Health {
  let worst: Health = 'HEALTHY'
  let maintenance = false
  for (const { CheckID = '', Status } of checks) {
    if (Status === 'critical') {
      if (CheckID === 'serfHealth') return 'UNHEALTHY'
      if (isMaintenance(CheckID)) maintenance = true
      else worst = 'UNHEALTHY'
    } else if (Status === 'warning' && worst === 'HEALTHY') worst = 'DEGRADED'
  }
  return maintenance ? 'DRAINING' : worst
}

const isMaintenance = (id: string): boolean =>
  id === '_node_maintenance' || id.startsWith('_service_maintenance:')

function weightOf({ Service: { Weights } }: WireEntry, health: Health): number {
  const weight = health === 'DEGRADED' ? Weights?.Warning : Weights?.Passing
  return typeof weight === 'number' && Number.isFinite(weight) ? Math.max(1, Math.trunc(weight)) : 1
}

/** Metadata of the service, then of its node; then Consul's own Locality of either. */
function localityOf(
  { Node, Service }: WireEntry,
  meta: Labels,
  { locality: keys }: TranslateOptions,
): Locality | undefined {
  const ofNode = textFields(Node.Meta)
  const own = ownLocality(Service.Locality) ?? ownLocality(Node.Locality)
  const pick = (key: keyof Locality) => meta[keys[key]] ?? ofNode[keys[key]]
  const region = pick('region') ?? own?.region ?? ''
  const zone = pick('zone') ?? own?.zone ?? ''
  const subzone = pick('subzone') ?? ''
  return region || zone || subzone ? { region, zone, subzone } : undefined
}

function ownLocality(locality: WireLocality | null | undefined) {
  const region = typeof locality?.Region === 'string' ? locality.Region : ''
  const zone = typeof locality?.Zone === 'string' ? locality.Zone : ''
  return region || zone ? { region, zone } : undefined
}

const isPort = (port: unknown): port is number =>
  typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535

function first<T, V>(values: readonly T[], pick: (value: T) => V | undefined): V | undefined {
  for (const value of values) {
    const found = pick(value)
    if (found !== undefined) return found
  }
  return undefined
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
