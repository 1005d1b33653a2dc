/** What is shown of a stream, in the words of Istio's proxy-status. */
import type { Node, Resource, TypeUrl } from '../resources.ts'
import type { Machine, Variant } from './state.ts'
import {
  countHeld,
  hasUnsent,
  heldOf,
  possiblyHeld,
  type Rejection,
  type Subscription,
} from './subscription.ts'

/** Who a stream belongs to. */
export interface StreamInfo {
  readonly id: string
  readonly protocol: Variant
  /** `address:port` of the client. */
  readonly peer: string
  /** Unix time in milliseconds, as all times here. */
  readonly since: number
  /** Undefined until the first request. */
  readonly node: Node | undefined
}

export interface StreamStatus extends StreamInfo {
  readonly lastMessageAt: number
  readonly bytesSent: number
  readonly messagesSent: number
  /** In push order. */
  readonly types: readonly TypeStatus[]
}

export interface TypeStatus {
  readonly typeUrl: TypeUrl
  readonly wildcard: boolean
  /** How many names are subscribed explicitly. */
  readonly nameCount: number
  names(): readonly string[]
  /** How many resources the client was sent and still has: counted when it is asked for, as long as the status is new. */
  readonly resourceCount: number
  /** Each that the client has or asked for by name; as long as the status is new. */
  resources(): Iterable<ResourceStatus>
  readonly sentVersion: string
  readonly sentNonce: string
  /** 0 = never. */
  readonly sentAt: number
  readonly ackedVersion: string
  readonly ackedAt: number
  readonly nack?: NackStatus
  readonly status: SyncStatus
}

/** NOT SENT: nothing was sent yet. STALE: sent, but not acknowledged, or newer content waits. */
export type SyncStatus = 'SYNCED' | 'STALE' | 'NOT SENT' | 'NACKED'

export interface ResourceStatus {
  readonly name: string
  /** What the client was sent; '' if it has none. */
  readonly version: string
  /** Undefined if the client has none, or came with this version by itself. */
  readonly resource: Resource | undefined
  readonly state: ResourceState
}

/** REQUESTED: nothing was said of it yet. SENT: no answer yet, or it was in a response that was refused because of others. */
export type ResourceState = 'REQUESTED' | 'SENT' | 'ACKED' | 'NACKED'

export interface NackStatus {
  readonly message: string
  /** google.rpc.Code. */
  readonly code: number
  /** Names of the rejected resources, those first that the message names; 100 at most. */
  readonly resources: readonly string[]
  readonly since: number
  readonly lastGoodVersion: string
}

export const typeStatuses = (machine: Machine): readonly TypeStatus[] => machine.subs.map(typeStatus)

function typeStatus(sub: Subscription): TypeStatus {
  const { typeUrl, wildcard, sentVersion, sentNonce, sentAt, ackedVersion, ackedAt } = sub
  const nack = nackStatus(sub)
  return {
    typeUrl,
    wildcard,
    nameCount: sub.names.size,
    names: () => [...sub.names],
    get resourceCount() {
      return countHeld(sub)
    },
    resources: () => resourceStatuses(sub),
    sentVersion,
    sentNonce,
    sentAt,
    ackedVersion,
    ackedAt,
    ...(nack && { nack }),
    status: syncStatus(sub),
  }
}

function* resourceStatuses(sub: Subscription): Iterable<ResourceStatus> {
  const { inFlight, rejection } = sub
  const unanswered = new Set(inFlight?.removed)
  for (const { name } of inFlight?.changed ?? []) unanswered.add(name)
  const unsaid = (name: string): boolean =>
    sub.sentNonce === '' || sub.everything || sub.dirty.has(name) || sub.forced.has(name)
  for (const name of possiblyHeld(sub)) {
    const held = heldOf(sub, name)
    if (held === undefined && (!sub.names.has(name) || sub.collections?.has(name))) continue
    let state: ResourceState = 'ACKED'
    if (rejection?.blamed.has(name)) state = 'NACKED'
    else if (unanswered.has(name) || rejection?.suspects.has(name)) state = 'SENT'
    else if (held === undefined && unsaid(name)) state = 'REQUESTED'
    yield { name, version: held?.version ?? '', resource: held?.resource, state }
  }
}

function syncStatus(sub: Subscription): SyncStatus {
  if (sub.rejection !== undefined) return 'NACKED'
  if (sub.sentNonce === '') return 'NOT SENT'
  return sub.inFlight !== undefined || hasUnsent(sub) || sub.removals.size > 0 ? 'STALE' : 'SYNCED'
}

function nackStatus({ rejection }: Subscription): NackStatus | undefined {
  if (rejection === undefined) return undefined
  const { message, code, since, lastGoodVersion } = rejection
  return { message, code, resources: refusedNames(rejection), since, lastGoodVersion }
}

function refusedNames({ blamed, suspects }: Rejection): string[] {
  const names = new Set<string>()
  for (const some of [blamed, suspects])
    for (const name of some) {
      if (names.size === 100) return [...names]
      names.add(name)
    }
  return [...names]
}

/** Called as things happen; for metrics and logs. All are optional and must not throw. */
export interface XdsObserver {
  onConnect?(stream: StreamInfo): void
  onDisconnect?(stream: StreamInfo): void
  onPush?(stream: StreamInfo, typeUrl: TypeUrl, resources: readonly Resource[], bytes: number): void
  onAck?(stream: StreamInfo, typeUrl: TypeUrl): void
  onNack?(stream: StreamInfo, typeUrl: TypeUrl, message: string): void
  /** An answer to another response than the newest: nothing wrong, but counted by Istio. */
  onExpiredNonce?(stream: StreamInfo, typeUrl: TypeUrl): void
  /** A stream that was ended by us, with the gRPC status name. */
  onRefused?(peer: string, code: string, message: string): void
  /** A connection that spoke neither HTTP/2 nor HTTP/1.1. */
  onGarbage?(peer: string): void
}
