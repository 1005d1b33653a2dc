/** What one sidecar sees of the mesh. Equal sidecars share one view object, or one of its two halves. */
import type { ConfigObject, ConnectionPool, OutboundTrafficPolicy, SidecarSpec } from '#model/config.ts'
import type { Demands } from '#model/load.ts'
import type { MeshService, MeshServiceKey, ServiceAttributes } from '#model/mesh.ts'
import type { Labels, Locality, Protocol, ServicePort } from '#model/service.ts'

/** transparent: traffic is redirected to 15001/15006. explicit: the application calls 127.0.0.1:15002. grpc: proxyless. */
export type TrafficMode = 'transparent' | 'explicit' | 'grpc'

/** How a proxy without an aggregated stream is to ask for endpoints and routes (Envoy's core.v3.ApiConfigSource). */
export type XdsConfigSource = {
  /** The cluster of its bootstrap that leads to the Pilot. */
  readonly cluster: string
} & (
  | { readonly api: 'GRPC' | 'DELTA_GRPC' }
  /** Milliseconds between two polls; Envoy adds up to the same again, at random. */
  | { readonly api: 'REST'; readonly refreshDelay: number }
)

/** A connected proxy, parsed from its xDS node (Istio's node id and metadata keys, or a plain Envoy's). */
export interface Sidecar {
  /** The node id as it came. */
  readonly id: string
  readonly type: 'sidecar' | 'router'
  readonly cluster: string
  /** The first is the workload's own address. */
  readonly ips: readonly string[]
  readonly namespace: string
  readonly workload: string
  readonly labels: Labels
  readonly serviceAccount: string
  readonly locality?: Locality
  readonly network: string
  /** REQUESTED_NETWORK_VIEW: only endpoints in these networks; empty = all. */
  readonly networkView: readonly string[]
  readonly mode: TrafficMode
  /** The explicit outbound proxy's socket (127.0.0.1:15002; HTTP_PROXY_PORT and PILOTHOUSE_OUTBOUND override). */
  readonly outbound: { readonly address: string; readonly port: number }
  /** Absent: by the aggregated stream. */
  readonly configSource?: XdsConfigSource
  /** It asks for virtual hosts and clusters by name when it first needs them, rather than for all at its start. */
  readonly onDemand?: true
}

/** A listener of its own for some services: Sidecar egress with a port. */
export interface EgressListener {
  readonly port: number
  readonly protocol: Protocol | 'HTTP_PROXY'
  readonly name: string
  /** IP, `unix:///path`, or undefined: 127.0.0.1 where bound, else as captured. */
  readonly bind?: string
  /** A real socket (captureMode NONE, or explicit mode), not only a match for redirected traffic. */
  readonly bindToPort: boolean
  /**
   * The services themselves, not trimmed: serve only their port `port` here. All of their ports where the protocol is
   * HTTP_PROXY or the port is 0 (a Unix socket).
   */
  readonly services: ReadonlyMap<MeshServiceKey, MeshService>
}

/** Everything the sidecar may call. Depends on namespace, Sidecar resource, mode, locality, network view: not on the workload. */
export interface OutboundView {
  readonly mode: TrafficMode
  readonly proxy: { readonly address: string; readonly port: number }
  readonly namespace: string
  readonly policy: OutboundTrafficPolicy
  /** Of the proxy's own addresses; absent = v4. Decides what wildcard listeners bind and which DNS records are asked for. */
  readonly ipFamily?: 'v4' | 'v6' | 'dual'
  /** Visible services, one for each hostname, of the catch-all egress (no port of its own). */
  readonly services: ReadonlyMap<MeshServiceKey, MeshService>
  readonly listeners: readonly EgressListener[]
  readonly locality?: Locality
  /** Where requests come from, if localities are to be weighted by it. */
  readonly demands?: Demands
  readonly networkView: readonly string[]
  /** Absent: by the aggregated stream. The inbound half asks for nothing. */
  readonly configSource?: XdsConfigSource
  /** Virtual hosts and clusters of services are for who asks for them by name. */
  readonly onDemand?: true
  /** The Sidecar resource in force. */
  readonly config?: ConfigObject<'Sidecar', SidecarSpec>
}

/** A service port that this workload itself answers. */
export interface InboundPort {
  readonly service: ServiceAttributes
  readonly servicePort: ServicePort
  /** The port peers dial on the workload's address. */
  readonly port: number
  readonly protocol: Protocol
  /** Where the listener binds (explicit mode, or ingress.bind); undefined = 15006 only. */
  readonly bind?: string
  readonly bindToPort: boolean
  /** Where the application listens: 127.0.0.1, an IP or `unix:///path`; undefined = original destination. */
  readonly target?: { readonly address: string; readonly port: number }
  readonly connectionPool?: ConnectionPool
}

/** A service port of the workload that gets no inbound port of its own, and why. */
export interface InboundConflict {
  readonly port: number
  readonly service: MeshServiceKey
  /**
   * taken: an older service (`winner`) has the port. self: the listener would call itself (explicit mode at 127.0.0.1),
   * or has the explicit proxy's own socket.
   * namespace: the service is of another namespace than the sidecar.
   */
  readonly reason: 'taken' | 'self' | 'namespace'
  readonly winner?: MeshServiceKey
}

/** What the sidecar takes in for its workload. Equal for workloads with equal ports and addresses. */
export interface InboundView {
  readonly mode: TrafficMode
  readonly ips: readonly string[]
  /** By port, one for each (bind, port). Equal arrays are one object, so that equal workloads share what is made of it. */
  readonly ports: readonly InboundPort[]
  readonly conflicts?: readonly InboundConflict[]
  readonly config?: ConfigObject<'Sidecar', SidecarSpec>
}

export interface ViewUpdate<View> {
  readonly view: View
  /** Services of this view that changed; 'all' = rebuild (first view, or configuration changed). */
  readonly changes: 'all' | ReadonlyMap<MeshServiceKey, 'attributes' | 'endpoints' | 'removed'>
}
