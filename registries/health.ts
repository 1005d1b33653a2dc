/** Health by hand: what drains or marks an endpoint in files and templates. */
import type { Health, Labels } from '#model/service.ts'

/** An annotation of a WorkloadEntry, or a label of it, of an inline endpoint or of a WorkloadGroup's template. */
export const HEALTH_KEY = 'pilothouse.io/health'

const HEALTHS: Readonly<Record<string, Health>> = {
  healthy: 'HEALTHY',
  degraded: 'DEGRADED',
  unhealthy: 'UNHEALTHY',
  draining: 'DRAINING',
}

/** Undefined: nothing is said, or no health. */
export const healthOf = (values: Labels): Health | undefined => HEALTHS[values[HEALTH_KEY] ?? '']
