/** One server's instances, raw and complete: what deltas are applied to, and the hash that proves them whole. */
import type { Instance } from './wire.ts'

/** By `Instance.key`. */
export type Catalogue = ReadonlyMap<string, Instance>

export const catalogueOf = (instances: readonly Instance[]): Catalogue =>
  new Map(instances.map((instance) => [instance.key, instance]))

/** Whether `next` is no older word of the same server than `known`. */
export const isNewer = (next: Instance, known: Instance | undefined): boolean =>
  known === undefined || next.updated === 0 || next.updated >= known.updated

/**
 * A delta names what changed in the last three minutes, so most of it is known already and comes again. It may be older
 * than what is known: a server's cache keeps an answer that was made while something changed, for up to 180 s.
 */
export function applyDelta(catalogue: Catalogue, delta: readonly Instance[]): Catalogue {
  const next = new Map(catalogue)
  for (const instance of delta) {
    if (!isNewer(instance, next.get(instance.key))) continue
    if (instance.action === 'DELETED') next.delete(instance.key)
    else next.set(instance.key, instance)
  }
  return next
}

/** Eureka's `appsHashCode`: each status, in order of its name, with the number of instances that have it. */
export function reconcileHash(instances: Iterable<Instance>): string {
  const counts = new Map<string, number>()
  for (const { facts } of instances) counts.set(facts.status, (counts.get(facts.status) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `${status}_${count}_`)
    .join('')
}
