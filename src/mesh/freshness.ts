/** How fresh is what a registry says about a merged service, or about one endpoint of it. */
import type { MeshService, MeshServiceKey, MeshSnapshot } from '#model/mesh.ts'
import { type Endpoint, serviceKey, type WorkloadKey, workloadKey } from '#model/service.ts'
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
    const { books, troubled, troubledWorkloads, state, restored } = source
    const marked = [books.services.held, books.workloads.held, troubled, troubledWorkloads]
    const all = marked.every(({ size }) => size === 0) ? [] : (contributions.get(key) ?? [])
    const own = all
      .filter((one) => one.registry === registry && reports(one, endpoint, all.length))
      .map(({ service }) => serviceKey(service))
    const workloads = workloadsOf(source, all, endpoint, () => services.get(key))
    const held =
      own.map((one) => books.services.held.get(one)).find((one) => one && holds(one, endpoint)) ??
      workloads
        .map((one) => ({ ...one, held: books.workloads.held.get(one.key) }))
        .find(({ held, endpoint: its }) => held && holds(held, its))?.held
    if (held) return { state: 'protected', since: held.hold.since, reason: held.hold.reason }
    if (state.state === 'stale') return { state: 'stale', since: state.since, reason: state.error?.message }
    if (restored !== undefined)
      return { state: 'stale', since: restored, reason: state.error?.message ?? UNHEARD }
    const trouble = [
      ...own.map((one) => troubled.get(one)),
      ...workloads.map((one) => troubledWorkloads.get(one.key)),
    ].find((one) => one !== undefined)
    return trouble ? { state: 'stale', since: trouble.since, reason: trouble.error.message } : FRESH
  }

const UNHEARD = 'From the last snapshot on disk; the registry has not answered yet.'

/** Of several contributions of one registry, those that have the endpoint. */
const reports = ({ service }: Contribution, endpoint: Endpoint | undefined, count: number): boolean =>
  endpoint === undefined || count === 1 || service.endpoints.some((one) => sameEndpoint(one, endpoint))

/** The endpoint, or each of the service's, as this registry's workload. It may know nothing of the service that selects it. */
const workloadsOf = (
  { books, troubledWorkloads, state }: Said,
  contributions: readonly Contribution[],
  endpoint: Endpoint | undefined,
  service: () => MeshService | undefined,
): readonly { readonly key: WorkloadKey; readonly endpoint: Endpoint }[] => {
  if (books.workloads.held.size + troubledWorkloads.size === 0) return []
  const namespaces = contributions.flatMap(({ service: { selector, namespace } }) =>
    selector ? [namespace] : [],
  )
  const candidates = (endpoint ? [endpoint] : (service()?.endpoints ?? [])).filter(
    ({ registry, workload }) => registry === state.name && workload !== '',
  )
  return namespaces.flatMap((namespace) =>
    candidates.map((one) => ({ key: workloadKey({ namespace, workload: one.workload }), endpoint: one })),
  )
}
