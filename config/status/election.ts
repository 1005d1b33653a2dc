/** One of several Pilots is elected by a Lease (coordination.k8s.io/v1), by client-go's rules for leader election. */
import type { SchedulerLike } from 'rxjs'

export interface LeaseSpec {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  /** RFC 3339 with microseconds. */
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}

/** What was last seen of the lease, and since when it has looked so by our own clock. */
export interface Observed {
  readonly spec: LeaseSpec | undefined
  readonly at: number
}

export type Step =
  /** Somebody else holds it: look again then. */
  | { readonly do: 'wait'; readonly ms: number }
  /** Write this spec, then look again after `ms`. */
  | { readonly do: 'write'; readonly spec: LeaseSpec; readonly ms: number }

export const LEASE_SECONDS = 15
const RENEW_EVERY = 5_000

/**
 * The lease belongs to us, is free, or has run out: its record has not changed for its duration by our own clock, so
 * that clocks that differ do no harm. `at` of `observed` is when its record last changed.
 */
export function nextStep(me: string, { spec, at }: Observed, now: number): Step {
  const mine = spec?.holderIdentity === me
  const duration = (spec?.leaseDurationSeconds ?? LEASE_SECONDS) * 1000
  const left = at + duration - now
  if (spec?.holderIdentity && !mine && left > 0) return { do: 'wait', ms: left + 100 }
  const time = new Date(now).toISOString().replace('Z', '000Z')
  const transitions = spec?.leaseTransitions ?? 0
  return {
    do: 'write',
    ms: RENEW_EVERY,
    spec: {
      holderIdentity: me,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: (mine && spec.acquireTime) || time,
      renewTime: time,
      leaseTransitions: mine || spec === undefined ? transitions : transitions + 1,
    },
  }
}

/** The lease as the API server has it; undefined: there is none. */
export interface Lease {
  readonly resourceVersion: string
  readonly spec: LeaseSpec
}

export interface LeaseStore {
  read(): Promise<Lease | undefined>
  /** false: somebody else wrote meanwhile (409). Without `resourceVersion` it is created. */
  write(spec: LeaseSpec, resourceVersion: string | undefined): Promise<boolean>
}

export interface ElectionDeps {
  readonly me: string
  readonly store: LeaseStore
  readonly clock: SchedulerLike
  readonly onChange: (leading: boolean) => void
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

const RETRY = 2_000

/** Runs until the signal; the lease is given back then, so that another takes over at once. */
export async function runElection({
  me,
  store,
  clock,
  onChange,
  onError,
  signal,
}: ElectionDeps): Promise<void> {
  let observed: Observed = { spec: undefined, at: clock.now() }
  let seen = ''
  let leading = false
  let renewedAt = 0
  const lead = (now: boolean): void => {
    if (now === leading) return
    leading = now
    onChange(now)
  }
  while (!signal.aborted) {
    let wait = RETRY
    try {
      const lease = await store.read()
      const record = JSON.stringify(lease?.spec)
      if (record !== seen) observed = { spec: lease?.spec, at: clock.now() }
      seen = record
      const step = nextStep(me, observed, clock.now())
      wait = step.ms
      if (step.do === 'wait') lead(false)
      else if (signal.aborted) break
      else if (await store.write(step.spec, lease?.resourceVersion)) {
        renewedAt = clock.now()
        lead(true)
      } else wait = RETRY
    } catch (error) {
      onError(error)
    }
    // Nobody may write who can't be sure to be the only one.
    if (leading && clock.now() - renewedAt > (LEASE_SECONDS - 5) * 1000) lead(false)
    await sleep(wait, clock, signal)
  }
  if (leading) await release(me, store).catch(onError)
  lead(false)
}

async function release(me: string, store: LeaseStore): Promise<void> {
  const lease = await store.read()
  if (lease?.spec.holderIdentity !== me) return
  await store.write({ ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }, lease.resourceVersion)
}

const sleep = (ms: number, clock: SchedulerLike, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      timer.unsubscribe()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.schedule(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })
