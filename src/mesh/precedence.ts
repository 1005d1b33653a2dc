/** Who goes first, and which services are one: the rules of the settings, made ready for look-up. */
import type { MeshServiceKey } from '#model/mesh.ts'
import type { Service } from '#model/service.ts'
import type { FlapRule } from './flaps.ts'
import type { Protection } from './protect.ts'

/** One more name for a service: what `joins` name is merged into `host`. */
export interface Alias {
  readonly host: string
  readonly joins: readonly string[]
}

/** What the user decides about the merge. */
export interface MeshOptions {
  readonly aliases: readonly Alias[]
  /** Hostnames (`*.suffix` and `*` too) whose registries are tried in order instead of together. */
  readonly failover: readonly string[]
  /** How long a source that has never spoken may hold back readiness, ms (30,000 by default). */
  readonly startupGrace: number
  /** How long a service taken back lingers without endpoints (settle.ts), ms; 0 = not at all, 300 by default. */
  readonly removalDelay?: number
  /** When downs are delayed (flaps.ts); false = never, `FLAP_RULE` by default. */
  readonly flapping?: FlapRule | false
  /** When a mass disappearance is held back (protect.ts), by the registry's name; undefined = never. */
  readonly protection?: (registry: string) => Protection | undefined
}

export const defaultMeshOptions: MeshOptions = { aliases: [], failover: [], startupGrace: 30_000 }

/** A service as one registry contributes it to a merged one. */
export interface Contribution {
  readonly registry: string
  readonly service: Service
}

export interface Precedence {
  /** Place of a registry in the settings; an unknown one comes last. */
  readonly rank: (registry: string) => number
  /** The hostname under which a service is merged. */
  readonly hostOf: (hostname: string) => string
  /** Names that the settings join into a host, in their order. */
  readonly aliasesOf: (host: string) => readonly string[]
  readonly isFailover: (host: string) => boolean
  readonly compare: (a: Contribution, b: Contribution) => number
}

/** All namespaces see it. An empty list means so too, as in Istio's ServiceEntry. */
export const isPublic = ({ exportTo }: Pick<Service, 'exportTo'>): boolean =>
  exportTo.length === 0 || exportTo.includes('*')

/** `.` resolved to the own namespace, sorted: two services with equal audiences are seen by the same namespaces. */
export const audience = (service: Pick<Service, 'exportTo' | 'namespace'>): readonly string[] =>
  isPublic(service)
    ? ['*']
    : [...new Set(service.exportTo.map((name) => (name === '.' ? service.namespace : name)))].sort()

/** The identity rule of `MeshServiceKey`. */
export const meshKeyOf = (service: Service, precedence: Pick<Precedence, 'hostOf'>): MeshServiceKey => {
  const host = precedence.hostOf(service.hostname)
  return isPublic(service) ? host : `${service.namespace}/${host}`
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const matcher = (patterns: readonly string[]): ((host: string) => boolean) => {
  const exact = new Set(patterns.map((pattern) => pattern.toLowerCase()))
  const suffixes = [...exact].filter((pattern) => pattern.startsWith('*')).map((pattern) => pattern.slice(1))
  return (host) => exact.has(host) || suffixes.some((suffix) => host.endsWith(suffix))
}

/** Follows `joins` to their end (a into b, b into c); a circle stops where it began, and the first alias wins. */
const resolver = (aliases: readonly Alias[]): ((hostname: string) => string) => {
  const target = new Map<string, string>()
  for (const { host, joins } of aliases)
    for (const name of joins.map((join) => join.toLowerCase()))
      if (name !== host.toLowerCase() && !target.has(name)) target.set(name, host.toLowerCase())
  return (hostname) => {
    const seen = new Set<string>()
    let host = hostname
    for (let next = target.get(host); next !== undefined && !seen.has(host); next = target.get(host)) {
      seen.add(host)
      host = next
    }
    return host
  }
}

/** `registries`: their names in the order of the settings. */
export const precedenceOf = (registries: readonly string[], options: MeshOptions): Precedence => {
  const ranks = new Map(registries.map((name, index) => [name, index]))
  const rank = (registry: string): number => ranks.get(registry) ?? ranks.size
  const hostOf = resolver(options.aliases)
  const joined = new Map<string, string[]>()
  for (const name of options.aliases.flatMap(({ joins }) => joins).map((join) => join.toLowerCase())) {
    const host = hostOf(name)
    if (host !== name && !joined.get(host)?.includes(name))
      joined.set(host, [...(joined.get(host) ?? []), name])
  }
  const aliasesOf = (host: string): readonly string[] => joined.get(host) ?? []
  /** Its own name before a joined one, in the order of the settings. */
  const nameRank = ({ service }: Contribution): number =>
    aliasesOf(hostOf(service.hostname)).indexOf(service.hostname)
  const age = ({ service }: Contribution): string => service.createdAt ?? '9999'
  const compare = (a: Contribution, b: Contribution): number =>
    rank(a.registry) - rank(b.registry) ||
    nameRank(a) - nameRank(b) ||
    compareText(age(a), age(b)) ||
    compareText(a.service.namespace, b.service.namespace) ||
    compareText(a.service.hostname, b.service.hostname) ||
    compareText(a.service.entry ?? '', b.service.entry ?? '')
  return { rank, hostOf, aliasesOf, isFailover: matcher(options.failover), compare }
}
