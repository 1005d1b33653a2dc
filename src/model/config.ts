/** Configuration objects: Istio's kinds, each validated before it gets here. */
import type { Issue, Missing, PilotError } from './issue.ts'
import type { Origin } from './origin.ts'
import type { Labels, Location, Protocol, Resolution } from './service.ts'

/** `Kind/namespace/name` */
export type ConfigKey = string

export interface ConfigObject<Kind extends string = string, Spec = unknown> {
  readonly kind: Kind
  readonly apiVersion: string
  readonly namespace: string
  readonly name: string
  readonly labels: Labels
  readonly annotations: Labels
  readonly createdAt?: string
  /** Validated and with defaults resolved as Istio's documentation says. */
  readonly spec: Spec
  /** Kubernetes-style status, where the source has one. */
  readonly status?: unknown
  /** Hash of its content: equal content, equal version. */
  readonly version: string
  readonly origin: Origin
  /** Warnings on the object as served; and, where a newer version was refused, that version's errors. */
  readonly issues: readonly Issue[]
}

export const configKey = (o: Pick<ConfigObject, 'kind' | 'namespace' | 'name'>): ConfigKey =>
  `${o.kind}/${o.namespace}/${o.name}`

/** What a configuration source says; the same shape as a registry's update. */
export type ConfigUpdate =
  /** All that is valid now; `issues` are all that is wrong now, refused objects without a last good version too. */
  | {
      readonly kind: 'full'
      readonly objects: readonly ConfigObject[]
      readonly issues: readonly Issue[]
      /** A part could not be read yet: as in the contract of registries, what is not in it stays. */
      readonly missing?: Missing
    }
  | {
      readonly kind: 'delta'
      readonly changed: readonly ConfigObject[]
      readonly removed: readonly ConfigKey[]
      readonly issues: readonly Issue[]
    }
  | { readonly kind: 'trouble'; readonly error: PilotError; readonly since: Date }

/** Istio ServiceEntry (https://istio.io/latest/docs/reference/config/networking/service-entry/). */
export interface ServiceEntrySpec {
  readonly hosts: readonly string[]
  readonly addresses: readonly string[]
  readonly ports: readonly ServiceEntryPort[]
  readonly location: Location
  readonly resolution: Resolution
  readonly endpoints: readonly WorkloadEntrySpec[]
  readonly workloadSelector?: { readonly labels: Labels }
  readonly exportTo: readonly string[]
  readonly subjectAltNames: readonly string[]
}
export interface ServiceEntryPort {
  readonly number: number
  readonly name: string
  readonly protocol: Protocol
  readonly targetPort?: number
}
/** Istio WorkloadEntry (https://istio.io/latest/docs/reference/config/networking/workload-entry/), and inline endpoints. */
export interface WorkloadEntrySpec {
  /** '' where only a network is given. */
  readonly address: string
  readonly ports: Readonly<Record<string, number>>
  readonly labels: Labels
  readonly network: string
  /** `region/zone/subzone`, or ''. */
  readonly locality: string
  /** At least 1. */
  readonly weight: number
  readonly serviceAccount: string
}

/** Istio Sidecar (https://istio.io/latest/docs/reference/config/networking/sidecar/), the fields that are served. */
export interface SidecarSpec {
  readonly workloadSelector?: { readonly labels: Labels }
  readonly egress?: readonly SidecarEgress[]
  readonly ingress?: readonly SidecarIngress[]
  readonly outboundTrafficPolicy?: { readonly mode: OutboundTrafficPolicy }
  readonly inboundConnectionPool?: ConnectionPool
}
export type OutboundTrafficPolicy = 'ALLOW_ANY' | 'REGISTRY_ONLY'
export type CaptureMode = 'DEFAULT' | 'IPTABLES' | 'NONE'
export interface SidecarPort {
  readonly number: number
  readonly protocol: string
  readonly name: string
}
export interface SidecarEgress {
  readonly port?: SidecarPort
  readonly bind?: string
  readonly captureMode?: CaptureMode
  /** `namespace/host`; namespace may be `*`, `.` or `~`. */
  readonly hosts: readonly string[]
}
export interface SidecarIngress {
  readonly port: SidecarPort
  readonly bind?: string
  readonly captureMode?: CaptureMode
  /** `127.0.0.1:PORT`, `0.0.0.0:PORT` (instance IP) or `unix:///path`. */
  readonly defaultEndpoint?: string
  readonly connectionPool?: ConnectionPool
}
/** Istio ConnectionPoolSettings; durations as Istio writes them (`10s`). */
export interface ConnectionPool {
  readonly tcp?: {
    readonly maxConnections?: number
    readonly connectTimeout?: string
    readonly idleTimeout?: string
    readonly maxConnectionDuration?: string
  }
  readonly http?: {
    readonly http1MaxPendingRequests?: number
    readonly http2MaxRequests?: number
    readonly maxRequestsPerConnection?: number
    readonly maxRetries?: number
    readonly idleTimeout?: string
    readonly maxConcurrentStreams?: number
  }
}
