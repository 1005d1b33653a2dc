/** When the mesh may be served: pure rules over what the sources have said so far. */
import type { PilotError } from '#model/issue.ts'
import type { Said } from './said.ts'

export interface WaitingFor {
  /** Name of the registry or configuration source. */
  readonly registry: string
  /** Since when it is waited for. */
  readonly since: Date
  /** What it said last, if that was trouble. */
  readonly error?: PilotError
}

export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly waitingFor: readonly WaitingFor[] }

/**
 * How long a source with a snapshot on disk is waited for, ms. Serving what was true before the restart while the
 * registry would answer in a moment would send sidecars back in time, so it gets that moment.
 */
export const RESTORED_GRACE = 2_000

export interface Wait {
  /** Undefined: not started, all are waited for. */
  readonly startedAt?: Date
  readonly now: Date
  /** `MeshOptions.startupGrace`. */
  readonly grace: number
}

/**
 * A source is waited for until it has said `full`; one with a snapshot from disk only until it has said anything,
 * trouble included, or for `RESTORED_GRACE`; and none for longer than the grace, unless no registry knows anything at
 * all: to serve nothing would take everything from sidecars that a Pilot before this one has served.
 */
const isAwaited = ({ synced, restored, state }: Said, elapsed: number, graceIsOver: boolean): boolean => {
  if (synced || graceIsOver) return false
  return restored === undefined || (state.error === undefined && elapsed < RESTORED_GRACE)
}

const knowsSomething = ({ synced, restored }: Said): boolean => synced || restored !== undefined

export const readinessOf = (said: Iterable<Said>, { startedAt, now, grace }: Wait): Readiness => {
  const sources = [...said]
  const registries = sources.filter(({ state }) => state.role === 'registry')
  const blind = registries.length > 0 && !registries.some(knowsSomething)
  const since = startedAt ?? now
  const elapsed = now.getTime() - since.getTime()
  const waitingFor = sources
    .filter((source) => {
      const over = elapsed >= grace && !(blind && source.state.role === 'registry')
      return isAwaited(source, elapsed, over)
    })
    .map(({ state }): WaitingFor => ({ registry: state.name, since, error: state.error }))
  return startedAt !== undefined && waitingFor.length === 0 ? { ready: true } : { ready: false, waitingFor }
}
