/** Protocols by the names that users write: Istio's, and what port names say (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/). */
import type { Protocol } from './service.ts'

export const PROTOCOLS: readonly Protocol[] = [
  'HTTP',
  'HTTP2',
  'GRPC',
  'GRPC-Web',
  'HTTPS',
  'TLS',
  'TCP',
  'Mongo',
  'MySQL',
  'Redis',
  'UDP',
]
const BY_LOWER_CASE = new Map(PROTOCOLS.map((p) => [p.toLowerCase(), p]))

/** Istio's protocol names, in any case; '' is detected from the traffic. undefined: no protocol. */
export function parseProtocol(text: string | undefined): Protocol | undefined {
  return text ? BY_LOWER_CASE.get(text.toLowerCase()) : 'AUTO'
}

/** Istio's rule for port names, `protocol` or `protocol-suffix`; any other name is detected from the traffic. */
export function protocolOfPortName(name: string): Protocol {
  const lower = name.toLowerCase()
  if (lower === 'grpc-web' || lower.startsWith('grpc-web-')) return 'GRPC-Web'
  return BY_LOWER_CASE.get(lower.split('-', 1)[0]!) ?? 'AUTO'
}
