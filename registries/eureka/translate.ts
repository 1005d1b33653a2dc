/** Instances to services, pure. A service is a hostname: of each vip that its instances stand under, or of their app. */
import { isIP } from 'node:net'
import { parseProtocol } from '#model/protocol.ts'
import type { Endpoint, Health, Locality, Protocol, Service, ServicePort } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { compileHostname, isHostname } from '../hostname.ts'
import { labelsOfMeta } from '../labels.ts'
import { portOfText, servicePort, servicePortNumber } from '../service-port.ts'
import type { Instance, InstanceFacts } from './wire.ts'

export type Secure = 'auto' | 'always' | 'never'
export type HostnameField = 'vip' | 'app' | 'zone'
export const HOSTNAME_FIELDS: readonly HostnameField[] = ['vip', 'app', 'zone']

export interface TranslateSettings {
  readonly name: string
  readonly namespace: string
  /** `{vip}`, `{app}`, `{zone}` */
  readonly hostname: string
  readonly preferIpAddress: boolean
  readonly secure: Secure
  /** Where an instance's metadata has no `protocol`; AUTO is detected. */
  readonly protocol: Protocol
  /** The port that clients call, where metadata has no `port`. */
  readonly port?: number
  /** Of zones that don't say theirs. */
  readonly region: string
}

/** Which of an instance's ports a hostname stands for: a secure vip that differs is for the secure port only. */
export interface Membership {
  readonly plain: boolean
  readonly secure: boolean
}

export interface Translate {
  /** The hostnames an instance is found under; empty: none can be made of what it says. */
  hostnames(facts: InstanceFacts): ReadonlyMap<string, Membership>
  /** Why an instance gives no endpoint; undefined: it gives one. */
  problem(facts: InstanceFacts): string | undefined
  /** undefined: no instance of it can be called. `expired`: keys of those whose lease ran out long ago. */
  service(hostname: string, instances: readonly Instance[], expired: ReadonlySet<string>): Service | undefined
}

export function createTranslate(settings: TranslateSettings): Translate {
  const hostnameOf = compileHostname<HostnameField>(settings.hostname)
  const byVip = settings.hostname.includes('{vip}')

  function hostnames(facts: InstanceFacts): ReadonlyMap<string, Membership> {
    const found = new Map<string, Membership>()
    const add = (vip: string, plain: boolean, secure: boolean) => {
      const zone = localityOf(facts, settings.region)?.zone ?? 'default'
      const host = hostnameOf({ vip, app: facts.app, zone })
      const before = host === undefined ? undefined : found.get(host)
      if (host !== undefined)
        found.set(host, { plain: plain || before?.plain === true, secure: secure || before?.secure === true })
    }
    // An instance that names no vip is found by its app, as Ribbon and Spring do.
    const vips = byVip && facts.vips.length + facts.secureVips.length > 0 ? facts.vips : [facts.app]
    const same = !byVip || facts.secureVips.length === 0
    for (const vip of vips) add(vip, true, same)
    if (byVip) for (const vip of facts.secureVips) add(vip, false, true)
    return found
  }

  function service(hostname: string, all: readonly Instance[], expired: ReadonlySet<string>) {
    const instances = all
      .map((instance) => ({
        instance,
        ports: portsOf(instance.facts, hostnames(instance.facts).get(hostname)),
      }))
      .filter(({ instance, ports }) => ports !== undefined && addressOf(instance.facts) !== undefined)
      .sort((a, b) => (a.instance.key < b.instance.key ? -1 : 1)) as Member[]
    if (instances.length === 0) return undefined
    const ports = servicePorts(instances, settings)
    // A lease that ran out may be a network's fault; believed of some while their siblings go on renewing.
    const dead = instances.filter(({ instance }) => expired.has(instance.key)).length * 2 <= instances.length
    const endpoints = instances.map((member) =>
      endpointOf(member, ports, dead && expired.has(member.instance.key)),
    )
    const built: Service = {
      hostname,
      namespace: settings.namespace,
      ports,
      addresses: [],
      resolution: endpoints.every(({ address }) => isIP(address) !== 0) ? 'STATIC' : 'DNS',
      location: 'MESH_INTERNAL',
      exportTo: ['*'],
      subjectAltNames: [],
      labels: {},
      headless: false,
      endpoints,
      origin: { source: settings.name, object: `Application/${instances[0]!.instance.facts.app}` },
    }
    return built
  }

  function addressOf(facts: InstanceFacts): string | undefined {
    const [first, second] = settings.preferIpAddress
      ? [facts.ipAddr, facts.hostName]
      : [facts.hostName, facts.ipAddr]
    const callable = (address: string) => isIP(address) !== 0 && address !== '0.0.0.0' && address !== '::'
    if (callable(first)) return canonicalAddress(first)
    if (!settings.preferIpAddress && isHostname(first) && isIP(first) === 0) return first.toLowerCase()
    return callable(second) ? canonicalAddress(second) : undefined
  }

  function portsOf(facts: InstanceFacts, membership: Membership | undefined): Ports | undefined {
    if (!membership) return undefined
    const secure = settings.secure === 'never' || !membership.secure ? undefined : facts.securePort
    const plain = settings.secure === 'always' || !membership.plain ? undefined : facts.port
    return plain === undefined && secure === undefined ? undefined : { plain, secure }
  }

  function endpointOf({ instance, ports }: Member, offered: readonly ServicePort[], dead: boolean): Endpoint {
    const { facts } = instance
    const locality = localityOf(facts, settings.region)
    return {
      address: addressOf(facts)!,
      // 0: this one does not answer at a port of its service.
      ports: Object.fromEntries(
        offered.map(({ name }) => [name, (name === SECURE ? ports.secure : ports.plain) ?? 0]),
      ),
      health: dead ? 'UNHEALTHY' : healthOf(facts),
      weight: weightOf(facts.metadata.weight),
      ...(locality ? { locality } : {}),
      labels: labelsOfMeta(facts.metadata),
      network: '',
      serviceAccount: '',
      workload: facts.id,
      registry: settings.name,
      origin: { source: settings.name, object: `Instance/${instance.key}` },
    }
  }

  function problem(facts: InstanceFacts): string | undefined {
    if (addressOf(facts) === undefined) {
      const said = `ipAddr ${JSON.stringify(facts.ipAddr)}, hostName ${JSON.stringify(facts.hostName)}`
      return `it has no address that can be called (${said})`
    }
    const found = hostnames(facts)
    if (found.size === 0) return `its names make no DNS name (${[...facts.vips, facts.app].join(', ')})`
    const called = [...found.values()].some((membership) => portsOf(facts, membership) !== undefined)
    return called ? undefined : 'none of its ports is enabled'
  }

  return { hostnames, problem, service }
}

interface Ports {
  readonly plain: number | undefined
  readonly secure: number | undefined
}
interface Member {
  readonly instance: Instance
  readonly ports: Ports
}

/** Name of the port that speaks TLS. */
const SECURE = 'https'

function servicePorts(members: readonly Member[], settings: TranslateSettings): readonly ServicePort[] {
  const said = <T>(read: (metadata: InstanceFacts['metadata']) => T | undefined): T | undefined => {
    for (const { instance } of members) {
      const value = read(instance.facts.metadata)
      if (value !== undefined) return value
    }
    return undefined
  }
  const numbers = (of: keyof Ports) => members.flatMap(({ ports }) => ports[of] ?? [])
  const ports: ServicePort[] = []
  const plain = numbers('plain')
  if (plain.length > 0) {
    const number = servicePortNumber(plain, said(({ port }) => portOfText(port)) ?? settings.port)
    const named = said(({ protocol }) => (protocol ? parseProtocol(protocol) : undefined))
    const port = servicePort(number, named ?? settings.protocol)
    // A plain port that speaks HTTPS by its metadata keeps a name of its own.
    ports.push(port.name === SECURE ? { ...port, name: 'https-plain' } : port)
  }
  const secure = numbers('secure')
  if (secure.length > 0) {
    const free = (number: number) => ports.every(({ port }) => port !== number)
    const number = [servicePortNumber(secure), 443, 8443].find(free)!
    ports.push({ name: SECURE, port: number, protocol: 'HTTPS' })
  }
  return ports
}

/** The server gives the status that counts, overrides included; one that does not is corrected downwards. */
function healthOf({ status, override }: InstanceFacts): Health {
  switch (status === 'UP' && override !== '' ? override : status) {
    case 'UP':
      return 'HEALTHY'
    case 'OUT_OF_SERVICE':
      return 'DRAINING'
    default:
      return 'UNHEALTHY'
  }
}

/** Spring's `zone` (and `region`) in metadata, or Amazon's availability zone, whose last letter is not the region's. */
export function localityOf(facts: InstanceFacts, region: string): Locality | undefined {
  const { metadata, amazonZone } = facts
  const zone = metadata.zone || amazonZone
  if (!zone) return undefined
  const parts = zone.split('/')
  if (parts.length > 1) return { region: parts[0]!, zone: parts[1]!, subzone: parts.slice(2).join('/') }
  const amazonRegion = zone === amazonZone ? /^([a-z]+(?:-[a-z]+)+-\d+)[a-z]$/.exec(zone)?.[1] : undefined
  return { region: metadata.region || amazonRegion || region, zone, subzone: '' }
}

/** A whole share, at least 1; what is no number is 1. */
function weightOf(text: string | undefined): number {
  const weight = text === undefined || text.trim() === '' ? 1 : Math.round(Number(text))
  return weight >= 1 ? Math.min(weight, 65_535) : 1
}
