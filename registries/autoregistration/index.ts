/** Self-registration as a registry: proxies that name a WorkloadGroup become workloads while they are connected. */
import { Observable, type Subscription } from 'rxjs'
import type { Workload } from '#model/service.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import { createTold } from '../told.ts'
import type { Group } from './entry.ts'
import type { AutoregistrationSettings } from './options.ts'
import type { ProxyEvent } from './proxy.ts'
import { createRegistrations, type Remark } from './state.ts'

export interface AutoregistrationDeps extends Pick<RegistryDeps, 'clock' | 'log'> {
  /** Those that are connected first, then what happens. */
  readonly proxies: Observable<ProxyEvent>
  /** All WorkloadGroups that there are, whenever one of them changes; nothing while they are not known. */
  readonly groups: Observable<readonly Group[]>
  /** What it told before a restart. */
  readonly restored: readonly Workload[]
}

/**
 * How long a proxy may take to come back after a restart: Envoy tries at least every 30 s, with jitter, and its workload
 * works all the time.
 */
export const RETURN_PERIOD = 45_000

export function autoregistrationRegistry(
  settings: AutoregistrationSettings,
  deps: AutoregistrationDeps,
): Registry {
  const { clock, log } = deps
  const registry = settings.name
  const updates = new Observable<RegistryUpdate>((subscriber) => {
    const told = createTold()
    const rules = {
      registry,
      gracePeriod: settings.gracePeriod,
      returnPeriod: Math.max(RETURN_PERIOD, settings.gracePeriod),
    }
    const state = createRegistrations(rules, deps.restored)
    let timer: { readonly at: number; readonly wake: Subscription } | undefined
    let synced = false

    function tell(): void {
      const update = synced ? told.everything([], state.workloads()) : told.full([], state.workloads())
      synced = true
      if (update) subscriber.next(update)
      const due = state.due()
      if (due === timer?.at) return
      timer?.wake.unsubscribe()
      timer =
        due === undefined
          ? undefined
          : { at: due, wake: clock.schedule(tick, Math.max(0, due - clock.now())) }
    }
    function tick(): void {
      timer = undefined
      remark(state.tick(clock.now()))
      tell()
    }
    const remark = (remarks: readonly Remark[]): void => {
      for (const { what, message, node } of remarks)
        log[what === 'waiting' || what === 'refused' ? 'warn' : 'info']({ registry, node }, message)
    }
    function hear(event: ProxyEvent): void {
      if (event.kind === 'connect') remark(state.connect(event.proxy))
      else if (event.kind === 'disconnect') remark(state.disconnect(event.stream, clock.now()))
      else state.open(clock.now())
    }
    // What is connected and what groups there are is known before the first word.
    const groups = deps.groups.subscribe((all) => {
      remark(state.setGroups(new Map(all.map((group) => [`${group.namespace}/${group.name}`, group]))))
      if (synced) tell()
    })
    const proxies = deps.proxies.subscribe((event) => {
      hear(event)
      if (synced) tell()
    })
    tell()
    return () => {
      groups.unsubscribe()
      proxies.unsubscribe()
      timer?.wake.unsubscribe()
    }
  })
  return { name: registry, kind: 'autoregistration', updates, awaited: false }
}
