/** One server's instances, raw and complete: what deltas are applied to, and the hash that proves them whole. */
import type { Instance } from './wire.ts'

/** By `Instance.key`. */
export type Catalogue = ReadonlyMap<string, Instance>

/** Instances by status. */
export type Counts = ReadonlyMap<string, number>

export const catalogueOf = (instances: readonly Instance[]): Catalogue =>
  new Map(instances.map((instance) => [instance.key, instance]))

/** Whether `next` is no older word of the same server than `known`. */
export const isNewer = (next: Instance, known: Instance | undefined): boolean =>
  known === undefined || next.updated === 0 || next.updated >= known.updated

/**
 * What a delta does to a catalogue: each instance as it is after it, undefined where it is gone. A delta names what
 * changed in the last three minutes, so most of it is known already and comes again. It may be older than what is known:
 * a server's cache keeps an answer that was made while something changed, for up to 180 s.
 */
export function deltaSteps(
  catalogue: Catalogue,
  delta: readonly Instance[],
): ReadonlyMap<string, Instance | undefined> {
  const steps = new Map<string, Instance | undefined>()
  for (const instance of delta) {
    const { key } = instance
    const known = steps.has(key) ? steps.get(key) : catalogue.get(key)
    if (isNewer(instance, known)) steps.set(key, instance.action === 'DELETED' ? undefined : instance)
  }
  return steps
}

export function applyDelta(catalogue: Catalogue, delta: readonly Instance[]): Catalogue {
  const next = new Map(catalogue)
  for (const [key, instance] of deltaSteps(catalogue, delta)) {
    if (instance) next.set(key, instance)
    else next.delete(key)
  }
  return next
}

export function countStatuses(instances: Iterable<Instance>): Counts {
  const counts = new Map<string, number>()
  for (const { facts } of instances) counts.set(facts.status, (counts.get(facts.status) ?? 0) + 1)
  return counts
}

/** The counts after these steps, so that a delta costs what it names and not what there is. */
export function countSteps(
  counts: Counts,
  catalogue: Catalogue,
  steps: ReadonlyMap<string, Instance | undefined>,
): Counts {
  const next = new Map(counts)
  const add = (instance: Instance | undefined, one: number) => {
    if (instance) next.set(instance.facts.status, (next.get(instance.facts.status) ?? 0) + one)
  }
  for (const [key, instance] of steps) {
    add(catalogue.get(key), -1)
    add(instance, 1)
  }
  return next
}

/** Eureka's `appsHashCode`, e.g. `DOWN_1_UP_5_`: each status in order of its name, with how many have it. */
export const hashOfCounts = (counts: Counts): string =>
  [...counts]
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `${status}_${count}_`)
    .join('')

export const reconcileHash = (instances: Iterable<Instance>): string => hashOfCounts(countStatuses(instances))
