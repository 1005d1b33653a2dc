/** Istio's names (pilot/pkg/networking/util, pilot/pkg/model), so that dashboards and habits carry over. */
import { isIPv6 } from 'node:net'

export const PASSTHROUGH_CLUSTER = 'PassthroughCluster'
export const BLACKHOLE_CLUSTER = 'BlackHoleCluster'
export const INBOUND_PASSTHROUGH_CLUSTER = 'InboundPassthroughCluster'
export const HTTP_PROXY = 'http_proxy'
export const VIRTUAL_OUTBOUND = 'virtualOutbound'
export const VIRTUAL_INBOUND = 'virtualInbound'
export const OUTBOUND_PORT = 15001
export const INBOUND_PORT = 15006
/** Health and Prometheus: static listeners of the bootstrap. */
const STATUS_PORT = 15021
const PROMETHEUS_PORT = 15090
/** Of the proxy itself, at every address, where traffic is redirected. */
export const reservedPorts: ReadonlySet<number> = new Set([
  OUTBOUND_PORT,
  INBOUND_PORT,
  STATUS_PORT,
  PROMETHEUS_PORT,
])

/** Cluster, and its EDS name. */
export const outboundCluster = (port: number, hostname: string): string => `outbound|${port}||${hostname}`
/** Cluster, and the inline route configuration of the port. */
export const inboundCluster = (port: number): string => `inbound|${port}||`
export const virtualHostName = (hostname: string, port: number): string => `${hostname}:${port}`
export const listenerName = (bind: string, port: number): string => `${bind}_${port}`
/** An address as it stands before a port in a URL or a Host header. */
export const bracketed = (address: string): string => (isIPv6(address) ? `[${address}]` : address)
