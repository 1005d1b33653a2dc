/** An endpoint that several contributions report is counted once. */
import type { Issue } from '#model/issue.ts'
import type { Endpoint, ServicePort } from '#model/service.ts'
import { meshIssue } from './conflicts.ts'

export interface Counting {
  readonly ports: readonly ServicePort[]
  /** Gets what there is to say. */
  readonly issues: Issue[]
  /** Whether the registry of an endpoint says so now; absent = all are fresh. */
  readonly isFresh?: (endpoint: Endpoint) => boolean
}

/**
 * The same address and ports are counted once, for who comes first. Where only some ports are the same, the later
 * endpoint keeps the others. Of different words on its health the first holds; the first fresh one, where the first is
 * not fresh. `endpoints` are sorted.
 */
export const counted = (
  endpoints: readonly Endpoint[],
  { ports, issues, isFresh = () => true }: Counting,
): readonly Endpoint[] => {
  const byAddress = new Map<string, Endpoint[]>()
  const twice = pairs()
  const disputed = pairs()
  const judge = judgeOf(isFresh, disputed)
  const kept: Endpoint[] = []
  for (const endpoint of endpoints) {
    const place = `${endpoint.network}|${endpoint.address}`
    const earlier = byAddress.get(place)
    const rest = earlier === undefined ? endpoint : uncovered(endpoint, earlier, ports)
    const holder = earlier?.[0]?.registry
    if (rest !== endpoint && holder !== undefined && holder !== endpoint.registry)
      twice.add(holder, endpoint.registry)
    if (rest === undefined) {
      for (const one of earlier!) if (shares(one, endpoint, ports)) judge.hear(one, endpoint)
      continue
    }
    kept.push(rest)
    if (earlier === undefined) byAddress.set(place, [rest])
    else earlier.push(rest)
  }
  for (const [holder, other, count] of twice.all()) {
    const message = `${count} endpoint${count > 1 ? 's are' : ' is'} reported by ${holder}, which holds, and by ${other} as well.`
    issues.push(meshIssue('PH2012', 'info', message, { path: 'endpoints', at: other }))
  }
  const judged = kept.map(judge.judged)
  for (const [holder, other, count] of disputed.all()) {
    const have = `${count} endpoint${count > 1 ? 's have' : ' has'}`
    const message =
      holder === other
        ? `${have} two different healths by ${holder}; the first that is fresh holds, or the first.`
        : `${have} one health by ${holder}, which holds, and another by ${other}.`
    issues.push(meshIssue('PH2015', 'info', message, { path: 'endpoints', at: other }))
  }
  return judged
}

/** Counts by two registries. */
const pairs = () => {
  const counts = new Map<string, [holder: string, other: string, count: number]>()
  return {
    add: (holder: string, other: string): void => {
      const key = `${holder}\n${other}`
      const seen = counts.get(key)
      if (seen === undefined) counts.set(key, [holder, other, 1])
      else seen[2]++
    },
    all: () => counts.values(),
  }
}

/** Of different words on an endpoint's health the first fresh one holds; where none is, the first. */
const judgeOf = (isFresh: (endpoint: Endpoint) => boolean, disputed: ReturnType<typeof pairs>) => {
  const others = new Map<Endpoint, Endpoint[]>()
  return {
    hear: (counted: Endpoint, other: Endpoint): void => {
      const heard = others.get(counted)
      if (heard === undefined) others.set(counted, [other])
      else heard.push(other)
    },
    judged: (counted: Endpoint): Endpoint => {
      const words = [counted, ...(others.get(counted) ?? [])]
      if (words.every(({ health }) => health === counted.health)) return counted
      const word = words.find(isFresh) ?? counted
      for (const { health, registry } of words)
        if (health !== word.health) disputed.add(word.registry, registry)
      return word.health === counted.health ? counted : { ...counted, health: word.health }
    },
  }
}

const portNumber = (endpoint: Pick<Endpoint, 'ports'>, port: ServicePort): number =>
  endpoint.ports[port.name] ?? port.targetPort ?? port.port

const shares = (a: Endpoint, b: Endpoint, ports: readonly ServicePort[]): boolean =>
  ports.some((port) => portNumber(a, port) !== 0 && portNumber(a, port) === portNumber(b, port))

/** What `earlier` ones at the same address don't serve yet: all, some ports, or (undefined) nothing. */
const uncovered = (
  endpoint: Endpoint,
  earlier: readonly Endpoint[],
  ports: readonly ServicePort[],
): Endpoint | undefined => {
  const served = ports.filter((port) => portNumber(endpoint, port) !== 0)
  const covered = served.filter((port) =>
    earlier.some((other) => portNumber(other, port) === portNumber(endpoint, port)),
  )
  if (covered.length === 0) return served.length === 0 ? undefined : endpoint
  if (covered.length === served.length) return undefined
  return {
    ...endpoint,
    ports: { ...endpoint.ports, ...Object.fromEntries(covered.map(({ name }) => [name, 0])) },
  }
}
