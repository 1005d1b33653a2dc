/**
 * Damping of the down direction, only where it is safe. A service that a registry takes back loses its endpoints at
 * once, so nobody is sent to what is gone; its name, ports and address go a moment later. One that is said again
 * within that moment (a file moved in two steps, the only instance restarting) was never gone: sidecars see its
 * endpoints change instead of listener, route and cluster being torn down and built anew.
 */
import type { Service, ServiceKey } from '#model/service.ts'

/** How long a service taken back lingers without endpoints, ms: an explicit removal is complete within a second. */
export const REMOVAL_DELAY = 300

/** Services taken back, and when they go (ms since the epoch). */
export type Leaving = ReadonlyMap<ServiceKey, number>

/** STATIC only: without endpoints any other resolution means something else (DNS: the hostname itself is asked). */
const mayLinger = ({ resolution }: Service): boolean => resolution === 'STATIC'

const emptied = (service: Service): Service => {
  const { selector: _, ...rest } = service
  return service.endpoints.length === 0 && service.selector === undefined
    ? service
    : { ...rest, endpoints: [] }
}

export interface Settled {
  readonly changes: ReadonlyMap<ServiceKey, Service | undefined>
  readonly leaving: Leaving
}

/**
 * `changes` as they take effect at `now`: a removal becomes an emptied service until it is due. Said again, it stays;
 * taken back twice, it goes when the first removal is due. `before` gives what the registry said so far.
 */
export const settle = (
  before: (key: ServiceKey) => Service | undefined,
  changes: ReadonlyMap<ServiceKey, Service | undefined>,
  leaving: Leaving,
  { now, delay }: { readonly now: number; readonly delay: number },
): Settled => {
  const next = new Map(leaving)
  const settled = new Map<ServiceKey, Service | undefined>()
  for (const [key, after] of changes) {
    const service = before(key)
    const due = next.get(key) ?? now + delay
    if (after !== undefined || service === undefined || due <= now || !mayLinger(service)) {
      next.delete(key)
      settled.set(key, after)
      continue
    }
    next.set(key, due)
    const rest = emptied(service)
    if (rest !== service) settled.set(key, rest)
  }
  return { changes: settled, leaving: next }
}

/** Removals that are due at `now`, as changes. */
export const due = (leaving: Leaving, now: number): ReadonlyMap<ServiceKey, undefined> =>
  new Map([...leaving].filter(([, at]) => at <= now).map(([key]) => [key, undefined]))
