/** Leases that ran out long ago: in self-preservation a server keeps the dead with the living, for ever. */
import type { Instance } from './wire.ts'

/**
 * Keys of those whose lease ended more than `after` ms before `now`, the server's own time. An instance that says it is
 * not UP needs no such judgement; one without lease times gets none.
 */
export function expiredLeases(
  instances: Iterable<Instance>,
  now: number,
  after: number,
): ReadonlySet<string> {
  const expired = new Set<string>()
  for (const { key, facts, lease } of instances) {
    if (facts.status !== 'UP' || lease.lastRenewal <= 0 || lease.duration <= 0) continue
    if (now - (lease.lastRenewal + lease.duration) > after) expired.add(key)
  }
  return expired
}
