/** How Envoy treats each protocol (Istio: pkg/config/protocol). */
import type { Protocol } from '#model/service.ts'

/**
 * http: routed by Host. tls: passed through, chosen by SNI. tcp: bytes, and never sniffed, since the server may
 * speak first. auto: HTTP if the first bytes say so, else bytes. none: not proxied.
 */
export type ProtocolClass = 'http' | 'tls' | 'tcp' | 'auto' | 'none'

const classes: Readonly<Record<Protocol, ProtocolClass>> = {
  HTTP: 'http',
  HTTP2: 'http',
  GRPC: 'http',
  'GRPC-Web': 'http',
  HTTPS: 'tls',
  TLS: 'tls',
  TCP: 'tcp',
  Mongo: 'tcp',
  MySQL: 'tcp',
  Redis: 'tcp',
  UDP: 'none',
  AUTO: 'auto',
}

export const protocolClass = (protocol: Protocol): ProtocolClass => classes[protocol]
export const isHttp2 = (protocol: Protocol): boolean =>
  protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web'

/** What http_inspector calls HTTP: the ALPN values of a sniffed HTTP chain. */
export const httpAlpn: readonly string[] = ['http/1.0', 'http/1.1', 'h2c']
