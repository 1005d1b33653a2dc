/** When something is told, and whether as a whole: coalesced, and only what differs. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { Missing } from '#model/issue.ts'
import type { RegistryUpdate } from '../registry.ts'
import type { Told } from '../told.ts'
import { registryError } from '../trouble.ts'
import type { Book } from './book.ts'
import type { Outage } from './outage.ts'

export interface WordDeps {
  readonly clock: SchedulerLike
  readonly told: Told
  readonly book: Book
  readonly outage: Outage
  readonly tell: (update: RegistryUpdate) => void
  /** Namespaces that are to be listed. */
  readonly namespaces: number
  /** Nothing is being read. */
  readonly quiet: () => boolean
  /** A service could not be read. */
  readonly failing: () => boolean
  /** Checks have been asked for once. */
  readonly settled: () => boolean
  /** The first word waits so long for what fails while others speak, ms. */
  readonly hold: number
}

export interface Word {
  /** Something may have changed. */
  flush(): void
  /** A namespace has been listed. */
  listed(namespace: string): void
  /** A namespace has a new history: when all has been read again, it is told as a whole. */
  anew(namespace: string): void
  /** What could not be asked is read: where it was missing, all is told as a whole once that has been. */
  recovered(): void
  /** All has been told as a whole; from now on differences are. */
  synced(): boolean
  stop(): void
}

/** Changes that come within this are told together, ms. */
const TOGETHER = 2
/** How long the first word waits for the first results of checks, ms. */
const HOLD_CHECKS = 5000

/** What is to be told as a whole. */
interface Sync {
  readonly since: number
  /** When what fails is no longer waited for. */
  readonly until: number
  readAt?: number
}

export function createWord(deps: WordDeps): Word {
  const { clock, told, book, outage, tell, namespaces, quiet, failing, settled, hold } = deps
  let syncing: Sync | undefined = begin(hold)
  /** Something was missing when all was told as a whole. */
  let partial = false
  const listed = new Set<string>()
  let flushing: Subscription | undefined
  let waker: Subscription | undefined
  let stopped = false

  function flush(): void {
    if (stopped) return
    flushing ??= clock.schedule(() => {
      flushing = undefined
      if (!syncing) {
        const change = told.change(book.take())
        // It is back when what was missed has been read.
        const delta = quiet() ? outage.with(change) : change
        if (delta) tell(delta)
      } else if (complete(syncing)) {
        const missing = isHeld() ? (outage.first() ?? unheard(syncing)) : undefined
        syncing = undefined
        partial = missing !== undefined
        tell(told.full(book.all(), [], missing))
        outage.toldAll()
      }
    }, TOGETHER)
  }

  function begin(wait: number): Sync {
    return { since: clock.now(), until: clock.now() + wait }
  }
  const isHeld = (): boolean => listed.size < namespaces || failing()

  /** Has all been read that is to be told as a whole? Asks to be asked again where only time is missing. */
  function complete(sync: Sync): boolean {
    const now = clock.now()
    if (listed.size === 0 || outage.isWhole() || !quiet()) return false
    if (isHeld() && now < sync.until) return later(sync.until)
    sync.readAt ??= now
    return settled() || now - sync.readAt >= HOLD_CHECKS || later(sync.readAt + HOLD_CHECKS)
  }
  function later(at: number): false {
    waker?.unsubscribe()
    waker = clock.schedule(flush, Math.max(1, at - clock.now()))
    return false
  }

  function recovered(): void {
    if (partial) syncing ??= begin(0)
  }

  return {
    flush,
    listed(namespace) {
      if (!listed.has(namespace)) recovered()
      listed.add(namespace)
    },
    anew(namespace) {
      listed.delete(namespace)
      syncing = begin(hold)
    },
    recovered,
    synced: () => syncing === undefined,
    stop() {
      stopped = true
      flushing?.unsubscribe()
      waker?.unsubscribe()
    },
  }
}

/** It has not even failed yet. */
const unheard = ({ since }: Sync): Missing => ({
  error: registryError('PH3001', 'Not every namespace and service has answered yet.'),
  since: new Date(since),
})
