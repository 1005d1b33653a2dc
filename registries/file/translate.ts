/** Istio's ServiceEntry and WorkloadEntry to the model, as istio/istio serviceentry/conversion.go has it. Pure. */
import type { ConfigObject, ServiceEntrySpec, WorkloadEntrySpec } from '#model/config.ts'
import type { Origin } from '#model/origin.ts'
import type { Endpoint, Health, Labels, Locality, Service, ServicePort, Workload } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { HEALTH_KEY, healthOf } from '../health.ts'

/** Istio's locality label; dots stand for slashes, which a label can't have. */
const LOCALITY_LABEL = 'istio-locality'

/** Kubernetes' own label of what belongs to a headless Service. */
const HEADLESS_KEY = 'service.kubernetes.io/headless'

/** One service for each host. Others of the same host are other services: the merge unites them. */
export function toServices(entry: ConfigObject<string, ServiceEntrySpec>, registry: string): Service[] {
  const { spec } = entry
  const origin: Origin = { ...entry.origin, source: registry }
  const ports = spec.ports.map(toPort)
  return [...new Set(spec.hosts.map(toHostname))].map((hostname) => ({
    hostname,
    namespace: entry.namespace,
    entry: entry.name,
    ports,
    addresses: spec.addresses.map(toAddress),
    resolution: spec.resolution,
    location: spec.location,
    exportTo: spec.exportTo,
    subjectAltNames: spec.subjectAltNames,
    labels: entry.labels,
    headless: HEADLESS_KEY in entry.labels && spec.addresses.length === 0,
    endpoints: toEndpoints(spec, hostname, registry, origin),
    ...(spec.workloadSelector ? { selector: spec.workloadSelector.labels } : {}),
    ...(entry.createdAt ? { createdAt: entry.createdAt } : {}),
    origin,
  }))
}

export function toWorkload(
  entry: ConfigObject<string, WorkloadEntrySpec>,
  registry: string,
): Workload | undefined {
  // Without an address it is only known to be in another network.
  if (!entry.spec.address) return undefined
  const health = healthOf(entry.annotations) ?? healthOf(entry.spec.labels) ?? healthOfStatus(entry.status)
  return {
    ...toEndpoint(entry.spec, registry, { ...entry.origin, source: registry }),
    health: health ?? 'HEALTHY',
    workload: entry.name,
    namespace: entry.namespace,
  }
}

function toPort(port: ServiceEntrySpec['ports'][number]): ServicePort {
  return {
    name: port.name,
    port: port.number,
    protocol: port.protocol,
    ...(port.targetPort ? { targetPort: port.targetPort } : {}),
  }
}

const toHostname = (host: string): string => host.toLowerCase().replace(/\.$/, '')
/** A block of one address is that address. */
const toAddress = (address: string): string =>
  canonicalAddress(address.replace(address.includes(':') ? /\/128$/ : /\/32$/, ''))

function toEndpoints(spec: ServiceEntrySpec, hostname: string, registry: string, origin: Origin): Endpoint[] {
  const byName = spec.resolution === 'DNS' || spec.resolution === 'DNS_ROUND_ROBIN'
  // No endpoints: the host itself is the name to resolve.
  if (byName && !spec.endpoints.length && !spec.workloadSelector) return [bare(hostname, registry, origin)]
  return spec.endpoints.filter((e) => e.address).map((e) => toEndpoint(e, registry, origin))
}

const bare = (address: string, registry: string, origin: Origin): Endpoint => ({
  // However it is written: who compares addresses compares text.
  address: canonicalAddress(address),
  ports: {},
  health: 'HEALTHY',
  weight: 1,
  labels: {},
  network: '',
  serviceAccount: '',
  workload: '',
  registry,
  origin,
})

function toEndpoint(spec: WorkloadEntrySpec, registry: string, origin: Origin): Endpoint {
  const { [HEALTH_KEY]: _health, ...labels } = spec.labels
  const locality = toLocality(spec.locality, labels)
  return {
    ...bare(spec.address, registry, origin),
    ports: spec.ports,
    health: healthOf(spec.labels) ?? 'HEALTHY',
    weight: spec.weight,
    ...(locality ? { locality } : {}),
    labels,
    network: spec.network,
    serviceAccount: spec.serviceAccount,
  }
}

/** `region/zone/subzone`; else the label, in which dots may stand for slashes. */
function toLocality(locality: string, labels: Labels): Locality | undefined {
  const label = labels[LOCALITY_LABEL] ?? ''
  const text = locality || (label.includes('/') ? label : label.replaceAll('.', '/'))
  if (!text) return undefined
  const [region = '', zone = '', subzone = ''] = text.split('/')
  return { region, zone, subzone }
}

/** Istio's health checks write the condition Healthy into a WorkloadEntry's status. */
function healthOfStatus(status: unknown): Health | undefined {
  const conditions = (status as { conditions?: unknown } | undefined)?.conditions
  if (!Array.isArray(conditions)) return undefined
  const healthy = (conditions as { type?: string; status?: string }[]).find((c) => c?.type === 'Healthy')
  return healthy?.status === 'False' ? 'UNHEALTHY' : undefined
}
