/** The port of services whose registry knows instances only (Consul, Nomad, Eureka): one, stable while instances come and go. */
import { parseProtocol } from '#model/protocol.ts'
import type { Protocol, ServicePort } from '#model/service.ts'

/** Nomad's range of ports that it hands out: they change with every allocation, so nobody can call a service by them. */
const DYNAMIC = { first: 20_000, last: 32_000 } as const
const FALLBACK = 80

/**
 * `said` (by the service's own metadata, or by the settings) where there is one; else the lowest port of its
 * instances that was not handed out by a scheduler; else 80. Instances on other ports answer at their own.
 */
export function servicePortNumber(instances: Iterable<number>, said?: number): number {
  if (said !== undefined) return said
  let lowest = Number.POSITIVE_INFINITY
  for (const port of instances)
    if (port > 0 && port < lowest && (port < DYNAMIC.first || port > DYNAMIC.last)) lowest = port
  return lowest === Number.POSITIVE_INFINITY ? FALLBACK : lowest
}

/** Named as Istio names ports, after the protocol (`http`, `grpc`, `tcp`); `default` where it is detected. */
export const servicePort = (port: number, protocol: Protocol): ServicePort => ({
  name: protocol === 'AUTO' ? 'default' : protocol.toLowerCase(),
  port,
  protocol,
})

/** A number in text, as metadata and tags have it; undefined if it is no port. */
export function portOfText(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** `protocol` of metadata or tags; what is no known protocol is detected from the traffic. */
export const protocolOfText = (text: string | undefined): Protocol => parseProtocol(text) ?? 'AUTO'
