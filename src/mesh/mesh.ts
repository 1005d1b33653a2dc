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
import type { ConfigUpdate } from '#model/config.ts'
import type { Issue, PilotError } from '#model/issue.ts'
import type { ChangeSet, MeshSnapshot, MeshUpdate } from '#model/mesh.ts'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'
import { sameContent } from '#support/equal.ts'
import type { Logger } from '#support/logger.ts'
import { type LiveMerge, liveMerge, type MeshCounters } from './live.ts'
import type { SourceId } from './merge.ts'
import type { MeshOptions } from './precedence.ts'
import { RESTORED_GRACE, type Readiness, readinessOf } from './readiness.ts'
import { heldCount, type Restored, type SaidContent } from './said.ts'
import { steady } from './source.ts'

export type { MeshCounters } from './live.ts'
export type { MeshOptions } from './precedence.ts'
export { defaultMeshOptions } from './precedence.ts'
export type { Protection } from './protect.ts'
export type { Readiness } from './readiness.ts'

export type RestoredSource = Restored & { readonly source: SourceId }

/** What the mesh needs of the last snapshot on disk (store.ts). */
export interface SnapshotStore {
  /** By name of the source; the mesh takes out what it uses, so that old content is not held for ever. */
  readonly restored: Map<string, RestoredSource>
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
  /**
   * The operator accepts that what is held back of this registry is gone: how many services (and workloads) are let go;
   * undefined: there is no such registry.
   */
  accept(registry: string): number | undefined
  /** Everything wrong now: services', sources' and the store's issues. */
  issues(): readonly Issue[]
}

interface Source extends SourceId {
  readonly updates: Observable<RegistryUpdate | ConfigUpdate>
}

/** `updates` are read where they are subscribed to: a source that fails at that is trouble, not the end of all. */
const sourceOf = (source: Registry | ConfigSource, role: SourceId['role']): Source => ({
  name: source.name,
  kind: source.kind,
  role,
  get updates() {
    return source.updates
  },
})

const sourcesOf = ({ registries, configs }: MeshDeps): readonly Source[] => {
  const sources: Source[] = [
    ...registries.map((source) => sourceOf(source, 'registry')),
    ...configs.map((source) => sourceOf(source, 'config')),
  ]
  const twice = sources.find(({ name }, index) => sources.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined)
    throw new Error(`Two sources are named ${twice.name}: give one of them another name.`)
  return sources
}

const everything = ({ services, configs }: MeshSnapshot): ChangeSet => ({
  services: new Map([...services.keys()].map((key) => [key, 'attributes'])),
  configs: new Set(configs.keys()),
})

/** Hands in the last snapshot of each source that is still the same kind of source. */
const restore = (sources: readonly Source[], store: SnapshotStore | undefined, live: LiveMerge): void => {
  for (const source of sources) {
    const update = store?.restored.get(source.name)
    if (update?.source.kind !== source.kind || update.source.role !== source.role) continue
    store?.restored.delete(source.name)
    live.take(source, update)
  }
}

const listen = (source: Source, live: LiveMerge, { clock, log }: MeshDeps): Subscription => {
  const broken = (error: PilotError): void => {
    log.error({ source: source.name, ...error }, 'source broke')
    live.take(source, { kind: 'trouble', error, since: new Date(clock.now()) })
  }
  return steady(source, clock, broken).subscribe((update) => live.take(source, update))
}

/** Latches: ready once, ready for good. */
const readinessGate = (live: LiveMerge, { clock, settings, registries }: MeshDeps) => {
  const aside = new Set(registries.flatMap(({ name, awaited }) => (awaited === false ? [name] : [])))
  let startedAt: Date | undefined
  const graces = new Subscription()
  const assess = (): Readiness => {
    const now = new Date(clock.now())
    const said = [...live.state().said.values()].filter(({ state }) => !aside.has(state.name))
    return readinessOf(said, { startedAt, now, grace: settings.startupGrace })
  }
  const readiness = new BehaviorSubject<Readiness>(assess())
  const reassess = (): void => {
    if (readiness.value.ready || startedAt === undefined) return
    readiness.next(assess())
    if (readiness.value.ready) graces.unsubscribe()
  }
  const start = (stopped: Subscription): void => {
    startedAt = new Date(clock.now())
    stopped.add(() => readiness.complete())
    stopped.add(graces)
    reassess()
    for (const grace of [RESTORED_GRACE, settings.startupGrace])
      if (!readiness.value.ready) graces.add(timer(grace, clock).subscribe(reassess))
  }
  return { readiness, reassess, start }
}

/** Ends the subscription at the signal; an aborted one ends it now. */
const stopAt = (signal: AbortSignal | undefined, subscription: Subscription): void => {
  const stop = (): void => subscription.unsubscribe()
  signal?.addEventListener('abort', stop, { once: true })
  subscription.add(() => signal?.removeEventListener('abort', stop))
  if (signal?.aborted) stop()
}

/** Throws if two sources share a name. Before `start` there is at most the last snapshot from disk. */
export const createMesh = (deps: MeshDeps): Mesh => {
  const { store } = deps
  const sources = sourcesOf(deps)
  const subject = new Subject<MeshUpdate>()
  let reassess = (): void => {}
  const live = liveMerge({
    ...deps,
    sources,
    onSaid: (source, content, saidAt) => store?.save(source, content, saidAt),
    onMerged: () => reassess(),
    onChange: (update) => subject.next(update),
  })
  restore(sources, store, live)
  const gate = readinessGate(live, deps)
  reassess = gate.reassess

  let running: Subscription | undefined
  const start = (signal?: AbortSignal): Subscription => {
    if (running !== undefined) return running
    running = new Subscription(() => subject.complete())
    running.add(live.timers)
    gate.start(running)
    stopAt(signal, running)
    for (const source of sources) if (!running.closed) running.add(listen(source, live, deps))
    return running
  }

  const snapshot = (): MeshSnapshot => live.state().snapshot
  const ready$ = gate.readiness.pipe(distinctUntilChanged<Readiness>(sameContent))
  const isReady = ready$.pipe(
    filter(({ ready }) => ready),
    map(() => true),
  )
  return {
    updates: new Observable((subscriber) => {
      subscriber.next({ snapshot: snapshot(), changes: everything(snapshot()) })
      return subject.subscribe(subscriber)
    }),
    ready$,
    counters: live.counters,
    start,
    snapshot,
    readiness: () => gate.readiness.value,
    whenReady: () => firstValueFrom(isReady, { defaultValue: false }),
    accept: (registry) => {
      const source = sources.find(({ name, role }) => name === registry && role === 'registry')
      if (source === undefined) return undefined
      const count = heldCount(live.state().said.get(registry)!)
      if (count > 0) live.take(source, { kind: 'accept' })
      return count
    },
    issues: () => [
      ...[...snapshot().sources.values()].flatMap(({ issues }) => issues),
      ...[...snapshot().services.values()].flatMap(({ issues }) => issues),
      ...(store?.issues() ?? []),
    ],
  }
}
