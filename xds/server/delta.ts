/** The incremental variant: requests add and take away names. */
import { emptyResourceSet } from '../resource-set.ts'
import type { TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'
import { addName, beginWith, dropName, startWildcard, stopWildcard } from './interest.ts'
import { settle } from './machine.ts'
import { emptyMeansAll } from './order.ts'
import { findSubscription, type Machine, type Outcome, openSubscription, targetOf } from './state.ts'
import { type ClientError, isInterested, type Subscription } from './subscription.ts'

export interface DeltaRequest {
  readonly typeUrl: TypeUrl
  readonly nonce: string
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** What a reconnecting client has, name to version; counts in the first request of a type only. */
  readonly initialVersions: Readonly<Record<string, string>>
  readonly error?: ClientError | undefined
}

/** Subscriptions count in every request, also in one with a stale nonce. */
export function receiveDelta(machine: Machine, request: DeltaRequest, now: number): Outcome {
  const known = findSubscription(machine, request.typeUrl)
  if (known === undefined) {
    open(machine, request)
    return 'subscribed'
  }
  const outcome = settle(known, request.nonce, request.error, now)
  const target = targetOf(machine, known)
  if (request.subscribe.length > 0) known.named = true
  for (const name of request.subscribe) {
    if (name === '*') startWildcard(known, emptyResourceSet)
    else addName(known, name, target)
  }
  for (const name of request.unsubscribe) {
    if (name === '*') stopWildcard(known)
    else dropName(known, name)
  }
  return outcome
}

function open(machine: Machine, { typeUrl, subscribe, unsubscribe, initialVersions }: DeltaRequest): void {
  const sub = openSubscription(machine, typeUrl)
  const target = targetOf(machine, sub)
  const empty = subscribe.length === 0 && unsubscribe.length === 0
  if (subscribe.includes('*') || (empty && emptyMeansAll(typeUrl))) startWildcard(sub, emptyResourceSet)
  const held = Object.entries(initialVersions)
  const parents = machine.orphans.get(typeUrl) ?? []
  machine.orphans.delete(typeUrl)
  if (held.length === 0 && unsubscribe.length === 0 && !subscribe.includes('*')) {
    if (subscribe.length > 0) beginWith(sub, subscribe)
    return
  }
  for (const name of subscribe) if (name !== '*') addName(sub, name, target)
  if (subscribe.length > 0) sub.named = true
  for (const name of unsubscribe) if (name !== '*') dropName(sub, name)

  const due = new Set(parents.flatMap(({ children }) => children))
  const all = warmingElsewhere(machine, typeUrl)
  for (const [name, version] of held) reconcile(sub, name, version, all || due.has(name))
}

/**
 * A client that comes back with endpoints before it asks for clusters: Envoy holds back all requests for clusters
 * while one of them is warming (else they come first), and that one waits for endpoints, be they those that it has.
 * Which cluster it is, it doesn't say.
 */
const warmingElsewhere = (machine: Machine, typeUrl: TypeUrl): boolean =>
  machine.aggregated &&
  typeUrl === typeUrls.endpoint &&
  findSubscription(machine, typeUrls.cluster) === undefined

/** The client has this version already: the name is compared rather than sent, unless it is due all the same. */
function reconcile(sub: Subscription, name: string, version: string, due: boolean): void {
  if (!isInterested(sub, name)) return
  sub.exceptions.set(name, { version })
  if (due) return
  sub.forced.delete(name)
  sub.dirty.add(name)
}
