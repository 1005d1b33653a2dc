/** Flapping endpoints, as issues on their service. */
import type { Issue } from '#model/issue.ts'
import type { Endpoint, Service } from '#model/service.ts'
import { meshIssue } from './conflicts.ts'
import { type FlapRule, MOST_DOWNS, type UnitFlaps } from './flaps.ts'

export const flapIssues = (
  service: Service,
  flaps: UnitFlaps | undefined,
  rule: FlapRule,
): readonly Issue[] =>
  [...(flaps?.values() ?? [])]
    .filter(({ downs }) => downs.length >= rule.downs)
    .map(({ downs, endpoint }) => {
      const count = downs.length < MOST_DOWNS ? downs.length : `${MOST_DOWNS} or more`
      const message = `Endpoint ${socketOf(service, endpoint)} is flapping: ${count} downs in ${rule.window / 1000} s.`
      return meshIssue('PH2016', 'info', message, {
        path: 'endpoints',
        at: endpoint.origin.at ?? endpoint.registry,
        object: endpoint.origin.object,
      })
    })

const socketOf = ({ ports }: Service, endpoint: Endpoint): string => {
  const { address } = endpoint
  if (address.startsWith('unix:') || ports.length === 0) return address
  const numbers = ports.map(({ name, targetPort, port }) => endpoint.ports[name] ?? targetPort ?? port)
  return `${address.includes(':') ? `[${address}]` : address}:${[...new Set(numbers)].join('/')}`
}
