/**
 * What a list-watch does next: the protocol of list and watch as a pure state machine, without time or requests.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import type { ListWatchEvent, ObjectKey } from '#config/connections/kubernetes-api.ts'
import type { PilotError } from '#model/issue.ts'
import { type Backoff, createBackoff } from '#support/backoff.ts'
import { codeOfStatus, registryError } from '../trouble.ts'
import { compareVersions, type Line, type Page } from './wire.ts'

/** After `after` ms. `probe`: is it still the history that was told? */
export type Step = { readonly after: number; readonly renew?: true } & (
  | { readonly do: 'list'; readonly continue?: string; readonly whole: boolean }
  | { readonly do: 'probe' }
  | { readonly do: 'watch'; readonly resourceVersion: string; readonly timeoutSeconds: number }
)

/** How a step ended. */
export type Outcome<T> =
  | { readonly kind: 'page'; readonly page: Page<T> }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly message: string
      readonly retryAfter?: number
    }
  | { readonly kind: 'failed'; readonly error: PilotError }
  /** The watch, in good order; `early`: long before its time. */
  | { readonly kind: 'ended'; readonly early: boolean }
  /** A line made it end (see `line`). */
  | { readonly kind: 'broken' }
  /** Somebody asked for a new list. */
  | { readonly kind: 'relist' }

export interface MachineOptions {
  /** Shown in errors: URL and path. */
  readonly where: () => string
  readonly random?: () => number
  readonly backoff?: Backoff
  /** s: a watch lasts between this and twice this. */
  readonly watchSeconds?: number
}

/** As client-go's reflector has it. */
const WATCH_SECONDS = 300
/** Uids that a new list is compared by. */
const SAMPLE = 1000
/** 410s in a row (tokens of a list that went stale before it ended), until it is asked for in one piece. */
const MAX_EXPIRED = 2
/** ms: a watch that stood so long did not fail, however it ended (proxies cut what is idle). */
const STOOD = 5_000
/** ms that a server may ask to be left alone. */
const MAX_RETRY_AFTER = 300_000

export interface Machine<T> {
  first(): Step
  next(outcome: Outcome<T>, now: Date): { readonly events: readonly ListWatchEvent<T>[]; readonly step: Step }
  /** The watch was answered: it stands. */
  opened(now: Date): readonly ListWatchEvent<T>[]
  /** undefined: the watch is to be left (`broken`). */
  line(line: Line<T>): readonly ListWatchEvent<T>[] | undefined
}

export function createMachine<T>({
  where,
  random = Math.random,
  backoff = createBackoff({ random }),
  watchSeconds = WATCH_SECONDS,
}: MachineOptions): Machine<T> {
  /** Where the watch goes on; undefined: all is to be listed. */
  let version: string | undefined
  /** The highest that was told. */
  let highest: string | undefined
  /** Of what is there, some: where none of them is in a new list, that is of another cluster. */
  let sample = new Set<string>()
  let firstUid: string | undefined
  let pages: Page<T>[] = []
  let expired = 0
  let trouble: { readonly since: Date; told?: string } | undefined
  let renewed = false
  let broken: Outcome<T> | undefined
  let standsSince: Date | undefined

  const list = (after = 0): Step => {
    pages = []
    version = undefined
    return { after, do: 'list', whole: expired > MAX_EXPIRED }
  }
  const watch = (after = 0): Step =>
    version === undefined
      ? list(after)
      : {
          ...{ after, do: 'watch', resourceVersion: version },
          timeoutSeconds: Math.round(watchSeconds * (1 + random())),
        }
  /** After a failure: back to where it was, if the server is still the same. */
  const again = (after: number): Step => (version === undefined ? list(after) : { after, do: 'probe' })

  /** The watch works: what comes next is no consequence of what was before. */
  function calm(): void {
    backoff.reset()
    expired = 0
  }

  function ended(now: Date): void {
    if (standsSince !== undefined && now.getTime() - standsSince.getTime() >= STOOD) calm()
    standsSince = undefined
  }

  function well(): readonly ListWatchEvent<T>[] {
    const told = trouble?.told
    trouble = undefined
    renewed = false
    return told === undefined ? [] : [{ kind: 'well' }]
  }

  function fail(error: PilotError, now: Date, { status, wait = 0 }: { status?: number; wait?: number } = {}) {
    const after = Math.max(backoff.next(), Math.min(wait, MAX_RETRY_AFTER))
    // One cut connection is none yet: who was listening tries again first.
    const silent = trouble === undefined && highest !== undefined && error.code !== 'PH3002'
    trouble ??= { since: now }
    const tell = !silent && trouble.told !== error.code
    if (tell) trouble.told = error.code
    const { since } = trouble
    const told: ListWatchEvent<T> = {
      ...{ kind: 'trouble', error, since, retryAt: new Date(now.getTime() + after) },
      ...(status === undefined ? {} : { status }),
    }
    return { events: tell ? [told] : [], step: again(after) }
  }

  function onStatus({ status, message, retryAfter }: Extract<Outcome<T>, { kind: 'status' }>, now: Date) {
    if (status === 410) {
      expired++
      return { events: [], step: list(expired > 1 ? backoff.next() : 0) }
    }
    const error = registryError(codeOfStatus(status), `${where()}: ${status} ${message}.`)
    if (status === 401) {
      // A token may just have been renewed; where it was not, each later try reads it again.
      const first = !renewed
      renewed = true
      if (first) return { events: [], step: { ...again(0), renew: true as const } }
    }
    const { events, step } = fail(error, now, {
      status,
      ...(retryAfter === undefined ? {} : { wait: retryAfter }),
    })
    return { events, step: status === 401 ? { ...step, renew: true as const } : step }
  }

  function onPage(page: Page<T>): { events: readonly ListWatchEvent<T>[]; step: Step } {
    if (version !== undefined) {
      // The answer to a probe.
      const other = compareVersions(page.resourceVersion, version) < 0
      const moved = firstUid !== undefined && page.firstUid !== firstUid
      return { events: [], step: other || moved ? list() : watch() }
    }
    pages.push(page)
    if (page.continue !== undefined)
      return { events: [], step: { after: 0, do: 'list', continue: page.continue, whole: false } }
    return { events: listed(page.resourceVersion), step: watch() }
  }

  function listed(resourceVersion: string): readonly ListWatchEvent<T>[] {
    const items = new Map<ObjectKey, T>()
    const uids: string[] = []
    for (const { items: some } of pages)
      for (const { key, uid, value } of some) {
        items.set(key, value)
        uids.push(uid)
      }
    const history = historyOf(resourceVersion, uids)
    firstUid = pages[0]?.firstUid
    pages = []
    const every = Math.ceil(uids.length / SAMPLE)
    sample = new Set(uids.filter((_, i) => i % every === 0))
    version = resourceVersion
    highest = resourceVersion
    trouble = undefined
    renewed = false
    return [{ kind: 'listed', items, history }]
  }

  function historyOf(resourceVersion: string, uids: readonly string[]) {
    if (highest === undefined) return 'first'
    const backwards = compareVersions(resourceVersion, highest) < 0
    const nothingLeft = sample.size > 0 && !uids.some((uid) => sample.has(uid))
    return backwards || nothingLeft ? 'new' : 'same'
  }

  return {
    first: () => list(),
    next(outcome, now) {
      const cause = outcome.kind === 'broken' && broken ? broken : outcome
      broken = undefined
      ended(now)
      switch (cause.kind) {
        case 'page':
          return onPage(cause.page)
        case 'status':
          return onStatus(cause, now)
        case 'failed':
          return fail(cause.error, now)
        case 'ended':
          if (cause.early) return { events: [], step: again(backoff.next()) }
          calm()
          return { events: [], step: watch() }
        case 'broken':
          return { events: [], step: list(backoff.next()) }
        case 'relist':
          return { events: [], step: list() }
      }
    },
    opened(now) {
      standsSince = now
      return well()
    },
    line(line) {
      if (line.kind === 'error' || line.kind === 'garbage') {
        broken =
          line.kind === 'error'
            ? { kind: 'status', status: line.status, message: line.message }
            : { kind: 'failed', error: registryError('PH3005', `${where()}: ${line.message}.`) }
        // What was missed is not known: after an error all is listed again.
        if (!(line.kind === 'error' && line.status === 401)) version = undefined
        return undefined
      }
      if (version !== undefined && compareVersions(line.resourceVersion, version) < 0) return undefined
      version = line.resourceVersion
      highest = version
      calm()
      if (line.kind === 'bookmark') return []
      if (line.kind === 'put') {
        if (sample.size < SAMPLE) sample.add(line.uid)
        return [{ kind: 'put', key: line.key, value: line.value }]
      }
      sample.delete(line.uid)
      if (line.uid === firstUid) firstUid = undefined
      return [{ kind: 'gone', key: line.key }]
    },
  }
}
