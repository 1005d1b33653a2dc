/** Asks each question when its answer has run out, and gives what is known of it: the edge around question.ts. */
import type { SchedulerLike, Subscription } from 'rxjs'
import { type Backoff, createBackoff } from '#support/backoff.ts'
import { reasonOf, registryError } from '../trouble.ts'
import type { Outcome, RecordSet } from './answer.ts'
import { type Question, questionKey } from './message.ts'
import { type Bounds, hear, type QuestionState } from './question.ts'
import type { StateOf } from './translate.ts'

export type Ask = (question: Question, signal: AbortSignal) => Promise<Outcome>

export interface FollowDeps {
  readonly ask: Ask
  readonly bounds: Bounds
  readonly clock: SchedulerLike
  readonly random: () => number
  /** The questions that are wanted, as far as is known by now. */
  readonly wanted: (stateOf: StateOf) => Iterable<Question>
  /** After answers: once for those of one turn. */
  readonly onHeard: () => void
}

export interface Follower {
  readonly stateOf: StateOf
  /** When the next question is asked again after a failure, ms; undefined: none has failed. */
  retryAt(): number | undefined
  stop(): void
}

interface Followed {
  readonly question: Question
  readonly backoff: Backoff
  state: QuestionState
  /** When it is due; undefined: it is new, or on its way. */
  timer?: Subscription
  onItsWay: boolean
  retryAt?: number
}

/** What should not happen, such as a target that can't be written into a message, is an outage of that question alone. */
const broken = (error: unknown): Outcome => ({
  kind: 'failed',
  error: registryError('PH3008', `The question can't be asked: ${reasonOf(error)}.`),
})

/** Questions on their way at once: a server's queue must not be ours to fill. */
const IN_FLIGHT = 32

export function follow({ ask, bounds, clock, random, wanted, onHeard }: FollowDeps): Follower {
  const followed = new Map<string, Followed>()
  const waiting: Followed[] = []
  const stopped = new AbortController()
  const cameAlong: RecordSet[] = []
  let turn: Subscription | undefined
  let inFlight = 0
  const stateOf: StateOf = (question) => followed.get(questionKey(question))?.state

  const isFollowed = (one: Followed): boolean => followed.get(questionKey(one.question)) === one

  function askSoon(one: Followed): void {
    one.timer = undefined
    one.onItsWay = true
    waiting.push(one)
    askNext()
  }
  function askNext(): void {
    while (inFlight < IN_FLIGHT && waiting.length > 0) {
      const one = waiting.shift()!
      if (!isFollowed(one)) continue
      inFlight++
      ask(one.question, stopped.signal)
        .catch(broken)
        .then((outcome) => {
          inFlight--
          one.onItsWay = false
          if (stopped.signal.aborted) return
          if (isFollowed(one)) take(one, outcome)
          askNext()
        })
    }
  }
  function take(one: Followed, outcome: Outcome): void {
    note(one, outcome)
    if (outcome.kind === 'records') cameAlong.push(...outcome.additional)
    turn ??= clock.schedule(endTurn)
  }
  /** The answers of one turn are looked at together. */
  function endTurn(): void {
    turn = undefined
    wantOnly()
    for (const set of cameAlong.splice(0)) {
      const along = followed.get(questionKey(set.question))
      if (along) note(along, { kind: 'records', set, additional: [] })
    }
    // What is new is asked only now: it may have come along.
    askNew()
    onHeard()
  }
  function note(one: Followed, outcome: Outcome): void {
    const { state, wait } = hear(one.state, outcome, clock.now(), bounds, random)
    one.state = state
    if (wait !== undefined) one.backoff.reset()
    const delay = wait ?? one.backoff.next()
    one.retryAt = wait === undefined ? clock.now() + delay : undefined
    one.timer?.unsubscribe()
    one.timer = clock.schedule(() => askSoon(one), delay)
  }
  function askNew(): void {
    for (const one of [...followed.values()]) if (!one.timer && !one.onItsWay) askSoon(one)
  }
  function wantOnly(): void {
    const keys = new Set<string>()
    for (const question of wanted(stateOf)) {
      const key = questionKey(question)
      keys.add(key)
      if (!followed.has(key))
        followed.set(key, {
          question,
          state: {},
          onItsWay: false,
          backoff: createBackoff({ first: 500, random }),
        })
    }
    for (const [key, one] of followed) {
      if (keys.has(key)) continue
      one.timer?.unsubscribe()
      followed.delete(key)
    }
  }

  wantOnly()
  askNew()
  return {
    stateOf,
    retryAt() {
      const times = [...followed.values()].flatMap((one) => one.retryAt ?? [])
      return times.length > 0 ? Math.min(...times) : undefined
    },
    stop() {
      turn?.unsubscribe()
      for (const one of followed.values()) one.timer?.unsubscribe()
      followed.clear()
      stopped.abort()
    },
  }
}
