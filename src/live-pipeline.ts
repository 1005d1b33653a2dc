/** The pipeline in force, and how another takes its place: made beside it, waited for, then switched to. */
import { BehaviorSubject, type Observable, switchMap } from 'rxjs'
import type { SnapshotStore } from '#mesh/mesh.ts'
import type { MeshUpdate } from '#model/mesh.ts'
import type { Settings } from '#src/settings.ts'
import type { ResourceSource } from '#xds/resources.ts'
import { createHandover, type HandoverStore } from './handover.ts'
import { createPipeline, type Pipeline, type PipelineDeps } from './pipeline.ts'
import { switchedSource } from './switched-source.ts'

export interface LivePipeline {
  /** The same for the whole life; what it gives comes from the pipeline in force. */
  readonly source: ResourceSource
  /** The current snapshot first; after a switch the new pipeline's. Completes at the end. */
  readonly updates: Observable<MeshUpdate>
  /** Emits the one in force first, then each that takes its place. */
  readonly pipelines: Observable<Pipeline>
  readonly current: () => Pipeline
  /** true once the pipeline in force, whichever that is by then, is ready; false at the end. */
  whenReady(): Promise<boolean>
  /** The mesh in force listens to its sources. */
  readonly alive: () => boolean
  start(): void
  /**
   * Makes a pipeline of these settings beside the one in force, lets it hear its registries (as long as a start would),
   * and puts it in force. Sources of the same name begin with what is known of them, as after a restart.
   * Resolves with false if a later call, or the end, came first. Throws what createPipeline throws; then all stays.
   */
  replace(settings: Settings): Promise<boolean>
  end(): void
}

interface Run {
  readonly pipeline: Pipeline
  readonly store: HandoverStore
  readonly stopping: AbortController
  /** Closed once the mesh has stopped. */
  listening?: { readonly closed: boolean }
}

export interface LiveDeps extends Omit<PipelineDeps, 'store'> {
  readonly disk?: SnapshotStore
}

export function createLivePipeline(settings: Settings, { disk, ...deps }: LiveDeps): LivePipeline {
  const handover = createHandover(disk)
  const make = (wanted: Settings): Run => {
    const store = handover.next()
    return { store, pipeline: createPipeline(wanted, { ...deps, store }), stopping: new AbortController() }
  }
  let inForce = make(settings)
  inForce.store.takeOver()
  let waiting: Run | undefined
  let ended = false
  const switched = switchedSource(inForce.pipeline.source, {
    now: () => performance.now(),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  })
  const pipelines = new BehaviorSubject(inForce.pipeline)

  async function replace(wanted: Settings): Promise<boolean> {
    const next = make(wanted)
    if (waiting) stop(waiting)
    waiting = next
    start(next)
    const ready = await next.pipeline.mesh.whenReady()
    if (waiting !== next || !ready || ended) return false
    waiting = undefined
    const before = inForce
    inForce = next
    next.store.takeOver()
    pipelines.next(next.pipeline)
    await switched.swap(next.pipeline.source)
    stop(before)
    return true
  }

  async function whenReady(): Promise<boolean> {
    // A mesh that another has replaced is never ready.
    while (!ended) if (await inForce.pipeline.mesh.whenReady()) return true
    return false
  }

  return {
    source: switched.source,
    updates: pipelines.pipe(switchMap(({ mesh }) => mesh.updates)),
    pipelines: pipelines.asObservable(),
    current: () => inForce.pipeline,
    whenReady,
    alive: () => inForce.listening?.closed === false,
    start: () => start(inForce),
    replace,
    end() {
      ended = true
      if (waiting) stop(waiting)
      waiting = undefined
      stop(inForce)
      pipelines.complete()
    },
  }
}

function start(run: Run): void {
  run.listening = run.pipeline.mesh.start(run.stopping.signal)
}

function stop({ pipeline, stopping }: Run): void {
  stopping.abort()
  pipeline.views.close()
}

/** An object that is always the newest one: each property is read from `read()` when it is asked for. */
export const newest = <T extends object>(read: () => T): T =>
  new Proxy(Object.create(null) as T, { get: (_, key) => Reflect.get(read(), key) })
