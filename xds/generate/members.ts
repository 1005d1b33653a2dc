/** A service's port in a listener or route configuration, and who comes first where two want the same. */
import type { MeshService } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import { compare } from './locality.ts'

export interface Member {
  readonly service: MeshService
  readonly port: ServicePort
}

/** Services that don't say when they were made come last: a date is a claim that can be checked. */
export const byAge = ({ attributes: a }: MeshService, { attributes: b }: MeshService): number =>
  compare(a.createdAt ?? '~', b.createdAt ?? '~') || compare(a.hostname, b.hostname) || compare(a.key, b.key)

const byAgeAndPort = (a: Member, b: Member): number =>
  byAge(a.service, b.service) || a.port.port - b.port.port

/** Members in order of age, whatever the order of the services. */
export function membersOf(
  services: Iterable<MeshService>,
  wanted: (port: ServicePort, service: MeshService) => boolean,
): readonly Member[] {
  const members: Member[] = []
  for (const service of services)
    for (const port of service.attributes.ports) if (wanted(port, service)) members.push({ service, port })
  return members.sort(byAgeAndPort)
}
