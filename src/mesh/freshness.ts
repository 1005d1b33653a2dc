/** How fresh is what a registry says about a merged service, or about one endpoint of it. */
import type { MeshService, MeshServiceKey, MeshSnapshot } from '#model/mesh.ts'
import { type Endpoint, serviceKey, workloadKey } from '#model/service.ts'
import type { Contribution } from './precedence.ts'
import type { Held } from './protect.ts'
import type { Said } from './said.ts'

type Freshness = ReturnType<MeshSnapshot['freshness']>

const FRESH: Freshness = { state: 'fresh' }

/** Ports are named by the merged service in one and by its registry in the other, so they can't be compared. */
const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a.address === b.address &&
  a.network === b.network &&
  a.workload === b.workload &&
  a.origin.object === b.origin.object

const holds = ({ endpoints }: Held, endpoint: Endpoint | undefined): boolean => {
  if (endpoint === undefined) return true
  for (const one of endpoints.values()) if (sameEndpoint(one, endpoint)) return true
  return false
}

/** `services` as they are merged: for the registries of selected workloads, which contribute no service. */
export const freshnessIn =
  (
    said: ReadonlyMap<string, Said>,
    contributions: ReadonlyMap<MeshServiceKey, readonly Contribution[]>,
    services: ReadonlyMap<MeshServiceKey, MeshService>,
  ): ((key: MeshServiceKey, registry: string, endpoint?: Endpoint) => Freshness) =>
  (key, registry, endpoint) => {
    const source = said.get(registry)
    if (source === undefined) return FRESH
    const { books, troubled, state, restored } = source
    const all =
      books.services.held.size + books.workloads.held.size + troubled.size === 0
        ? []
        : (contributions.get(key) ?? [])
    const own = all.filter((one) => one.registry === registry && reports(one, endpoint, all.length))
    const held = own
      .map(({ service }) => books.services.held.get(serviceKey(service)))
      .find((one) => one !== undefined && holds(one, endpoint))
    const hold = (held ?? heldWorkload(source, all, endpoint, () => services.get(key)))?.hold
    if (hold !== undefined) return { state: 'protected', since: hold.since, reason: hold.reason }
    if (state.state === 'stale') return { state: 'stale', since: state.since, reason: state.error?.message }
    if (restored !== undefined)
      return { state: 'stale', since: restored, reason: state.error?.message ?? UNHEARD }
    const trouble = own
      .map(({ service }) => troubled.get(serviceKey(service)))
      .find((one) => one !== undefined)
    return trouble === undefined
      ? FRESH
      : { state: 'stale', since: trouble.since, reason: trouble.error.message }
  }

const UNHEARD = 'From the last snapshot on disk; the registry has not answered yet.'

/** Of several contributions of one registry, those that have the endpoint. */
const reports = ({ service }: Contribution, endpoint: Endpoint | undefined, count: number): boolean =>
  endpoint === undefined || count === 1 || service.endpoints.some((one) => sameEndpoint(one, endpoint))

/** Selected workloads may be of a registry that knows nothing of the service. */
const heldWorkload = (
  { books, state }: Said,
  contributions: readonly Contribution[],
  endpoint: Endpoint | undefined,
  service: () => MeshService | undefined,
): Held | undefined => {
  const { held } = books.workloads
  if (held.size === 0) return undefined
  const namespaces = contributions.flatMap(({ service: { selector, namespace } }) =>
    selector ? [namespace] : [],
  )
  const candidates = endpoint ? [endpoint] : (service()?.endpoints ?? [])
  for (const namespace of namespaces)
    for (const { registry, workload, ...one } of candidates) {
      if (registry !== state.name || workload === '') continue
      const found = held.get(workloadKey({ namespace, workload }))
      if (found !== undefined && holds(found, { ...one, registry, workload })) return found
    }
  return undefined
}
