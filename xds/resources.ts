/**
 * What the xDS server sees of the rest: named resources, each encoded once, and what changed.
 * It knows nothing of the mesh; xds/server has an in-memory implementation of the same contract.
 */
import type { Observable } from 'rxjs'

/** e.g. `type.googleapis.com/envoy.config.cluster.v3.Cluster`; the constants are in xds/type-urls.ts. */
export type TypeUrl = string

export interface Resource {
  readonly typeUrl: TypeUrl
  readonly name: string
  /** Hash of the bytes: equal bytes, equal version, on every Pilot. */
  readonly version: string
  /** The encoded google.protobuf.Any (type_url and value): encoded once, shared by all streams. */
  readonly bytes: Uint8Array
  /** Names of the resources this one makes its client ask for: EDS names of a Cluster, RDS names of a Listener. */
  readonly children: readonly string[]
  /** Milliseconds after which a client that has heard nothing more of it removes it; none if undefined. */
  readonly ttl?: number
}

/** All resources of one client (or of many equal ones): immutable. */
export interface ResourceSet {
  get(typeUrl: TypeUrl, name: string): Resource | undefined
  /** All that a wildcard subscription gets. */
  all(typeUrl: TypeUrl): Iterable<Resource>
  size(typeUrl: TypeUrl): number
  /** Of all resources of the type together; independent of order and history: same resources, same version. */
  version(typeUrl: TypeUrl): string
  /** An object that stands for all resources of the type together: the same object, the same resources. */
  content(typeUrl: TypeUrl): object
  /**
   * What to say of a name that isn't there: what only those get who ask for it by name (no wildcard does), an empty
   * resource, so that no client warms for ever, or undefined = "does not exist".
   */
  missing(typeUrl: TypeUrl, name: string): Resource | undefined
  /** Why a name does not exist, if more is known than that; its client is told. */
  absence?(typeUrl: TypeUrl, name: string): Absence | undefined
}

/**
 * Why a client does not get what it named (https://github.com/cncf/xds/blob/main/proposals/TP3-xds-error-propagation.md).
 * Other codes would mean that it may keep what it has, but a set has nothing of the kind to say: it holds what was
 * good last.
 */
export interface Absence {
  readonly code: 'NOT_FOUND' | 'PERMISSION_DENIED'
  readonly message: string
}

export interface ResourceUpdate {
  readonly resources: ResourceSet
  /** Names that were added, changed or removed since the set before, by type; the first update of a connection has 'all'. */
  readonly changed: 'all' | ReadonlyMap<TypeUrl, ReadonlySet<string>>
}

/** envoy.config.core.v3.Node, the parts that matter, in plain JSON. */
export interface Node {
  readonly id: string
  readonly cluster: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string }
  readonly userAgentName: string
  readonly userAgentVersion: string
  /** https://www.envoyproxy.io/docs/envoy/latest/api/client_features */
  readonly clientFeatures?: readonly string[]
  /** How it asked for this: by the aggregated stream, by a stream of the type's own, or by REST. The server says it. */
  readonly via?: 'ADS' | 'GRPC' | 'DELTA_GRPC' | 'REST'
}

/** What is wrong with a node, and what to do: its message reaches the client (gRPC INVALID_ARGUMENT). */
export class NodeRefused extends Error {}

export interface ResourceSource {
  /**
   * Emits at once (synchronously if it can) what the node gets now, then every change; shared among equal nodes.
   * Never completes. A NodeRefused refuses the node; any other error is a fault of the source, of which the client learns
   * no more than that (gRPC INTERNAL), and the log all.
   */
  connect(node: Node): Observable<ResourceUpdate>
}
