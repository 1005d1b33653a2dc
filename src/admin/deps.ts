/** All that REST sees of the rest: structural, given by main.ts, and read-only but for `accept`. */
import type { Issue, PilotError } from '#model/issue.ts'
import type { PortLoad } from '#model/load.ts'
import type { MeshSettings, MeshSnapshot } from '#model/mesh.ts'
import type { Logger } from '#support/logger.ts'
import type { Node, Resource, TypeUrl } from '#xds/resources.ts'

export interface AdminDeps {
  readonly version: VersionInfo
  readonly settings: MeshSettings
  readonly mesh: MeshReader
  readonly proxies: ProxyReader
  readonly views: ViewReader
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  readonly events: EventReader
  /** What proxies report of the load they cause; absent: nothing. */
  readonly load?: LoadReader
  /** REST xDS (Envoy's `api_type: REST`); absent = 404. */
  readonly restDiscovery?: RestDiscovery
  readonly log: Logger
}

export interface VersionInfo {
  readonly version: string
  readonly node: string
}

export interface MeshReader {
  snapshot(): MeshSnapshot
  readiness(): Readiness
  /** Everything wrong now: with services, configuration, sources. */
  issues(): readonly Issue[]
  /**
   * The operator accepts that what is held back of this registry is gone: how many services are let go; undefined:
   * there is no such registry. Absent = 404.
   */
  accept?(registry: string): number | undefined
}
export type Readiness =
  | { readonly ready: true }
  | {
      readonly ready: false
      /** Sources that have not spoken and whose grace is not over. */
      readonly waitingFor: readonly {
        readonly registry: string
        readonly since: Date
        readonly error?: PilotError
      }[]
    }

export interface ProxyReader {
  /** Streams open now whose node is known; a proxy that uses one stream for each type has several. */
  streams(): readonly StreamStatus[]
  /** The resources that this stream's client was sent and still has. */
  held(streamId: string): Iterable<Resource>
}
export interface StreamStatus {
  readonly id: string
  readonly node: Node
  /** Remote `address:port`. */
  readonly peer: string
  readonly since: Date
  readonly protocol: 'sotw' | 'delta'
  readonly bytesSent: number
  readonly messagesSent: number
  readonly types: readonly TypeStatus[]
}
export type SyncStatus = 'SYNCED' | 'STALE' | 'NOT SENT' | 'NACKED'
export interface TypeStatus {
  readonly typeUrl: TypeUrl
  readonly wildcard: boolean
  /** Subscribed to, besides the wildcard; may be thousands, so a getter does well. */
  readonly names: readonly string[]
  /** How many resources the client has. */
  readonly resources: number
  readonly sentVersion?: string
  readonly sentNonce?: string
  readonly sentAt?: Date
  readonly ackedVersion?: string
  readonly ackedAt?: Date
  readonly nack?: Nack
  readonly status: SyncStatus
}
export interface Nack {
  /** The proxy's own words. */
  readonly message: string
  /** Names of the rejected resources. */
  readonly resources: readonly string[]
  readonly since: Date
  /** Empty or absent if there was none. */
  readonly lastGoodVersion?: string
}

export interface LoadReader {
  /** Counts in a second, and what is in progress. */
  current(): Iterable<PortLoad>
}

/** What the sidecar room made of a node. */
export interface ViewReader {
  /** Undefined if the mesh has no snapshot, or the node is not understood. */
  describe(node: Node): ViewDescription | undefined
}
export interface ViewDescription {
  /** The Sidecar resource in force, `Sidecar/namespace/name`. */
  readonly sidecarConfig?: string
  /** How many services the proxy may call. */
  readonly services: number
  /** Ports that its workload answers; ready for JSON. */
  readonly inbound: readonly object[]
  /** Ports that lost against another. */
  readonly conflicts: readonly object[]
}

export interface AdminEvent {
  /** e.g. `mesh`, `nack`, `connect`, `disconnect`, `registry`. */
  readonly type: string
  readonly at: Date
  /** Ready for JSON; never a secret. */
  readonly data: object
}
export interface EventReader {
  /** Calls `listener` with each event until the returned function is called. */
  subscribe(listener: (event: AdminEvent) => void): () => void
}

/** `path` is e.g. `/v3/discovery:clusters`, `body` the parsed JSON of a DiscoveryRequest; answers JSON, nothing with 304. */
export type RestDiscovery = (
  path: string,
  body: unknown,
) => Promise<{ readonly status: number; readonly body: string }>
