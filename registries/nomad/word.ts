/** When something is told, and whether as a whole: coalesced, and only what differs. */
import type { SchedulerLike, Subscription } from 'rxjs'
import type { RegistryUpdate } from '../registry.ts'
import type { Told } from '../told.ts'
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
  /** All has been told as a whole; from now on differences are. */
  synced(): boolean
  stop(): void
}

/** Changes that come within this are told together, ms. */
const TOGETHER = 2
/** How long the first word waits for the first results of checks, ms. */
const HOLD_CHECKS = 5000

export function createWord(deps: WordDeps): Word {
  const { clock, told, book, outage, tell, namespaces, quiet, settled, hold } = deps
  let syncing: { readonly since: number; readAt?: number } | undefined = { since: clock.now() }
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
        syncing = undefined
        tell(told.full(book.all()))
        outage.toldAll()
      }
    }, TOGETHER)
  }

  /** Has all been read that is to be told as a whole? Asks to be asked again where only time is missing. */
  function complete(sync: NonNullable<typeof syncing>): boolean {
    const now = clock.now()
    if (listed.size === 0 || !quiet()) return false
    const held = listed.size < namespaces || outage.servicesInTrouble()
    if (held && now - sync.since < hold) return later(sync.since + hold)
    sync.readAt ??= now
    return settled() || now - sync.readAt >= HOLD_CHECKS || later(sync.readAt + HOLD_CHECKS)
  }
  function later(at: number): false {
    waker?.unsubscribe()
    waker = clock.schedule(flush, Math.max(1, at - clock.now()))
    return false
  }

  return {
    flush,
    listed: (namespace) => void listed.add(namespace),
    anew(namespace) {
      listed.delete(namespace)
      syncing = { since: clock.now() }
    },
    synced: () => syncing === undefined,
    stop() {
      stopped = true
      flushing?.unsubscribe()
      waker?.unsubscribe()
    },
  }
}
