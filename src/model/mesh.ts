/** The merged model: one immutable snapshot, and what changed since the one before. */
import type { ConfigKey, ConfigObject } from './config.ts'
import type { Issue, PilotError } from './issue.ts'
import type { Origin } from './origin.ts'
import type { Endpoint, Labels, Location, Resolution, ServicePort } from './service.ts'

/**
 * Identity of a merged service. One hostname = one service: services that all namespaces see (`exportTo: ["*"]`) are
 * united by hostname, key `hostname`. A service that is exported to less stands alone, key `namespace/hostname`, and
 * shadows the public one in the namespaces that see it.
 */
export type MeshServiceKey = string

/**
 * What a service is, without its endpoints. Replaced only when its content changes: generators use this object's
 * identity as their cache key, so an endpoint's change leaves listeners, routes and clusters alone.
 */
export interface ServiceAttributes {
  readonly key: MeshServiceKey
  readonly hostname: string
  /** The first contribution's. */
  readonly namespace: string
  /** Namespaces of all contributions where they are several: `namespace` first, the others sorted. Absent = `namespace` alone. */
  readonly namespaces?: readonly string[]
  readonly ports: readonly ServicePort[]
  readonly addresses: readonly string[]
  readonly resolution: Resolution
  readonly location: Location
  readonly exportTo: readonly string[]
  readonly subjectAltNames: readonly string[]
  readonly labels: Labels
  readonly headless: boolean
  /** Other hostnames that mean this service (aliases of the settings). */
  readonly aliases: readonly string[]
  /** Oldest first wins on a listener conflict; ISO 8601. */
  readonly createdAt?: string
  /** One for each registry that contributes, in order of precedence. */
  readonly origins: readonly Origin[]
}

/** An endpoint in the merged service. */
export interface MeshEndpoint extends Endpoint {
  /**
   * As in `Endpoint`, by the merged service's port names. 0 = this endpoint does not serve that port (only another
   * registry's endpoints do): leave it out of that port's cluster.
   */
  readonly ports: Readonly<Record<string, number>>
  /** 0 unless the service is in `failover` mode: then the rank of its registry among those that have endpoints. */
  readonly priority: number
}

/** `fresh`: as the registry says now. `stale`: it can't be asked, last answer kept. `protected`: a mass disappearance is held back. */
export type Freshness = 'fresh' | 'stale' | 'protected'

export interface MeshService {
  readonly attributes: ServiceAttributes
  /** Identity changes only with content; sorted by registry precedence, then address. */
  readonly endpoints: readonly MeshEndpoint[]
  /** Registries that report it or an endpoint of it (counted once, for whom it may be), in order of precedence. */
  readonly registries: readonly string[]
  readonly issues: readonly Issue[]
}

/** One registry or configuration source as the mesh sees it. */
export interface SourceState {
  readonly name: string
  /** e.g. `file`, `consul`; `config` sources have their own kinds: `files`. */
  readonly kind: string
  readonly role: 'registry' | 'config'
  /** connecting: has never spoken (what it serves, if anything, is the last snapshot from disk). */
  readonly state: 'fresh' | 'stale' | 'connecting'
  /** When it last said something; undefined if never. */
  readonly lastUpdate?: Date
  /** Why it is not fresh; of one that is fresh, why a part of it is missing. */
  readonly error?: PilotError
  readonly since?: Date
  /** Of how many of its services the last answer is kept, while the registry as such speaks; absent = none. */
  readonly staleServices?: number
  /** Of how many of its services (and workloads) a mass disappearance is held back; absent = none. */
  readonly protectedServices?: number
  readonly issues: readonly Issue[]
}

export interface MeshSnapshot {
  /** Grows by one with each snapshot of this process. */
  readonly revision: number
  readonly services: ReadonlyMap<MeshServiceKey, MeshService>
  readonly configs: ReadonlyMap<ConfigKey, ConfigObject>
  readonly sources: ReadonlyMap<string, SourceState>
  /**
   * Freshness of what `registry` says about a service; with `endpoint`, of that one endpoint: only those that are held
   * back are `protected`, not all of their service.
   */
  freshness(
    service: MeshServiceKey,
    registry: string,
    endpoint?: MeshEndpoint,
  ): { readonly state: Freshness; readonly since?: Date; readonly reason?: string }
}

/** What differs from the snapshot before. */
export interface ChangeSet {
  /** `attributes` includes added; `endpoints` = nothing but endpoints; `removed`. */
  readonly services: ReadonlyMap<MeshServiceKey, 'attributes' | 'endpoints' | 'removed'>
  readonly configs: ReadonlySet<ConfigKey>
}

export interface MeshUpdate {
  readonly snapshot: MeshSnapshot
  readonly changes: ChangeSet
}

/** What the whole mesh shares (Istio's MeshConfig, the fields that are served). */
export interface MeshSettings {
  readonly trustDomain: string
  readonly rootNamespace: string
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY'
  /** Milliseconds. */
  readonly connectTimeout: number
  /** Prefer endpoints near the proxy (region, zone, subzone become priorities). Off, the default: all share by weight, as in Istio without outlier detection. */
  readonly localityLbEnabled: boolean
  /**
   * Weights of localities follow the load that proxies report: looked at each `interval` (ms); a change that moves less
   * than `threshold` (0 to 1) of a zone's requests is none. Absent: off. Never together with localityLbEnabled.
   */
  readonly localityWeightsFromLoad?: { readonly interval: number; readonly threshold: number }
  /** How long a protocol may take to show itself on a sniffed port, ms; 0 = for ever (Istio's default). */
  readonly protocolDetectionTimeout: number
}
