/** Ports of a merged service: the first registry's, and after them those that only later ones have. */
import type { Issue } from '#model/issue.ts'
import type { Endpoint, ServicePort } from '#model/service.ts'
import { issueOn, ownerOf } from './conflicts.ts'
import type { Contribution } from './precedence.ts'

/** How one contribution's ports map to the merged ones. */
export interface PortPlan {
  /** Merged port -> the contribution's own port; absent = its endpoints don't serve it. */
  readonly own: ReadonlyMap<string, ServicePort>
  /** Names that its own ports have: what an endpoint states by one of these is about that port. */
  readonly names: ReadonlySet<string>
  /** All its ports have the merged name and target: endpoints pass as they are. */
  readonly same: boolean
}

export interface UnitedPorts {
  readonly ports: readonly ServicePort[]
  /** One for each contribution, in their order. */
  readonly plans: readonly PortPlan[]
  readonly issues: readonly Issue[]
}

interface Held {
  readonly port: ServicePort
  readonly owner: Contribution
}

const targetOf = (port: ServicePort): number => port.targetPort ?? port.port

/** What `port` of `other` says differently from the merged port that it falls on. */
const disagreements = (held: Held, port: ServicePort, other: Contribution): Issue[] => {
  const holds = `by ${ownerOf(held.owner)}, which holds`
  const where = `ports.${held.port.name}`
  const issues: Issue[] = []
  const differ = (
    code: 'PH2001' | 'PH2002' | 'PH2003' | 'PH2004',
    what: string,
    a: unknown,
    b: unknown,
  ): void => {
    if (a === b) return
    const message = `${what} is ${a} ${holds}, and ${b} by ${ownerOf(other)}.`
    issues.push(issueOn(code, code === 'PH2004' ? 'info' : 'warning', other, message, where))
  }
  const label = `Port ${held.port.name}`
  differ('PH2001', `${label}: protocol`, held.port.protocol, port.protocol)
  differ('PH2002', `${label}: number`, held.port.port, port.port)
  differ('PH2003', `Port ${held.port.port}: name`, held.port.name, port.name)
  if (held.port.port === port.port)
    differ('PH2004', `${label}: target port`, targetOf(held.port), targetOf(port))
  return issues
}

/** Finds each port of `other` its place: by name, else by number, else a port of its own at the end. */
const place = (held: Held[], other: Contribution, issues: Issue[]): Map<string, ServicePort> => {
  const own = new Map<string, ServicePort>()
  // One registry may have a number twice (DNS by TCP and UDP): its ports meet those of others, not each other.
  const others = [...held]
  const taken = (name: string): boolean => own.has(name)
  const rest = other.service.ports.filter((port) => {
    const match = held.find(({ port: { name } }) => name === port.name)
    if (match === undefined || taken(match.port.name)) return match === undefined
    own.set(match.port.name, port)
    issues.push(...disagreements(match, port, other))
    return false
  })
  for (const port of rest) {
    const match = others.find(({ port: { port: number } }) => number === port.port)
    if (match === undefined) held.push({ port, owner: other })
    if (match !== undefined && taken(match.port.name)) {
      const first = own.get(match.port.name)!
      const message = `Ports ${first.name} and ${port.name} of ${ownerOf(other)} both fall on port ${match.port.name} (${match.port.port}) of ${ownerOf(match.owner)}: ${first.name} holds.`
      issues.push(issueOn('PH2013', 'warning', other, message, `ports.${port.name}`))
      continue
    }
    own.set(match?.port.name ?? port.name, port)
    if (match !== undefined) issues.push(...disagreements(match, port, other))
  }
  return own
}

/** `contributions` in order of precedence, at least one. */
export const unitePorts = (contributions: readonly Contribution[]): UnitedPorts => {
  const held: Held[] = []
  const issues: Issue[] = []
  const owns = contributions.map((contribution) => place(held, contribution, issues))
  const ports = held.map(({ port }) => port)
  const plans = owns.map((own, index): PortPlan => {
    const same = ports.every((port) => {
      const mine = own.get(port.name)
      return mine !== undefined && mine.name === port.name && targetOf(mine) === targetOf(port)
    })
    const names = new Set(contributions[index]!.service.ports.map(({ name }) => name))
    return { own, names, same }
  })
  contributions.forEach((contribution, index) => {
    for (const { port, owner } of held) {
      if (plans[index]!.own.has(port.name)) continue
      const message = `Port ${port.name} (${port.port}) is reported by ${ownerOf(owner)} and not by ${ownerOf(contribution)}, whose endpoints get no traffic on it.`
      issues.push(issueOn('PH2005', 'info', contribution, message, `ports.${port.name}`))
    }
  })
  return { ports, plans, issues }
}

/**
 * An endpoint's ports in terms of the merged service: the same object where nothing differs; 0 for a port that this
 * endpoint's registry does not know (see `MeshEndpoint.ports`).
 */
export const portsOf = (
  endpoint: Pick<Endpoint, 'ports'>,
  plan: PortPlan,
  ports: readonly ServicePort[],
): Endpoint['ports'] => {
  if (plan.same) return endpoint.ports
  const mapped: Record<string, number> = {}
  for (const port of ports) {
    const mine = plan.own.get(port.name)
    const stated = mine !== undefined || !plan.names.has(port.name)
    const number =
      (stated ? endpoint.ports[mine?.name ?? port.name] : undefined) ??
      (mine === undefined ? 0 : targetOf(mine))
    if (number !== targetOf(port)) mapped[port.name] = number
  }
  return mapped
}
