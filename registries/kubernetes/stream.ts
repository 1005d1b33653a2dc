/** Bodies as they come: text, lines, and a guard that cuts what no longer comes. */
import type { SchedulerLike, Subscription } from 'rxjs'

/** Cuts a request whose other side has gone without a word. */
export interface Guard {
  /** For the request: the caller's own, and the guard's. */
  readonly signal: AbortSignal
  /** Why it was cut; undefined: it was not, by the guard. */
  readonly cut?: { readonly why: 'silent' | 'overdue'; readonly after: number }
  /** From now on no more than `ms` without a byte. */
  expect(ms: number): void
  /** No more than `ms` in all, from now. */
  limit(ms: number): void
  heard(): void
  /** Leaves what is still open. */
  end(): void
}

export function createGuard(clock: SchedulerLike, outer: AbortSignal): Guard {
  const own = new AbortController()
  const signal = AbortSignal.any([outer, own.signal])
  let cut: Guard['cut']
  let last = clock.now()
  let silence: Subscription | undefined
  let overdue: Subscription | undefined

  function stop(why: 'silent' | 'overdue', after: number): void {
    cut = { why, after }
    own.abort()
  }
  /** One timer, set again only when it fires: a byte costs nothing. */
  function check(ms: number): void {
    const left = last + ms - clock.now()
    if (left <= 0) stop('silent', ms)
    else silence = clock.schedule(() => check(ms), left)
  }
  const endTimers = () => {
    silence?.unsubscribe()
    overdue?.unsubscribe()
  }
  outer.addEventListener('abort', endTimers, { once: true })
  return {
    signal,
    get cut() {
      return cut
    },
    expect(ms) {
      silence?.unsubscribe()
      last = clock.now()
      check(ms)
    },
    limit(ms) {
      overdue = clock.schedule(() => stop('overdue', ms), ms)
    },
    heard() {
      last = clock.now()
    },
    end() {
      endTimers()
      outer.removeEventListener('abort', endTimers)
      own.abort()
    },
  }
}

/** Cuts chunks into lines without their ends; undefined: a line of more than `longest` bytes, after which nothing is to be read. */
export function createLines(longest: number) {
  let parts: Uint8Array[] = []
  let length = 0
  return function* (chunk: Uint8Array): Generator<string | undefined> {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at))
      const text = Buffer.concat(parts).toString()
      parts = []
      length = 0
      from = at + 1
      if (text.trim() !== '') yield text
    }
    if (from === chunk.length) return
    parts.push(chunk.subarray(from))
    length += chunk.length - from
    if (length > longest) yield undefined
  }
}

/** All of a body, or its first `most` bytes. */
export async function textOf(
  body: AsyncIterable<Uint8Array>,
  guard: Pick<Guard, 'heard'>,
  most = Number.POSITIVE_INFINITY,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    guard.heard()
    chunks.push(chunk)
    length += chunk.length
    if (length >= most) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, Math.min(length, most))
}

/** false: it was cut short. */
export const sleep = (ms: number, clock: SchedulerLike, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const timer = clock.schedule(() => done(true), ms)
    const cut = () => done(false)
    const done = (whole: boolean) => {
      timer.unsubscribe()
      signal.removeEventListener('abort', cut)
      resolve(whole)
    }
    signal.addEventListener('abort', cut, { once: true })
  })
