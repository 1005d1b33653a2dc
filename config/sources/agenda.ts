/** Which paths are to be looked at, and when: events only ever put a path here, so that a burst costs one look. */
import type { SchedulerLike, Subscription } from 'rxjs'

/** Milliseconds. */
export interface Timing {
  /** After a write in place: until it has been quiet for so long. */
  readonly quiet: number
  /** How long something must be gone, or broken, to be believed: editors delete and create. */
  readonly vanish: number
  /** The same after the whole directory was away: it may be filled slowly. */
  readonly vanishAfterTrouble: number
  /** No settling puts off the belief for longer. */
  readonly longest: number
  /** A text written in place without a last newline is probably half of one. */
  readonly torn: number
  /** How often a missing directory is looked for. */
  readonly retry: number
  /** Everything is compared again, in case an event was lost. */
  readonly rescan: number
}

export const defaultTiming: Timing = {
  quiet: 25,
  vanish: 75,
  vanishAfterTrouble: 1000,
  longest: 800,
  torn: 300,
  retry: 1000,
  rescan: 30_000,
}

interface Due {
  at: number
  readonly first: number
  inPlace: boolean
}

export interface Agenda {
  /** An event: `inPlace` where the content was written to, else the name came or went. */
  note(path: string, inPlace: boolean): void
  /** Look once more after `ms`. */
  again(path: string, ms: number): void
  /** Its content was written to since it was taken last. */
  isWritten(path: string): boolean
  /** What is due now; the agenda forgets it. */
  takeDue(): ReadonlyMap<string, { readonly inPlace: boolean }>
  /** Waits for the next that is due. To be called after each `takeDue` once its work is done. */
  arm(): void
  stop(): void
}

export function createAgenda(clock: SchedulerLike, timing: Timing, onDue: () => void): Agenda {
  const due = new Map<string, Due>()
  let timer: Subscription | undefined
  let timerAt = Number.POSITIVE_INFINITY
  let soon: NodeJS.Immediate | undefined

  /** The events of one rename come together: when this turn of the event loop has ended. */
  function now(): void {
    soon ??= setImmediate(() => {
      soon = undefined
      onDue()
    })
  }

  /** A look that is put off later leaves its timer as it is: that one finds nothing due, and is armed anew. */
  function armFor(at: number): void {
    if (at >= timerAt) return
    timer?.unsubscribe()
    timerAt = at
    const fire = () => {
      timerAt = Number.POSITIVE_INFINITY
      onDue()
    }
    timer = clock.schedule(fire, Math.max(0, at - clock.now()))
  }

  return {
    note(path, inPlace) {
      const at = clock.now()
      const entry = due.get(path) ?? { at, first: at, inPlace }
      entry.inPlace ||= inPlace
      entry.at = entry.inPlace ? Math.min(entry.first + timing.longest, at + timing.quiet) : at
      due.set(path, entry)
      if (entry.at <= at) now()
      else armFor(entry.at)
    },
    again(path, ms) {
      const at = clock.now() + ms
      const known = due.get(path)
      due.set(path, { at, first: known?.first ?? clock.now(), inPlace: known?.inPlace ?? false })
      armFor(at)
    },
    isWritten: (path) => due.get(path)?.inPlace === true,
    takeDue() {
      const at = clock.now()
      const taken = new Map<string, Due>()
      for (const [path, entry] of due) if (entry.at <= at) taken.set(path, entry)
      for (const path of taken.keys()) due.delete(path)
      return taken
    },
    arm() {
      for (const { at } of due.values()) armFor(at)
    },
    stop() {
      timer?.unsubscribe()
      clearImmediate(soon)
      due.clear()
    },
  }
}
