/** What a client says to a response, and what stands of a refusal. */
import { namedIn } from './blame.ts'
import { type ClientError, isInterested, type Subscription } from './subscription.ts'

/** The client has taken the response in flight. */
export function acknowledge(sub: Subscription, now: number): void {
  const sent = sub.inFlight
  if (sent === undefined) return
  sub.inFlight = undefined
  sub.ackedVersion = sent.version
  sub.ackedAt = now
  if (sub.rejection === undefined) return
  if (sub.complete) sub.rejection = undefined
  else {
    forgive(
      sub,
      sent.changed.map((resource) => resource.name),
    )
    forgive(sub, sent.removed)
  }
}

/**
 * The client has refused the response in flight. What it holds now is not known, but what was sent counts as
 * held, so that the same content is not sent again.
 */
export function reject(sub: Subscription, error: ClientError, now: number): void {
  const sent = sub.inFlight
  if (sent === undefined) return
  sub.inFlight = undefined
  const suspects = sub.rejection?.suspects ?? []
  // A complete response has replaced what was blamed before.
  const before = sub.complete ? [] : (sub.rejection?.blamed ?? [])
  const names = sent.changed.map((resource) => resource.name)
  const blamed = namedIn(error.message, names)
  sub.rejection = {
    message: error.message,
    code: error.code,
    since: sub.rejection?.since ?? now,
    lastGoodVersion: error.lastGoodVersion || sub.ackedVersion,
    suspects: new Set([...suspects, ...names, ...sent.removed]),
    blamed: new Set([...before, ...(blamed.length > 0 ? blamed : names)]),
  }
  abandon(
    sub,
    names.filter((name) => !isInterested(sub, name)),
  )
}

/** The client has refused a heartbeat: what it was about has expired there, so it is sent whole. */
export function sendAgain(sub: Subscription): void {
  for (const { name } of sub.inFlight?.heartbeat ?? []) if (isInterested(sub, name)) sub.forced.add(name)
  sub.inFlight = undefined
}

/** These names are settled; when nothing is left to blame, the rejection is over. */
export function forgive(sub: Subscription, names: Iterable<string>): void {
  const rejection = sub.rejection
  if (rejection === undefined) return
  for (const name of names) {
    rejection.suspects.delete(name)
    rejection.blamed.delete(name)
  }
  if (rejection.blamed.size === 0) sub.rejection = undefined
}

/** The client no longer wants these names; what was rejected together with them is due again. */
export function abandon(sub: Subscription, names: readonly string[]): void {
  const { blamed, suspects } = sub.rejection ?? {}
  if (names.some((name) => blamed?.has(name))) {
    for (const name of names) suspects?.delete(name)
    for (const name of suspects ?? []) if (isInterested(sub, name)) sub.forced.add(name)
  }
  forgive(sub, names)
}
