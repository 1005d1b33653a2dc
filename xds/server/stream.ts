/**
 * One stream: bytes in, bytes out. At most one message is handed to the transport at a time; while the client
 * doesn't take it, everything merges in the machine.
 */
import type { Subscription as RxSubscription } from 'rxjs'
import type { Logger } from '#support/logger.ts'
import { type Node, NodeRefused, type Resource, type ResourceSource, type TypeUrl } from '../resources.ts'
import type { Bodies } from './bodies.ts'
import { decodeDelta, decodeSotw, type LastLists } from './decode.ts'
import { receiveDelta } from './delta.ts'
import { encodeResponse } from './encode.ts'
import type { Message } from './grpc/call.ts'
import { status } from './grpc/status.ts'
import { takesTtl } from './heartbeat.ts'
import type { XdsLimits } from './limits.ts'
import { isNew, mayRespond, nextResponse, receiveUpdate, wakeAt } from './machine.ts'
import type { NameLists } from './name-lists.ts'
import { noNode, noType, otherType, overLimit } from './problems.ts'
import { receiveSotw } from './sotw.ts'
import { createMachine, findSubscription, type Outcome, type Response, type Variant, viaOf } from './state.ts'
import { type StreamInfo, type StreamStatus, typeStatuses, type XdsObserver } from './status.ts'
import { heldResources } from './subscription.ts'
import type { Turns } from './turns.ts'

/** What a stream needs of the transport. */
export interface Outlet {
  readonly peer: string
  /** `taken` is called when the transport has passed the message on, and never after the stream has ended. */
  send(message: Message, taken: () => void): void
  /** Ends the stream with a gRPC status. */
  end(code: status, message: string): void
  /** Ends the connection: a status would wait behind what the client doesn't read. */
  cut(): void
}

export interface StreamDeps {
  readonly source: ResourceSource
  readonly log: Logger
  readonly now: () => number
  /** Calls back after so many milliseconds; the result cancels. */
  readonly wait: (ms: number, work: () => void) => () => void
  readonly limits: XdsLimits
  readonly observer: XdsObserver
  readonly shared: SharedState
  readonly turns: Turns
}

/** What streams have in common is kept once for all of them. */
export interface SharedState {
  readonly bodies: Bodies
  readonly nameLists: NameLists
}

export interface XdsStream {
  receive(message: Buffer): void
  /** The client or the connection has gone; also after `fail`. */
  closed(): void
  fail(code: status, message: string): void
  /** Ends what has kept silent, or not read, for too long. */
  checkAge(now: number): void
  info(): StreamInfo
  status(): StreamStatus
  held(): Iterable<Resource>
}

/** `onlyType` is the one type of a service that isn't aggregated. */
export function openStream(
  id: string,
  variant: Variant,
  onlyType: TypeUrl | undefined,
  outlet: Outlet,
  deps: StreamDeps,
): XdsStream {
  const { limits, now, observer } = deps
  const { bodies, nameLists } = deps.shared
  const machine = createMachine(variant, `${id}-`, onlyType === undefined)
  const lists: LastLists = new Map()
  const since = now()
  let node: Node | undefined
  let updates: RxSubscription | undefined
  let open = true
  let cancelWake = (): void => {}
  let sendingSince: number | undefined
  let waitsForTurn = false
  /** There may be more to say once the message on its way is taken. */
  let more = false
  let lastMessageAt = since
  let bytesSent = 0
  let messagesSent = 0
  let info: StreamInfo = { id, protocol: variant, peer: outlet.peer, since, node }

  function fail(code: status, message: string): void {
    if (!open) return
    observer.onRefused?.(outlet.peer, status[code], message)
    closed()
    outlet.end(code, message)
  }

  function closed(): void {
    if (!open) return
    open = false
    cancelWake()
    updates?.unsubscribe()
    if (node !== undefined) observer.onDisconnect?.(info)
  }

  function receive(message: Buffer): void {
    if (!open) return
    lastMessageAt = now()
    let request: Request
    try {
      request = variant === 'sotw' ? decodeSotw(message, lists, nameLists) : decodeDelta(message, nameLists)
    } catch (error) {
      fail(status.INVALID_ARGUMENT, `not a discovery request: ${(error as Error).message}`)
      return
    }
    guard(() => {
      const problem = receiveOne(request)
      if (problem === undefined) pumpInTurn()
      else fail(status.INVALID_ARGUMENT, problem)
    })
  }

  /** A fault of the source or of ours ends this stream and no other; the client comes again. */
  function guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      fault(error)
    }
  }

  function fault(error: unknown): void {
    deps.log.error({ node: node?.id, error }, 'xDS stream failed')
    fail(status.INTERNAL, 'internal error of this Pilot; its log has more')
  }

  /** What is wrong with the request, if anything. */
  function receiveOne(request: Request): string | undefined {
    const typeUrl = request.typeUrl || onlyType
    if (!typeUrl) return noType
    if (onlyType !== undefined && typeUrl !== onlyType) return otherType(onlyType, typeUrl)
    if (node === undefined) {
      if (!request.node?.id) return noNode
      connect({ ...request.node, via: viaOf(variant, onlyType) })
      if (!open) return undefined
    }
    const outcome =
      'names' in request
        ? receiveSotw(machine, { ...request, typeUrl }, lastMessageAt)
        : receiveDelta(machine, { ...request, typeUrl }, lastMessageAt)
    observe(outcome, typeUrl, request.error?.message ?? '')
    return overLimit(machine, limits)
  }

  function connect(as: Node): void {
    node = as
    if (takesTtl(as, variant)) machine.leases = new Map()
    info = { ...info, node }
    observer.onConnect?.(info)
    updates = deps.source.connect(as).subscribe({
      next: (update) =>
        guard(() => {
          receiveUpdate(machine, update)
          pumpInTurn()
        }),
      error: (error: unknown) =>
        error instanceof NodeRefused ? fail(status.INVALID_ARGUMENT, error.message) : fault(error),
    })
    // A source may refuse at once, before there is a subscription to end.
    if (!open) updates.unsubscribe()
  }

  function observe(outcome: Outcome, typeUrl: TypeUrl, message: string): void {
    if (outcome === 'ack') observer.onAck?.(info, typeUrl)
    else if (outcome === 'expired') observer.onExpiredNonce?.(info, typeUrl)
    else if (outcome === 'nack') {
      const resources = [...(findSubscription(machine, typeUrl)?.rejection?.blamed ?? [])].slice(0, 10)
      deps.log.warn({ node: node?.id, typeUrl, resources, message }, 'client rejected configuration')
      observer.onNack?.(info, typeUrl, message)
    }
  }

  /** What happens until it is this stream's turn merges. */
  function pumpInTurn(): void {
    if (waitsForTurn) return
    if (sendingSince !== undefined) {
      more = true
      return
    }
    if (!mayRespond(machine)) return
    waitsForTurn = true
    deps.turns.add(takeTurn, isNew(machine) ? 'sync' : 'change')
  }
  function takeTurn(): void {
    waitsForTurn = false
    guard(pump)
  }

  function pump(): void {
    while (open && sendingSince === undefined) {
      const response = nextResponse(machine, now())
      if (response === undefined) break
      send(response)
    }
    if (open && sendingSince === undefined) wakeLater()
  }

  function wakeLater(): void {
    cancelWake()
    const at = wakeAt(machine)
    cancelWake = at === undefined ? () => {} : deps.wait(Math.max(0, at - now()), () => guard(pump))
  }

  function send(response: Response): void {
    const message = encodeResponse(variant, response, bodies)
    sendingSince = now()
    bytesSent += message.byteLength
    messagesSent++
    more = mayRespond(machine)
    observer.onPush?.(info, response.typeUrl, response.resources, message.byteLength)
    outlet.send(message, () => {
      sendingSince = undefined
      if (more) guard(pump)
    })
  }

  function checkAge(time: number): void {
    if (sendingSince !== undefined && time - sendingSince >= limits.slowReaderMs) {
      fail(status.RESOURCE_EXHAUSTED, `the client has left a message unread for ${limits.slowReaderMs} ms`)
      outlet.cut()
    } else if (node === undefined && time - since >= limits.firstRequestMs) {
      fail(status.DEADLINE_EXCEEDED, `no request within ${limits.firstRequestMs} ms`)
    }
  }

  return {
    receive,
    closed,
    fail,
    checkAge,
    info: () => info,
    status: () => ({ ...info, lastMessageAt, bytesSent, messagesSent, types: typeStatuses(machine) }),
    *held() {
      for (const sub of machine.subs) yield* heldResources(sub)
    },
  }
}

type Request = ReturnType<typeof decodeSotw> | ReturnType<typeof decodeDelta>
