/** The pipe: all sources in, one stream of immutable snapshots out. The rules are in merge.ts and readiness.ts. */
import {
  BehaviorSubject,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  map,
  Observable,
  type SchedulerLike,
  Subject,
  Subscription,
  timer,
} from 'rxjs'
import type { ConfigSource } from '#config/source.ts'
import type { Issue, PilotError } from '#model/issue.ts'
import type { ChangeSet, MeshSnapshot, MeshUpdate } from '#model/mesh.ts'
import type { Registry } from '#registries/registry.ts'
import type { Logger } from '#support/logger.ts'
import { sameContent } from './equal.ts'
import { initialState, type MergeState, reduce, type SourceId } from './merge.ts'
import type { MeshOptions } from './precedence.ts'
import { RESTORED_GRACE, type Readiness, readinessOf } from './readiness.ts'
import type { MergeEvent, Restored, Said, SaidContent } from './said.ts'
import { steady } from './source.ts'

export type { Alias, MeshOptions } from './precedence.ts'
export { defaultMeshOptions } from './precedence.ts'
export type { Readiness, WaitingFor } from './readiness.ts'

export type RestoredSource = Restored & { readonly source: SourceId }

/** What the mesh needs of the last snapshot on disk (store.ts). */
export interface SnapshotStore {
  /** By name of the source. */
  readonly restored: ReadonlyMap<string, RestoredSource>
  /** Takes note of what a source has said; written soon. Never throws. */
  save(source: SourceId, content: SaidContent, saidAt: Date): void
  issues(): readonly Issue[]
}

export interface MeshDeps {
  /** In order of precedence; names unique among registries and configs together. */
  readonly registries: readonly Registry[]
  readonly configs: readonly ConfigSource[]
  readonly settings: MeshOptions
  readonly clock: SchedulerLike
  readonly log: Logger
  readonly store?: SnapshotStore
}

export interface MeshCounters {
  /** Updates of sources that went through the merge. */
  merges: number
  /** Services merged anew, all updates together. */
  servicesTouched: number
  /** Snapshots told to subscribers. */
  emitted: number
}

export interface Mesh {
  /** Shared and hot; who subscribes gets the current snapshot first, with everything as its changes. Never errors. */
  readonly updates: Observable<MeshUpdate>
  readonly ready$: Observable<Readiness>
  readonly counters: Readonly<MeshCounters>
  /** Subscribes to all sources, once; the signal, or unsubscribing, lets go of all of them and ends `updates`. */
  start(signal?: AbortSignal): Subscription
  snapshot(): MeshSnapshot
  readiness(): Readiness
  /** true once ready; false if stopped before. */
  whenReady(): Promise<boolean>
  /** Everything wrong now: services', sources' and the store's issues. */
  issues(): readonly Issue[]
}

const everything = ({ services, configs }: MeshSnapshot): ChangeSet => ({
  services: new Map([...services.keys()].map((key) => [key, 'attributes'])),
  configs: new Set(configs.keys()),
})

const sourcesOf = ({ registries, configs }: MeshDeps): readonly SourceId[] => {
  const sources: SourceId[] = [
    ...registries.map(({ name, kind }) => ({ name, kind, role: 'registry' as const })),
    ...configs.map(({ name, kind }) => ({ name, kind, role: 'config' as const })),
  ]
  const twice = sources.find(({ name }, index) => sources.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined)
    throw new Error(`Two sources are named ${twice.name}: give one of them another name.`)
  return sources
}

const unmergeable = (source: string, reason: unknown): PilotError => ({
  code: 'PH2041',
  message: `An update of ${source} could not be merged: ${reason instanceof Error ? reason.message : String(reason)}`,
  remedy: 'What it said before stays valid; please report this as a bug of the source.',
})

/** Trouble in the name of a source; both roles have the same. */
const trouble = ({ role, name }: SourceId, at: Date, error: PilotError): MergeEvent => ({
  role,
  source: name,
  at,
  update: { kind: 'trouble', error, since: at },
})

/** Handles one after the other: an item that comes while another is handled waits, so that nobody sees two orders. */
const oneByOne = <T>(handle: (item: T) => void): ((item: T) => void) => {
  const queue: T[] = []
  let busy = false
  return (item) => {
    queue.push(item)
    if (busy) return
    busy = true
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) handle(next)
    } finally {
      busy = false
    }
  }
}

/** Throws if two sources share a name. Nothing happens before `start`, except that the last snapshot is there. */
export const createMesh = (deps: MeshDeps): Mesh => {
  const { settings, clock, log, store } = deps
  const sources = sourcesOf(deps)
  const now = (): Date => new Date(clock.now())
  const counters: MeshCounters = { merges: 0, servicesTouched: 0, emitted: 0 }
  const subject = new Subject<MeshUpdate>()
  let state: MergeState = initialState(sources, settings)
  let startedAt = now()
  let started = false
  const stopped = new Subscription()
  const settling = new Set<string>()

  const assess = (): Readiness =>
    readinessOf(state.said.values(), { startedAt, now: now(), grace: settings.startupGrace })
  const readiness = new BehaviorSubject<Readiness>(assess())
  const reassess = (): void => {
    if (!readiness.value.ready && started) readiness.next(assess())
  }

  const save = (source: SourceId, before: Said, after: Said): void => {
    const same = (['services', 'workloads', 'configs', 'issues'] as const).every(
      (part) => before[part] === after[part],
    )
    if (after.synced && !(same && before.synced)) store?.save(source, after, after.state.lastUpdate ?? now())
  }

  /** Wakes when the next removal of this source is due; nothing runs while none is. */
  const settleLater = (source: SourceId): void => {
    const first = Math.min(...state.said.get(source.name)!.leaving.values())
    if (first === Number.POSITIVE_INFINITY || settling.has(source.name) || stopped.closed) return
    settling.add(source.name)
    const wake = timer(Math.max(0, first - clock.now()), clock).subscribe(() => {
      settling.delete(source.name)
      take({ source, event: { role: source.role, source: source.name, at: now(), update: { kind: 'tick' } } })
    })
    stopped.add(wake)
  }

  const merge = (source: SourceId, event: MergeEvent): void => {
    let result: ReturnType<typeof reduce>
    try {
      result = reduce(state, event)
    } catch (reason) {
      const error = unmergeable(source.name, reason)
      log.error({ source: source.name, ...error }, 'update refused')
      result = reduce(state, trouble(source, now(), error))
    }
    const before = state.said.get(source.name)!
    state = result.state
    counters.merges++
    counters.servicesTouched += result.touched
    save(source, before, state.said.get(source.name)!)
    reassess()
    settleLater(source)
    if (!result.changed) return
    counters.emitted++
    subject.next({ snapshot: state.snapshot, changes: result.changes })
  }
  const take = oneByOne(({ source, event }: { source: SourceId; event: MergeEvent }) => merge(source, event))

  for (const source of sources) {
    const update = store?.restored.get(source.name)
    if (update === undefined || update.source.kind !== source.kind || update.source.role !== source.role)
      continue
    take({ source, event: { role: source.role, source: source.name, at: update.savedAt, update } })
  }

  const listen = (source: SourceId): Subscription => {
    const { name, role } = source
    const broken = (error: PilotError): void => {
      log.error({ source: name, ...error }, 'source broke')
      take({ source, event: trouble(source, now(), error) })
    }
    const registry = deps.registries.find((one) => one.name === name)
    if (role === 'registry' && registry !== undefined)
      return steady(registry, clock, broken).subscribe((update) =>
        take({ source, event: { role, source: name, at: now(), update } }),
      )
    const config = deps.configs.find((one) => one.name === name)!
    return steady(config, clock, broken).subscribe((update) =>
      take({ source, event: { role: 'config', source: name, at: now(), update } }),
    )
  }

  const start = (signal?: AbortSignal): Subscription => {
    if (started) return stopped
    started = true
    startedAt = now()
    stopped.add(() => {
      subject.complete()
      readiness.complete()
    })
    const stop = (): void => stopped.unsubscribe()
    signal?.addEventListener('abort', stop, { once: true })
    stopped.add(() => signal?.removeEventListener('abort', stop))
    if (signal?.aborted) stop()
    for (const source of sources) if (!stopped.closed) stopped.add(listen(source))
    reassess()
    for (const grace of [RESTORED_GRACE, settings.startupGrace])
      if (!readiness.value.ready) stopped.add(timer(grace, clock).subscribe(reassess))
    return stopped
  }

  const ready$ = readiness.pipe(distinctUntilChanged<Readiness>(sameContent))
  return {
    updates: new Observable((subscriber) => {
      subscriber.next({ snapshot: state.snapshot, changes: everything(state.snapshot) })
      return subject.subscribe(subscriber)
    }),
    ready$,
    counters,
    start,
    snapshot: () => state.snapshot,
    readiness: () => readiness.value,
    whenReady: () =>
      firstValueFrom(
        ready$.pipe(
          filter(({ ready }) => ready),
          map(() => true),
        ),
        { defaultValue: false },
      ),
    issues: () => [
      ...[...state.snapshot.sources.values()].flatMap(({ issues }) => issues),
      ...[...state.snapshot.services.values()].flatMap(({ issues }) => issues),
      ...(store?.issues() ?? []),
    ],
  }
}
