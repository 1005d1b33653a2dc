/**
 * Streams that have something to say take turns, in short slices between which the process reads, writes and answers
 * others. A change is said at once while there is time: who has just heard of it is at hand, and comes back later at the
 * price of being fetched from memory again. Changes go before the first answers to newcomers, so that a thousand proxies
 * which connect at once hold up nobody's endpoints; of those a part goes on all the same, so that under constant change
 * each gets its own.
 */
export type Urgency = 'change' | 'sync'

export interface Turns {
  /** `work` is called once, at once or soon; it must not throw. */
  add(work: () => void, urgency: Urgency): void
}

export interface TurnsDeps {
  /** Milliseconds that only grow. */
  readonly now: () => number
  /** Calls back when others have had their turn. */
  readonly later: (work: () => void) => void
}

/** ms. Shorter ones let acknowledgements in between, and the last proxy of a fleet waits for them. */
const SLICE = 12
/** ms. So long changes are said at once: 500 proxies take some 15. */
const AT_ONCE = 24
/** At least so many newcomers a slice. */
const SYNCS = 1

export function createTurns({ now, later }: TurnsDeps): Turns {
  const queues: Readonly<Record<Urgency, Queue>> = { change: createQueue(), sync: createQueue() }
  let awaited = false
  /** Until then changes are said at once. */
  let atOnce = 0

  function slice(): void {
    awaited = false
    const end = now() + SLICE
    for (let i = 0; i < SYNCS; i++) queues.sync.take()?.()
    for (let work = next(); work !== undefined; work = now() < end ? next() : undefined) work()
    if (queues.change.size() + queues.sync.size() > 0) wait()
  }
  const next = () => queues.change.take() ?? queues.sync.take()

  function wait(): void {
    if (awaited) return
    awaited = true
    atOnce = now() + AT_ONCE
    later(slice)
  }

  return {
    add(work, urgency) {
      wait()
      if (urgency === 'change' && queues.change.size() === 0 && now() < atOnce) work()
      else queues[urgency].put(work)
    },
  }
}

interface Queue {
  put(work: () => void): void
  take(): (() => void) | undefined
  size(): number
}

function createQueue(): Queue {
  let items: (() => void)[] = []
  let at = 0
  return {
    put: (work) => void items.push(work),
    take() {
      const work = items[at++]
      if (at >= items.length) {
        items = []
        at = 0
      }
      return work
    },
    size: () => items.length - at,
  }
}
