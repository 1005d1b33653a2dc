/** How the Pilot does, for whoever keeps it running (systemd, a supervisor): what it waits for, what is stale. */
import {
  combineLatest,
  distinctUntilChanged,
  endWith,
  ignoreElements,
  map,
  type Observable,
  switchMap,
  takeUntil,
} from 'rxjs'
import type { Readiness } from '#mesh/mesh.ts'
import type { MeshSnapshot } from '#model/mesh.ts'
import { sameContent } from '#support/equal.ts'
import type { LivePipeline } from './live-pipeline.ts'

export interface PilotHealth {
  /** The sources have spoken, or their grace is over. */
  readonly ready: boolean
  /** Sources that hold readiness back, with what they said last if that was trouble. */
  readonly waitingFor: readonly SourceTrouble[]
  /** Sources whose last answer is kept because they can't be reached. */
  readonly stale: readonly SourceTrouble[]
}
export interface SourceTrouble {
  readonly source: string
  readonly error?: string
}

export const health = ({ pipelines }: Pick<LivePipeline, 'pipelines'>): Observable<PilotHealth> =>
  pipelines.pipe(
    switchMap(({ mesh }) => {
      const snapshots = mesh.updates.pipe(map(({ snapshot }) => snapshot))
      // Readiness ends with the mesh, and so does this.
      const over = mesh.updates.pipe(ignoreElements(), endWith(true))
      return combineLatest([mesh.ready$, snapshots]).pipe(map(healthOf), takeUntil(over))
    }),
    distinctUntilChanged<PilotHealth>(sameContent),
  )

function healthOf([readiness, { sources }]: [Readiness, MeshSnapshot]): PilotHealth {
  const waitingFor = readiness.ready ? [] : readiness.waitingFor
  return {
    ready: readiness.ready,
    waitingFor: waitingFor.map(({ registry, error }) => trouble(registry, error?.message)),
    stale: [...sources.values()]
      .filter(({ state, lastUpdate }) => state === 'stale' && lastUpdate !== undefined)
      .map(({ name, error }) => trouble(name, error?.message)),
  }
}

const trouble = (source: string, error: string | undefined): SourceTrouble => ({
  source,
  ...(error !== undefined && { error }),
})
