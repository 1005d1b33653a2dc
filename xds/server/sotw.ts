/** The state-of-the-world variant: each request lists all names that the client wants. */

import { emptyResourceSet } from '../resource-set.ts'
import type { TypeUrl } from '../resources.ts'
import { addName, beginWith, dropName, startWildcard, stopWildcard } from './interest.ts'
import { settle } from './machine.ts'
import { emptyMeansAll } from './order.ts'
import { findSubscription, type Machine, type Outcome, openSubscription, targetOf } from './state.ts'
import { type ClientError, possiblyHeld, type Subscription } from './subscription.ts'

export interface SotwRequest {
  readonly typeUrl: TypeUrl
  readonly nonce: string
  /** 'same' = as in the last request of the type: each ACK lists all names again. */
  readonly names: readonly string[] | 'same'
  readonly error?: ClientError | undefined
}

/**
 * Names are taken from every request, even one that answers an older response: the newest request is what
 * the client wants. Its ACK or NACK counts only for the response in flight.
 */
export function receiveSotw(machine: Machine, request: SotwRequest, now: number): Outcome {
  const known = findSubscription(machine, request.typeUrl)
  const sub = known ?? openSubscription(machine, request.typeUrl)
  const outcome = known === undefined ? 'subscribed' : settle(sub, request.nonce, request.error, now)
  if (request.names !== 'same') setNames(machine, sub, request.names, known === undefined)
  // Without a nonce though it was answered before: the client has forgotten what it had.
  if (known !== undefined && request.nonce === '' && sub.sentNonce !== '' && sub.inFlight === undefined) {
    for (const name of possiblyHeld(sub)) sub.forced.add(name)
    if (sub.wildcard) startWildcard(sub, emptyResourceSet)
    sub.owed = true
  }
  return outcome
}

function setNames(machine: Machine, sub: Subscription, list: readonly string[], first: boolean): void {
  const wanted = new Set(list)
  const wildcard = wanted.delete('*') || (list.length === 0 && !sub.named && emptyMeansAll(sub.typeUrl))
  if (list.length > 0) sub.named = true
  if (wildcard && !sub.wildcard) startWildcard(sub, emptyResourceSet)
  else if (!wildcard && sub.wildcard) stopWildcard(sub)

  if (first && !wildcard) {
    beginWith(sub, list)
    return
  }
  const target = targetOf(machine, sub)
  for (const name of wanted) if (!sub.names.has(name)) addName(sub, name, target)
  if (!first) for (const name of sub.names) if (!wanted.has(name)) dropName(sub, name)
}
