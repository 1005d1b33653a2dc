/** One merged service from what several registries say about it. Pure; the same input in any order, the same output. */
import { isIP } from 'node:net'
import type { Issue } from '#model/issue.ts'
import type { MeshEndpoint, MeshService, MeshServiceKey, ServiceAttributes } from '#model/mesh.ts'
import type { Endpoint, ServicePort, Workload } from '#model/service.ts'
import { keep, sameContent } from '#support/equal.ts'
import { attributeConflicts, holderOf, issueOn, ownerOf } from './conflicts.ts'
import { counted } from './counted.ts'
import { type PortPlan, portsOf, unitePorts } from './ports.ts'
import { audience, type Contribution, compareText, type Precedence } from './precedence.ts'

export interface UniteInput {
  readonly key: MeshServiceKey
  /** At least one, in order of precedence. */
  readonly contributions: readonly Contribution[]
  /** Workloads that a contribution's selector picks. */
  readonly select: (contribution: Contribution) => readonly Workload[]
  /** What else there is to say about a contribution. */
  readonly notes?: (contribution: Contribution) => readonly Issue[]
  /** Whether the registry of an endpoint says so now; absent = all are fresh. */
  readonly isFresh?: (endpoint: Endpoint) => boolean
  readonly precedence: Precedence
  /** The service as it was: what says the same keeps its identity. */
  readonly previous?: MeshService
}

/** Services with one key but different audiences can't be one without showing an endpoint to who must not see it. */
const sameAudience = (
  contributions: readonly Contribution[],
): { readonly kept: readonly Contribution[]; readonly issues: readonly Issue[] } => {
  const first = contributions[0]!
  const allowed = audience(first.service)
  const kept = contributions.filter(({ service }) => sameContent(audience(service), allowed))
  const issues = contributions
    .filter((contribution) => !kept.includes(contribution))
    .map((other) => {
      const message = `exportTo is ${allowed.join(', ') || '~'} by ${ownerOf(first)}, which holds, and ${audience(other.service).join(', ')} by ${ownerOf(other)}, whose endpoints are left out.`
      return issueOn('PH2010', 'warning', other, message, 'exportTo')
    })
  return { kept, issues }
}

const namespacesOf = (
  contributions: readonly Contribution[],
): Pick<ServiceAttributes, 'namespaces'> | undefined => {
  const [first, ...others] = new Set(contributions.map(({ service }) => service.namespace))
  return others.length === 0 ? undefined : { namespaces: [first!, ...others.sort()] }
}

const attributesOf = (
  { key, precedence }: UniteInput,
  contributions: readonly Contribution[],
  ports: readonly ServicePort[],
): ServiceAttributes => {
  const { service } = contributions[0]!
  const hostname = precedence.hostOf(service.hostname)
  return {
    key,
    hostname,
    namespace: service.namespace,
    ...namespacesOf(contributions),
    ports,
    addresses: holderOf(contributions, 'addresses').service.addresses,
    resolution: service.resolution,
    location: service.location,
    exportTo: audience(service),
    subjectAltNames: holderOf(contributions, 'subjectAltNames').service.subjectAltNames,
    labels: service.labels,
    headless: service.headless,
    aliases: precedence.aliasesOf(hostname),
    createdAt: service.createdAt,
    origins: contributions.map((contribution) => contribution.service.origin),
  }
}

const asEndpoint = ({ namespace: _, ...endpoint }: Workload): Endpoint => endpoint

/** Everything that tells two endpoints apart, in the order in which they are listed. */
const compareEndpoints =
  ({ rank }: Precedence) =>
  (a: Endpoint, b: Endpoint): number =>
    rank(a.registry) - rank(b.registry) ||
    compareText(a.registry, b.registry) ||
    compareText(a.address, b.address) ||
    compareText(a.network, b.network) ||
    compareText(a.workload, b.workload) ||
    compareText(a.origin.object, b.origin.object) ||
    compareText(JSON.stringify(a), JSON.stringify(b))

/** A contribution's own and selected endpoints, in terms of the merged ports. */
const collect = (
  { select }: UniteInput,
  contribution: Contribution,
  plan: PortPlan,
  ports: readonly ServicePort[],
): Endpoint[] => {
  const own = contribution.service.endpoints.map((endpoint) =>
    endpoint.registry === contribution.registry ? endpoint : { ...endpoint, registry: contribution.registry },
  )
  const selected = contribution.service.selector === undefined ? [] : select(contribution).map(asEndpoint)
  return [...own, ...selected].map((endpoint) => {
    const mapped = portsOf(endpoint, plan, ports)
    return mapped === endpoint.ports ? endpoint : { ...endpoint, ports: mapped }
  })
}

const isSocketAddress = (address: string): boolean => address.startsWith('unix://') || isIP(address) !== 0

/** A name in a STATIC cluster would make Envoy refuse the whole assignment. */
const fitting = (
  endpoints: readonly Endpoint[],
  contribution: Contribution,
  resolution: ServiceAttributes['resolution'],
  issues: Issue[],
): readonly Endpoint[] => {
  if (resolution !== 'STATIC') return endpoints
  const kept = endpoints.filter(({ address }) => isSocketAddress(address))
  const left = endpoints.length - kept.length
  if (left > 0) {
    const message = `${left} endpoint${left > 1 ? 's' : ''} of ${ownerOf(contribution)} ha${left > 1 ? 've' : 's'} a DNS name for an address, which resolution STATIC can't use.`
    issues.push(issueOn('PH2011', 'error', contribution, message, 'endpoints'))
  }
  return kept
}

/** Ranks among the registries that have endpoints at all, so that an empty registry leaves no gap. */
const withPriority = (endpoints: readonly Endpoint[], failover: boolean): readonly MeshEndpoint[] => {
  const order = failover ? [...new Set(endpoints.map(({ registry }) => registry))] : []
  return endpoints.map((endpoint) => ({
    ...endpoint,
    priority: Math.max(0, order.indexOf(endpoint.registry)),
  }))
}

/** The new list with the old objects where they say the same; the old list where all do. Both are sorted alike. */
const keepEndpoints = (
  previous: readonly MeshEndpoint[] | undefined,
  next: readonly MeshEndpoint[],
): readonly MeshEndpoint[] => {
  if (previous === undefined) return next
  const known = new Map<string, MeshEndpoint[]>()
  for (const endpoint of previous) {
    const same = known.get(endpoint.address)
    if (same === undefined) known.set(endpoint.address, [endpoint])
    else same.push(endpoint)
  }
  const kept = next.map(
    (endpoint) => known.get(endpoint.address)?.find((old) => sameContent(old, endpoint)) ?? endpoint,
  )
  const same =
    kept.length === previous.length && kept.every((endpoint, index) => endpoint === previous[index])
  return same ? previous : kept
}

/** The merged service; `previous` itself where nothing differs. */
export const unite = (input: UniteInput): MeshService => {
  const { precedence, previous } = input
  const { kept: contributions, issues: refused } = sameAudience(input.contributions)
  const { ports, plans, issues: portIssues } = unitePorts(contributions)
  const attributes = keep(previous?.attributes, attributesOf(input, contributions, ports))
  const notes = input.notes === undefined ? [] : contributions.flatMap(input.notes)
  const issues = [...refused, ...attributeConflicts(contributions), ...portIssues, ...notes]
  const collected = contributions.flatMap((contribution, index) =>
    fitting(collect(input, contribution, plans[index]!, ports), contribution, attributes.resolution, issues),
  )
  const listed = counted(collected.sort(compareEndpoints(precedence)), {
    ports,
    issues,
    isFresh: input.isFresh,
  })
  const endpoints = keepEndpoints(
    previous?.endpoints,
    withPriority(listed, precedence.isFailover(attributes.hostname)),
  )
  const names = new Set([
    ...contributions.map(({ registry }) => registry),
    ...collected.map((e) => e.registry),
  ])
  const registries = [...names].sort((a, b) => precedence.rank(a) - precedence.rank(b) || compareText(a, b))
  return keepService(previous, { attributes, endpoints, registries, issues })
}

const keepService = (previous: MeshService | undefined, next: MeshService): MeshService => {
  if (previous === undefined) return next
  const registries = keep(previous.registries, next.registries)
  const issues = keep(previous.issues, next.issues)
  const same =
    previous.attributes === next.attributes &&
    previous.endpoints === next.endpoints &&
    previous.registries === registries &&
    previous.issues === issues
  return same ? previous : { ...next, registries, issues }
}
