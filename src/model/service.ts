/**
 * What registries report: services, their ports and their endpoints. Names and meanings are those of Istio's
 * ServiceEntry and WorkloadEntry (https://istio.io/latest/docs/reference/config/networking/service-entry/).
 */
import type { Origin } from './origin.ts'

export type Labels = Readonly<Record<string, string>>

/** Application protocols as Istio names them; `AUTO` is detected from the first bytes (Istio: unset or unsupported). */
export type Protocol =
  | 'HTTP'
  | 'HTTP2'
  | 'GRPC'
  | 'GRPC-Web'
  | 'HTTPS'
  | 'TLS'
  | 'TCP'
  | 'Mongo'
  | 'MySQL'
  | 'Redis'
  | 'UDP'
  | 'AUTO'

export interface ServicePort {
  /** Unique within its service. */
  readonly name: string
  /** The port that clients call, 1 to 65535. */
  readonly port: number
  readonly protocol: Protocol
  /** Where endpoints listen when they don't say so by port name; `port` if absent. */
  readonly targetPort?: number
}

/** Istio's ServiceEntry.Resolution: how a proxy finds the addresses of the service's endpoints. */
export type Resolution = 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS'
export type Location = 'MESH_EXTERNAL' | 'MESH_INTERNAL'

/** DEGRADED takes traffic only after the healthy ones, UNHEALTHY never, DRAINING no new requests. */
export type Health = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY' | 'DRAINING'

export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/** One address at which (a part of) a service answers. */
export interface Endpoint {
  /** IPv4, IPv6 (no brackets), a DNS name (resolution DNS*) or `unix:///path`. */
  readonly address: string
  /** Port by service port name, where it differs from the service port's targetPort. */
  readonly ports: Readonly<Record<string, number>>
  readonly health: Health
  /** Relative share of traffic, at least 1; 1 is the default. */
  readonly weight: number
  readonly locality?: Locality
  readonly labels: Labels
  /** '' is "the proxy's own network". */
  readonly network: string
  readonly serviceAccount: string
  /** Name of the workload (WorkloadEntry, pod, instance id); '' where the registry knows none. */
  readonly workload: string
  /** The registry that reported it: `Registry.name`. */
  readonly registry: string
  readonly origin: Origin
}

/** A service as one registry reports it. */
export interface Service {
  /** Lower case, e.g. `orders.default.svc.cluster.local`; may start with `*.` (resolution NONE or DYNAMIC_DNS). */
  readonly hostname: string
  readonly namespace: string
  /** Where a registry may have several services of one hostname and namespace: what tells them apart (ServiceEntry's name). */
  readonly entry?: string
  readonly ports: readonly ServicePort[]
  /** Virtual IPs or CIDR blocks; empty where the service is only known by name. */
  readonly addresses: readonly string[]
  readonly resolution: Resolution
  readonly location: Location
  /** Namespaces that see it: names, `.` (its own), `*` (all), `~` (none). */
  readonly exportTo: readonly string[]
  readonly subjectAltNames: readonly string[]
  readonly labels: Labels
  /** Clients pick an endpoint's own address: no virtual IP, each endpoint is addressed by itself. */
  readonly headless: boolean
  readonly endpoints: readonly Endpoint[]
  /** Endpoints come from the workloads (of any registry, same namespace) that carry all these labels. */
  readonly selector?: Labels
  /** ISO 8601; the older of two wins a conflict. */
  readonly createdAt?: string
  readonly origin: Origin
}

/** A host that services select by label (Istio: WorkloadEntry, or a pod). Its `ports` are by service port name. */
export interface Workload extends Endpoint {
  readonly namespace: string
}

/** Unique in one registry: `namespace/hostname`, or `namespace/hostname/entry`. */
export type ServiceKey = string
/** Unique in one registry: `namespace/name`. */
export type WorkloadKey = string

export const serviceKey = (service: Pick<Service, 'namespace' | 'hostname' | 'entry'>): ServiceKey =>
  `${service.namespace}/${service.hostname}${service.entry === undefined ? '' : `/${service.entry}`}`
export const workloadKey = (workload: Pick<Workload, 'namespace' | 'workload'>): WorkloadKey =>
  `${workload.namespace}/${workload.workload}`
