/** What is kept of one stream, and what a response is. */
import { emptyResourceSet } from '../resource-set.ts'
import type { Absence, Node, Resource, ResourceSet, ResourceUpdate, TypeUrl } from '../resources.ts'
import type { Leases } from './heartbeat.ts'
import { isComplete, pushRank, sideOf } from './order.ts'
import { createSubscription, type Subscription } from './subscription.ts'

export type Variant = 'sotw' | 'delta'

/** `onlyType` is the one type of a stream that isn't aggregated. */
export function viaOf(variant: Variant, onlyType: TypeUrl | undefined): Node['via'] {
  if (onlyType === undefined) return 'ADS'
  return variant === 'delta' ? 'DELTA_GRPC' : 'GRPC'
}

/** How resources are put: as they are, with their TTLs, or with nothing but these (a heartbeat). */
export type Form = 'plain' | 'ttl' | 'heartbeat'

export interface Machine {
  readonly variant: Variant
  /** All types on one stream. */
  readonly aggregated: boolean
  /** Begins each nonce, so that one of another stream is never taken for ours. */
  readonly noncePrefix: string
  nonces: number
  /** In push order. */
  subs: Subscription[]
  /** Undefined until the source has spoken. */
  newest: ResourceSet | undefined
  /** What clusters, listeners and routes are being brought to. */
  current: ResourceSet
  /** Names that differ between `current` and `newest`. */
  waiting: ResourceUpdate['changed'] | undefined
  /** Parents that were sent before the client subscribed to their children's type, by that type (delta only). */
  readonly orphans: Map<TypeUrl, readonly Resource[]>
  /** What has a TTL, of a client that takes them. */
  leases: Leases | undefined
}

export interface Response {
  readonly typeUrl: TypeUrl
  readonly version: string
  readonly nonce: string
  readonly resources: readonly Resource[]
  readonly form: Form
  /** Delta only. */
  readonly removed: readonly string[]
  /** Why the client doesn't get what it named. */
  readonly absent: readonly Absent[]
}

export interface Absent extends Absence {
  readonly name: string
}

/** What a request turned out to be, for metrics and logs. */
export type Outcome = 'subscribed' | 'ack' | 'nack' | 'expired'

export function createMachine(variant: Variant, noncePrefix = '', aggregated = true): Machine {
  return {
    variant,
    aggregated,
    noncePrefix,
    nonces: 0,
    subs: [],
    newest: undefined,
    current: emptyResourceSet,
    waiting: undefined,
    orphans: new Map(),
    leases: undefined,
  }
}

export const findSubscription = (machine: Machine, typeUrl: TypeUrl): Subscription | undefined =>
  machine.subs.find((sub) => sub.typeUrl === typeUrl)

/** The first request of a type. */
export function openSubscription(machine: Machine, typeUrl: TypeUrl): Subscription {
  const complete = machine.variant === 'sotw' && isComplete(typeUrl)
  const sub = createSubscription(typeUrl, complete, emptyResourceSet)
  machine.subs = [...machine.subs, sub].sort((a, b) => pushRank(a.typeUrl) - pushRank(b.typeUrl))
  return sub
}

/** The set that a type is being brought to. */
export const targetOf = (machine: Machine, sub: Subscription): ResourceSet =>
  sideOf(sub.typeUrl) === 'free' ? (machine.newest ?? emptyResourceSet) : machine.current
