/** Self-registration as a registry: proxies that name a WorkloadGroup become workloads while they are connected. */
import { Observable, type Subscriber, Subscription } from 'rxjs'
import type { ConfigSource } from '#config/source.ts'
import { type Workload, workloadKey } from '#model/service.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import { directoryStore } from './directory.ts'
import type { Group } from './entry.ts'
import type { AutoregistrationSettings } from './options.ts'
import type { ProxyEvent } from './proxy.ts'
import { createRecords } from './records.ts'
import { createSharedWorkloads, type Store } from './shared.ts'
import { createRegistrations, type Remark } from './state.ts'

export interface AutoregistrationDeps extends Pick<RegistryDeps, 'clock' | 'log'> {
  /** Those that are connected first, then what happens. */
  readonly proxies: Observable<ProxyEvent>
  /** All WorkloadGroups that there are, whenever one of them changes; nothing while they are not known. */
  readonly groups: Observable<readonly Group[]>
  /** What it told before a restart. */
  readonly restored: readonly Workload[]
  /** This Pilot among those that share a directory; the same after a restart. */
  readonly controller: string
  /** The followed files of the shared directory. */
  readonly files: (path: string) => ConfigSource
  /** Given in tests; otherwise the shared directory. */
  readonly store?: Store
}

/**
 * How long a proxy may take to come back after a restart: Envoy tries at least every 30 s, with jitter, and its workload
 * works all the time.
 */
export const RETURN_PERIOD = 45_000
/** What is overdue is looked at again no sooner, ms. */
const LEAST_DELAY = 1_000

export function autoregistrationRegistry(
  settings: AutoregistrationSettings,
  deps: AutoregistrationDeps,
): Registry {
  const updates = new Observable<RegistryUpdate>((subscriber) => listen(settings, deps, subscriber))
  return { name: settings.name, kind: 'autoregistration', updates, awaited: false }
}

function listen(
  { name: registry, gracePeriod, shared: directory }: AutoregistrationSettings,
  deps: AutoregistrationDeps,
  subscriber: Subscriber<RegistryUpdate>,
): Subscription {
  const { clock, log } = deps
  const told = createTold()
  const returnPeriod = Math.max(RETURN_PERIOD, gracePeriod)
  const state = createRegistrations({ registry, gracePeriod, returnPeriod }, deps.restored)
  const shared =
    directory === undefined
      ? undefined
      : createSharedWorkloads(deps.controller, deps.store ?? directoryStore(directory, log))
  const everything = new Subscription()
  let wake: { readonly at: number; readonly timer: Subscription } | undefined
  let synced = false
  let troubled = false

  function tell(): void {
    if (!synced) return
    const own = state.workloads()
    shared?.own(state.connected(), own, clock.now())
    const keys = new Set(own.map(workloadKey))
    const others = shared?.others(clock.now()).filter((workload) => !keys.has(workloadKey(workload))) ?? []
    const update = told.everything([], [...own, ...others]) ?? (troubled ? nothing : undefined)
    troubled = false
    if (update) subscriber.next(update)
    wakeUp()
  }
  function wakeUp(): void {
    const later = shared?.due()
    const times = [state.due(), later && Math.max(later, clock.now() + LEAST_DELAY)]
    const at = Math.min(...times.flatMap((time) => time ?? []))
    if (at === wake?.at) return
    wake?.timer.unsubscribe()
    wake =
      at === Number.POSITIVE_INFINITY
        ? undefined
        : { at, timer: clock.schedule(tick, Math.max(0, at - clock.now())) }
  }
  function tick(): void {
    wake = undefined
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
    else {
      state.open(clock.now())
      shared?.returnBy(clock.now() + returnPeriod)
    }
    tell()
  }
  function begin(): void {
    synced = true
    subscriber.next(told.full([], state.workloads()))
    tell()
  }

  everything.add(() => wake?.timer.unsubscribe())
  // What groups there are and who is connected is known before the first word.
  everything.add(
    deps.groups.subscribe((all) => {
      remark(state.setGroups(new Map(all.map((group) => [`${group.namespace}/${group.name}`, group]))))
      tell()
    }),
  )
  everything.add(deps.proxies.subscribe(hear))
  begin()
  if (shared && directory !== undefined) {
    const records = createRecords(registry)
    const follow = deps.files(directory).updates.subscribe((update) => {
      if (update.kind === 'trouble') {
        troubled = true
        subscriber.next(update)
      } else {
        shared.read(records.advance(update), clock.now())
        tell()
      }
    })
    everything.add(follow)
  }
  return everything
}

const nothing: Delta = { kind: 'delta', changed: [], removed: [], changedWorkloads: [], removedWorkloads: [] }
