/**
 * Services and workloads of one registry, handled alike: things that have endpoints, named by a key. A workload is its
 * own only endpoint.
 */
import { type Endpoint, type Service, serviceKey, type Workload, workloadKey } from '#model/service.ts'

/** Where an endpoint answers: network, address and stated ports. Its identity within its service. */
export type Place = string

export interface Kind<T> {
  readonly keyOf: (unit: T) => string
  readonly endpointsOf: (unit: T) => readonly Endpoint[]
  /** `endpoints` is not empty. */
  readonly withEndpoints: (unit: T, endpoints: readonly Endpoint[]) => T
  /** One taken back that stays for a moment: without endpoints. Undefined: it goes at once. */
  readonly emptied: (unit: T) => T | undefined
  /** One taken back of which some endpoints stay for a moment: nothing but these. */
  readonly only: (unit: T, endpoints: readonly Endpoint[]) => T
}

const withoutSelector = ({ selector: _, ...service }: Service): Service => service

export const serviceKind: Kind<Service> = {
  keyOf: serviceKey,
  endpointsOf: ({ endpoints }) => endpoints,
  withEndpoints: (service, endpoints) => ({ ...service, endpoints }),
  // STATIC only: without endpoints any other resolution means something else (DNS: the hostname itself is asked).
  emptied: (service) =>
    service.resolution !== 'STATIC'
      ? undefined
      : service.endpoints.length === 0 && service.selector === undefined
        ? service
        : { ...withoutSelector(service), endpoints: [] },
  only: (service, endpoints) => ({ ...withoutSelector(service), endpoints }),
}

const first = (workload: Workload, [endpoint]: readonly Endpoint[]): Workload => ({
  ...endpoint!,
  namespace: workload.namespace,
})

export const workloadKind: Kind<Workload> = {
  keyOf: workloadKey,
  endpointsOf: (workload) => [workload],
  withEndpoints: first,
  emptied: () => undefined,
  only: first,
}

export const placeOf = ({ network, address, ports }: Endpoint): Place => {
  const names = Object.keys(ports)
  if (names.length === 0) return `${network}|${address}`
  return `${network}|${address}|${names
    .sort()
    .map((name) => `${name}=${ports[name]}`)
    .join()}`
}

/** How what is told of a unit differs from what was told before, where it is less. */
export interface Loss {
  /** Gone, as they were told. */
  readonly lost: ReadonlyMap<Place, Endpoint>
  readonly gained: number
  /** Told again with worse health. */
  readonly worse: ReadonlyMap<Place, { readonly from: Endpoint; readonly to: Endpoint }>
}

/** UNHEALTHY takes nothing at all; DRAINING still what it had. */
const ranks = { HEALTHY: 0, DEGRADED: 1, DRAINING: 2, UNHEALTHY: 3 } as const
export const isWorse = (health: Endpoint['health'], than: Endpoint['health']): boolean =>
  ranks[health] > ranks[than]

export const lossOf = <T>(kind: Kind<T>, before: T | undefined, after: T | undefined): Loss => {
  const now = after === undefined ? [] : kind.endpointsOf(after)
  const old = before === undefined ? [] : kind.endpointsOf(before)
  if (old.length === 0) return { lost: new Map(), gained: now.length, worse: new Map() }
  const known = new Map<Place, Endpoint>(
    old.map((endpoint): [Place, Endpoint] => [placeOf(endpoint), endpoint]),
  )
  const lost = new Map<Place, Endpoint>(known)
  const worse = new Map<Place, { readonly from: Endpoint; readonly to: Endpoint }>()
  let gained = 0
  for (const to of now) {
    const place = placeOf(to)
    const from = known.get(place)
    if (from === undefined) gained++
    else if (isWorse(to.health, from.health)) worse.set(place, { from, to })
    lost.delete(place)
  }
  return { lost, gained, worse }
}
