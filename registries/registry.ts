/** The contract of every registry adapter. */
import type { Observable, SchedulerLike } from 'rxjs'
import type { Missing, PilotError } from '#model/issue.ts'
import type { Service, ServiceKey, Workload, WorkloadKey } from '#model/service.ts'
import type { Logger } from '#support/logger.ts'

/** One source of services: one catalogue, one connection, no knowledge of sidecars or of other sources. */
export interface Registry {
  /** Unique and stable, e.g. `consul/dc1`: the owner recorded on everything it reports. */
  readonly name: string
  /** e.g. `consul`, `file`. */
  readonly kind: string
  /**
   * false: it has no catalogue of its own but is told by those who are served (self-registration). Readiness neither
   * waits for it nor is content with it alone. Absent is true.
   */
  readonly awaited?: boolean
  /** Cold: connects on subscribe, frees all on unsubscribe. Never errors or completes: an outage is a value. */
  readonly updates: Observable<RegistryUpdate>
}

export type RegistryUpdate =
  /**
   * All it knows; replaces only what this registry said before. The first one means "synced"; empty is a fact, not
   * silence. A later one is a new history (the registry restarted, was restored): where it leaves most out, the mesh
   * holds that back as `protected`. What is known to be deregistered goes into a `delta`.
   * `missing`: why a part of it (a datacenter, a namespace, a name) could not be asked yet. What is not in it stays as it
   * was said, or is known from disk, in that trouble: no failure takes anything away. It is "synced" all the same, and
   * changes follow as a `delta`; once the part has been asked a `full` without `missing` follows.
   */
  | {
      readonly kind: 'full'
      readonly services: readonly Service[]
      readonly workloads: readonly Workload[]
      readonly missing?: Missing
    }
  /** Explicit word. Whole services and whole workloads, never loose endpoints, so a lost step can't leave half a service. */
  | {
      readonly kind: 'delta'
      readonly changed: readonly Service[]
      readonly removed: readonly ServiceKey[]
      readonly changedWorkloads: readonly Workload[]
      readonly removedWorkloads: readonly WorkloadKey[]
    }
  /**
   * Unreachable or not understood; what it said last stays valid and is marked stale since `since`. With `services`:
   * only these are in trouble (a watch of theirs fails) while the registry as such speaks; absent = the whole registry.
   * A service's trouble ends with a `full`, or with a `delta` that names it, be its content the same; the registry's
   * own with any `full` or `delta`.
   */
  | {
      readonly kind: 'trouble'
      readonly error: PilotError
      readonly since: Date
      readonly retryAt?: Date
      readonly services?: readonly ServiceKey[]
    }

/** Given, never imported, so a test passes recorded answers and virtual time. */
export interface RegistryDeps {
  readonly fetch: typeof fetch
  readonly clock: SchedulerLike
  readonly log: Logger
}
