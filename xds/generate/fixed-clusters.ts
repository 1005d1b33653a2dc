/** Clusters that no service owns: what is not in the mesh, and what is refused. */
import type { TrafficMode } from '#sidecar/view.ts'
import {
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
} from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import type { Resource } from '#xds/resources.ts'
import type { ClusterInit } from './cluster-parts.ts'
import {
  circuitBreakers,
  common,
  dynamicForwardProxy,
  httpOptions,
  originalDestination,
} from './cluster-parts.ts'
import { type Context, encodeResource } from './context.ts'
import type { IpFamily } from './envoy.ts'
import { BLACKHOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER, PASSTHROUGH_CLUSTER } from './names.ts'
import { sharedMetadata } from './provenance.ts'

/** PassthroughCluster and BlackHoleCluster. Without redirected traffic the way out is the name that was asked for. */
export function outboundFixedClusters(
  context: Context,
  mode: TrafficMode,
  family: IpFamily,
): readonly Resource[] {
  const wayOut = mode === 'transparent' ? originalDestination() : dynamicForwardProxy(family)
  return [
    encode(context, PASSTHROUGH_CLUSTER, { ...wayOut, typedExtensionProtocolOptions: httpOptions('AUTO') }),
    encode(context, BLACKHOLE_CLUSTER, { clusterDiscoveryType: { case: 'type', value: Discovery.STATIC } }),
  ]
}

/** For redirected traffic to ports that no service has: on to where it was going. */
export const inboundPassthroughCluster = (context: Context, ips: readonly string[]): Resource =>
  encode(context, INBOUND_PASSTHROUGH_CLUSTER, {
    ...originalDestination(),
    upstreamBindConfig: inboundSource(ips),
    typedExtensionProtocolOptions: httpOptions('AUTO'),
  })

/**
 * The sidecar calls its application from this address, by which the redirection knows not to send it back
 * (Istio: 127.0.0.6 and ::6).
 */
export function inboundSource(ips: readonly string[]): ClusterInit['upstreamBindConfig'] {
  const address = (ip: string) => ({ address: ip, portSpecifier: { case: 'portValue' as const, value: 0 } })
  const v4 = ips.length === 0 || ips.some((ip) => !ip.includes(':'))
  const v6 = ips.some((ip) => ip.includes(':'))
  if (!v4) return { sourceAddress: address('::6') }
  return {
    sourceAddress: address('127.0.0.6'),
    extraSourceAddresses: v6 ? [{ address: address('::6') }] : [],
  }
}

const encode = (context: Context, name: string, init: ClusterInit): Resource =>
  encodeResource(context, ClusterSchema, name, {
    ...common(context.settings, name),
    ...init,
    circuitBreakers: circuitBreakers(),
    metadata: sharedMetadata('clusters'),
  })
