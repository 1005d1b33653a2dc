/** Which services of which datacenters make a hostname, and what they make together. */
import type { Service } from '#model/service.ts'
import { type Instance, type TranslateOptions, toService } from './translate.ts'

/** A service of one datacenter. */
export interface Member {
  readonly source: number
  readonly name: string
  readonly hostname: string
  readonly instances: readonly Instance[]
}

export interface Makers {
  put(member: Member): void
  remove(member: Member): void
  /** undefined: nothing makes it any more. */
  made(hostname: string): Service | undefined
  all(): Service[]
  /** Whether this datacenter has a part in it. */
  has(source: number, hostname: string): boolean
}

export type Complain = (key: string, fields: object, message: string) => void

export function createMakers(options: TranslateOptions, complain: Complain): Makers {
  const makers = new Map<string, Map<string, Member>>()
  const keyOf = ({ source, name }: Member) => `${source} ${name}`
  const membersOf = (hostname: string) => [...(makers.get(hostname)?.values() ?? [])]

  function made(hostname: string): Service | undefined {
    const members = membersOf(hostname)
    if (members.length === 0) return undefined
    const instances = members.flatMap((member) => member.instances)
    const { service, leftOut } = toService(members[0]!.name, hostname, instances, options)
    if (leftOut > 0)
      complain(
        `mixed ${hostname}`,
        { hostname, leftOut },
        'instances with a name for an address are left out: the others have addresses',
      )
    return service
  }

  return {
    put(member) {
      const of = makers.get(member.hostname) ?? new Map<string, Member>()
      makers.set(member.hostname, of.set(keyOf(member), member))
    },
    remove(member) {
      const of = makers.get(member.hostname)
      of?.delete(keyOf(member))
      if (of?.size === 0) makers.delete(member.hostname)
    },
    made,
    all: () => [...makers.keys()].flatMap((hostname) => made(hostname) ?? []),
    has: (source, hostname) => membersOf(hostname).some((member) => member.source === source),
  }
}
