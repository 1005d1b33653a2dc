/** The ports that a workload itself answers: from the services that have an endpoint at its address, or its Sidecar resource. */
import type { SidecarIngress } from '#model/config.ts'
import type { MeshEndpoint, ServiceAttributes } from '#model/mesh.ts'
import type { Protocol, ServicePort } from '#model/service.ts'
import type { MeshIndex } from './mesh-index.ts'
import { parseSocket } from './node.ts'
import { compareAge, compareText, type SidecarConfig, toProtocol } from './scope.ts'
import type { InboundConflict, InboundPort, InboundView, Sidecar } from './view.ts'

/** What the inbound view depends on, of the sidecar. */
export type InboundTraits = Pick<Sidecar, 'type' | 'mode' | 'ips' | 'namespace' | 'network' | 'outbound'>

export function inboundView(
  index: MeshIndex,
  traits: InboundTraits,
  config: SidecarConfig | undefined,
): InboundView {
  const found = traits.type === 'router' ? [] : portsAt(index, traits)
  const own = found.filter(({ service }) => isOf(service, traits.namespace))
  const ingress = config?.spec.ingress ?? []
  const wanted =
    ingress.length > 0 && config
      ? ingress.map((each) => fromIngress(each, config, traits, own))
      : own.map((each) => fromService(each, traits, config))
  const { ports, conflicts: unsettled } = settle(wanted, traits)
  const foreign = found.filter(({ service }) => !isOf(service, traits.namespace))
  const conflicts = [...unsettled, ...(ingress.length > 0 ? [] : foreign.map(outsider))]
  return {
    mode: traits.mode,
    ips: traits.ips,
    ports,
    ...(conflicts.length > 0 && { conflicts }),
    ...(config && { config }),
  }
}

interface OwnPort {
  readonly ip: string
  readonly service: ServiceAttributes
  readonly servicePort: ServicePort
  /** Where the endpoint listens. */
  readonly port: number
}

/** A service that several registries report may be of several namespaces: each of them is its own. */
const isOf = ({ namespace: first, namespaces }: ServiceAttributes, namespace: string): boolean =>
  first === namespace || (namespaces?.includes(namespace) ?? false)

/** As in Istio's GetProxyServiceTargets, only the sidecar's own namespace opens ports here. */
const outsider = ({ port, service }: OwnPort): InboundConflict => ({
  port,
  service: service.key,
  reason: 'namespace',
})

/**
 * Ports of all services with an endpoint at one of the sidecar's addresses. Health does not matter: a draining workload
 * still answers. Addresses of other networks may coincide with ours and don't count.
 */
function portsAt(index: MeshIndex, { ips, network }: InboundTraits): readonly OwnPort[] {
  const found: OwnPort[] = []
  for (const ip of ips)
    for (const [key, endpoints] of index.at(ip)) {
      const service = index.snapshot.services.get(key)?.attributes
      if (service === undefined) continue
      for (const endpoint of endpoints)
        if (sameNetwork(endpoint, network)) found.push(...portsOf(ip, service, endpoint))
    }
  return found.sort(
    (a, b) =>
      a.port - b.port || compareAge(a.service, b.service) || compareText(a.service.key, b.service.key),
  )
}

const sameNetwork = (endpoint: MeshEndpoint, network: string): boolean =>
  endpoint.network === '' || network === '' || endpoint.network === network

const portsOf = (ip: string, service: ServiceAttributes, endpoint: MeshEndpoint): OwnPort[] =>
  service.ports
    .filter(({ name, protocol }) => protocol !== 'UDP' && endpoint.ports[name] !== 0)
    .map((servicePort) => ({
      ip,
      service,
      servicePort,
      port: endpoint.ports[servicePort.name] ?? servicePort.targetPort ?? servicePort.port,
    }))

function fromService(own: OwnPort, { mode }: InboundTraits, config: SidecarConfig | undefined): InboundPort {
  const bound = mode === 'explicit'
  return {
    service: own.service,
    servicePort: own.servicePort,
    port: own.port,
    protocol: own.servicePort.protocol,
    bindToPort: bound,
    ...(bound && { bind: own.ip, target: { address: '127.0.0.1', port: own.port } }),
    ...(config?.spec.inboundConnectionPool && { connectionPool: config.spec.inboundConnectionPool }),
  }
}

/** A Sidecar resource's ingress stands for itself; the service it belongs to, if one is known, lends its name. */
function fromIngress(
  ingress: SidecarIngress,
  config: SidecarConfig,
  { mode, ips, namespace }: InboundTraits,
  own: readonly OwnPort[],
): InboundPort {
  const { number, name } = ingress.port
  const protocol = toProtocol(ingress.port.protocol)
  const captured: Protocol = protocol === 'HTTP_PROXY' ? 'HTTP' : protocol
  const capture = ingress.captureMode ?? 'DEFAULT'
  const bindToPort = capture === 'NONE' || (capture === 'DEFAULT' && mode === 'explicit')
  const owner = own.find(({ port }) => port === number)
  const bind = ingress.bind || (bindToPort ? (ips[0] ?? '0.0.0.0') : undefined)
  const target = ingressTarget(ingress.defaultEndpoint, ips) ?? (bindToPort ? loopback(number) : undefined)
  const connectionPool = ingress.connectionPool ?? config.spec.inboundConnectionPool
  return {
    service: owner?.service ?? standIn(config, namespace),
    servicePort: owner?.servicePort ?? { name, port: number, protocol: captured },
    port: number,
    protocol: captured,
    bindToPort,
    ...(bind && { bind }),
    ...(target && { target }),
    ...(connectionPool && { connectionPool }),
  }
}

const loopback = (port: number) => ({ address: '127.0.0.1', port })

/** `IP:PORT` (any address = the workload's own) or `unix://…`; validation has refused anything else. */
function ingressTarget(endpoint: string | undefined, ips: readonly string[]): InboundPort['target'] {
  if (endpoint === undefined || endpoint === '') return undefined
  if (endpoint.startsWith('unix://')) return { address: endpoint, port: 0 }
  const socket = parseSocket(endpoint)
  if (socket === undefined) return undefined
  const wildcard = socket.address === '0.0.0.0' || socket.address === '::'
  return { address: wildcard ? (ips[0] ?? '127.0.0.1') : socket.address, port: socket.port }
}

/** One object for each resource and namespace, since it is a cache key further on. */
const standIns = new WeakMap<SidecarConfig, Map<string, ServiceAttributes>>()

/** Istio names an ingress without a service `name.namespace` of the Sidecar resource. */
function standIn(config: SidecarConfig, namespace: string): ServiceAttributes {
  const known = standIns.get(config) ?? new Map<string, ServiceAttributes>()
  standIns.set(config, known)
  const hostname = `${config.name}.${namespace}`
  const made = known.get(namespace) ?? {
    key: `${namespace}/${hostname}`,
    hostname,
    namespace,
    ports: [],
    addresses: [],
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    exportTo: ['~'],
    subjectAltNames: [],
    labels: {},
    headless: false,
    aliases: [],
    ...(config.createdAt && { createdAt: config.createdAt }),
    origins: [config.origin],
  }
  known.set(namespace, made)
  return made
}

/**
 * One port for each (bind, port): the first wins, which is the oldest service's; a listener never targets itself, nor takes
 * the socket of the explicit proxy.
 */
function settle(
  wanted: readonly InboundPort[],
  { mode, outbound }: InboundTraits,
): {
  readonly ports: readonly InboundPort[]
  readonly conflicts: readonly InboundConflict[]
} {
  const taken = new Map<string, InboundPort>()
  const conflicts: InboundConflict[] = []
  for (const each of wanted) {
    const socket = `${each.bind ?? ''}|${each.port}`
    const winner = taken.get(socket)
    const service = each.service.key
    const loop = each.bind === each.target?.address && each.port === each.target?.port
    const proxy = mode === 'explicit' && each.bind === outbound.address && each.port === outbound.port
    if (each.bindToPort && (loop || proxy)) conflicts.push({ port: each.port, service, reason: 'self' })
    else if (winner === undefined) taken.set(socket, each)
    else if (winner.service.key !== service)
      conflicts.push({ port: each.port, service, reason: 'taken', winner: winner.service.key })
  }
  return { ports: [...taken.values()], conflicts }
}

/** Would the sidecar get the same? Then the view stays the same object. */
export const sameInbound = (a: InboundView, b: InboundView): boolean =>
  a.config === b.config &&
  samePorts(a.ports, b.ports) &&
  sameList(a.conflicts ?? [], b.conflicts ?? [], sameConflict)

export const samePorts = (a: readonly InboundPort[], b: readonly InboundPort[]): boolean =>
  sameList(a, b, samePort)

/** Equal for ports that may be the same: a key to look for them, not a proof. */
export const portsKey = (ports: readonly InboundPort[]): string =>
  JSON.stringify(
    ports.map((each) => [each.service.key, each.servicePort.name, each.port, each.bind, each.target]),
  )

const samePort = (a: InboundPort, b: InboundPort): boolean =>
  a.service === b.service &&
  a.servicePort.name === b.servicePort.name &&
  a.port === b.port &&
  a.protocol === b.protocol &&
  a.bind === b.bind &&
  a.bindToPort === b.bindToPort &&
  a.target?.address === b.target?.address &&
  a.target?.port === b.target?.port &&
  a.connectionPool === b.connectionPool

const sameConflict = (a: InboundConflict, b: InboundConflict): boolean =>
  a.port === b.port && a.service === b.service && a.reason === b.reason && a.winner === b.winner

const sameList = <T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean =>
  a.length === b.length && a.every((each, i) => same(each, b[i]!))
