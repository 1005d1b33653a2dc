/**
 * Which service is read next: those that are known to have changed first, then, while there is a doubt, all that were
 * read before it, the longest unread first. Pure bookkeeping; time is given.
 */

export interface Reads {
  /** Known to have changed; read again even if it is being read now. */
  service(name: string): void
  /** Anything may have changed: everything that was read so far is to be read again. */
  doubt(): void
  /** Of the doubt: as fast as the bucket allows, or slowly. */
  fast(on: boolean): void
  /** The next one, taken; a number: ms until there is one; undefined: nothing is due. */
  next(now: number): Taken | number | undefined
  /** It has been read, or could not be and is no longer being read. */
  done(name: string): void
  forget(name: string): void
  clear(): void
  /** Something urgent is left or under way. */
  urgencies(): boolean
  /** Nothing urgent, nothing under way. */
  quiet(): boolean
  /** Some have not been read since the last doubt. */
  inDoubt(): boolean
}

export interface Taken {
  readonly name: string
  /** It has changed; else only whether it has is to be found out. */
  readonly urgent: boolean
}

export interface ReadsOptions {
  /** Reads in a burst beyond the number of services, and reads a second after it. */
  readonly burst: number
  readonly rate: number
  /** ms in which a slow round goes through all services, and the longest from one read to the next. */
  readonly slowRound: number
  readonly slowStep: number
}

export const defaultReads: ReadsOptions = { burst: 64, rate: 500, slowRound: 120_000, slowStep: 50 }

export function createReads({ burst, rate, slowRound, slowStep }: ReadsOptions = defaultReads): Reads {
  /** Since which doubt it has been read; in the order of reading. */
  const known = new Map<string, number>()
  const queue = new Set<string>()
  /** The doubts there were when it was taken: what is asked before a doubt says nothing of it. */
  const active = new Map<string, { readonly doubts: number; readonly urgent: boolean }>()
  /** Answered, but asked before the last doubt. */
  const late = new Set<string>()
  const again = new Set<string>()
  let doubts = 0
  let quick = false
  let tokens = Number.POSITIVE_INFINITY
  let at = 0
  let slowAt = 0

  function oldest(): string | undefined {
    for (const name of late) if (!active.has(name)) return name
    for (const [name, seen] of known) {
      if (seen >= doubts) return undefined
      if (!active.has(name) && !queue.has(name)) return name
    }
    return undefined
  }

  function pace(now: number): number {
    if (!quick) return Math.max(0, slowAt - now)
    tokens = Math.min(known.size + burst, tokens + ((now - at) / 1000) * rate)
    at = now
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / rate) * 1000)
  }

  function take(name: string, urgent: boolean): Taken {
    active.set(name, { doubts, urgent })
    late.delete(name)
    return { name, urgent }
  }
  return {
    service(name) {
      if (active.has(name)) again.add(name)
      else queue.add(name)
    },
    doubt() {
      doubts++
    },
    fast(on) {
      quick = on
    },
    next(now) {
      for (const name of queue) {
        queue.delete(name)
        return take(name, true)
      }
      const name = oldest()
      if (name === undefined) return undefined
      const wait = pace(now)
      if (wait > 0) return wait
      if (quick) tokens--
      else slowAt = now + Math.min(slowStep, slowRound / Math.max(1, known.size))
      return take(name, false)
    },
    done(name) {
      const seen = active.get(name)?.doubts ?? 0
      active.delete(name)
      if (seen < doubts) late.add(name)
      if (again.delete(name)) queue.add(name)
      known.delete(name)
      known.set(name, seen)
    },
    forget(name) {
      known.delete(name)
      late.delete(name)
    },
    clear() {
      for (const each of [known, queue, active, again, late]) each.clear()
    },
    urgencies: () => queue.size > 0 || [...active.values()].some(({ urgent }) => urgent),
    quiet: () => queue.size === 0 && active.size === 0,
    inDoubt() {
      if (late.size > 0) return true
      const first = known.values().next().value
      return first !== undefined && first < doubts
    },
  }
}
