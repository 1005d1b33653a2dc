/**
 * One question that is asked for good: what is known, what is doubted, and when to ask again. Pure.
 *
 * Records are believed at once. "There is none" is believed when it has been said twice: a server that has just lost its
 * zone, or another view behind one address, says it too. Nothing else ever takes records away.
 */
import type { PilotError } from '#model/issue.ts'
import type { Outcome, RecordSet } from './answer.ts'

export interface QuestionState {
  /** What holds; undefined: never answered. */
  readonly known?: RecordSet | 'none'
  /** "There is none" has been said once since there were records. */
  readonly doubted?: boolean
  /** It can't be asked; `since` in ms. */
  readonly trouble?: { readonly error: PilotError; readonly since: number }
}

export interface Bounds {
  readonly min: number
  readonly max: number
}

/** How soon "there is none" is asked again: to believe it, before anything is known, and where no TTL says. */
const DOUBT = 5_000
const DOUBT_AT_START = 1_000
const NONE_WITHOUT_TTL = 5_000
/** After the TTL, so that a cache on the way has forgotten, and not all at the same time. */
const JITTER = 0.05
const MAX_JITTER = 1_000

export interface Heard {
  readonly state: QuestionState
  /** Ms until it is to be asked again; undefined: after a failure, when the caller's back-off says. */
  readonly wait?: number
}

export function hear(
  state: QuestionState,
  outcome: Outcome,
  at: number,
  bounds: Bounds,
  random: () => number,
): Heard {
  const later = (ttl: number): number => {
    const held = Math.min(Math.max(ttl, bounds.min), bounds.max)
    return Math.round(held + random() * Math.min(held * JITTER, MAX_JITTER))
  }
  switch (outcome.kind) {
    case 'records':
      return { state: { known: outcome.set }, wait: later(outcome.set.ttl) }
    case 'none': {
      if (state.known === 'none' || state.doubted)
        return { state: { known: 'none' }, wait: later(outcome.ttl || NONE_WITHOUT_TTL) }
      const longest = state.known === undefined ? DOUBT_AT_START : DOUBT
      return {
        state: { ...withoutTrouble(state), doubted: true },
        wait: Math.min(later(outcome.ttl), longest),
      }
    }
    case 'failed':
      return { state: { ...state, trouble: { error: outcome.error, since: state.trouble?.since ?? at } } }
  }
}

const withoutTrouble = ({ trouble: _over, ...state }: QuestionState): QuestionState => state
