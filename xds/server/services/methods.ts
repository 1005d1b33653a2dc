/** gRPC methods on calls of our own (grpc/call.ts), from functions on messages. */
import type { Logger } from '#support/logger.ts'
import {
  type DescMessage,
  decode,
  encode,
  type MessageInitShape,
  type MessageShape,
} from '../../proto/index.ts'
import type { Call } from '../grpc/call.ts'
import { status } from '../grpc/status.ts'
import type { XdsLimits } from '../limits.ts'

export interface Method {
  /** `/package.Service/Method`. */
  readonly path: string
  /** Counted among the streams that there may be; others are over in a moment. */
  readonly stream: boolean
  /** Answers clients on this host only. */
  readonly localOnly?: boolean
  /** Goes on while the server drains, so that its client learns of it. */
  readonly outlivesDrain?: boolean
  take(call: Call): void
}

/** Ends a call with a status. */
export class RpcError extends Error {
  readonly code: status
  constructor(code: status, details: string) {
    super(details)
    this.code = code
  }
}

export interface MethodDeps {
  readonly limits: Pick<XdsLimits, 'firstRequestMs' | 'slowReaderMs'>
  readonly log: Logger
}

/** A response in encoded pieces, which the client sees as one message. */
export type Pieces = readonly Uint8Array[]

export const inOnePiece = <O extends DescMessage>(output: O, init: MessageInitShape<O>): Pieces => [
  encode(output, init),
]

/** Requests of one call that may wait for their answers. */
const MAX_WAITING = 100

/** A method that answers each request by one response, in order; a unary one answers one. Answers that reject end the call. */
export const answering = <I extends DescMessage>(
  input: I,
  kind: 'unary' | 'stream',
  deps: MethodDeps,
  answer: (request: MessageShape<I>) => Pieces | Promise<Pieces>,
): ((call: Call) => void) => answeringBytes(kind, deps, (bytes) => answer(decodeRequest(input, bytes)))

/** The same for requests in bytes. */
export function answeringBytes(
  kind: 'unary' | 'stream',
  deps: MethodDeps,
  answer: (request: Buffer) => Pieces | Promise<Pieces>,
): (call: Call) => void {
  return (call) => {
    const waiting: Buffer[] = []
    const patience = patienceWith(call, deps)
    let busy = false
    let heard = false
    let halfClosed = false

    async function work(): Promise<void> {
      busy = true
      for (let bytes = waiting.shift(); bytes !== undefined; bytes = waiting.shift()) {
        const response = await answer(bytes)
        await new Promise<void>((taken) => patience.send(response, taken))
        if (kind === 'unary') break
      }
      busy = false
      if (halfClosed || kind === 'unary') call.end(status.OK, '')
    }

    call.listen({
      message(bytes) {
        patience.heard()
        heard = true
        if (waiting.length >= MAX_WAITING)
          call.end(status.RESOURCE_EXHAUSTED, `more than ${MAX_WAITING} requests wait for their answers`)
        else waiting.push(Buffer.from(bytes))
        if (!busy) work().catch((error: unknown) => endWith(call, error, deps))
      },
      ended() {
        halfClosed = true
        if (kind === 'unary' && !heard) call.end(status.INVALID_ARGUMENT, 'a call without a request')
        else if (!busy) call.end(status.OK, '')
      },
      gone() {
        patience.over()
        waiting.length = 0
      },
    })
  }
}

/** The request in these bytes. Throws RpcError. */
export function decodeRequest<I extends DescMessage>(input: I, bytes: Uint8Array): MessageShape<I> {
  try {
    return decode(input, bytes)
  } catch (error) {
    throw new RpcError(status.INVALID_ARGUMENT, `not a ${input.typeName}: ${(error as Error).message}`)
  }
}

/** Ends the call; what isn't an RpcError is a fault of ours, whose text stays here. */
export function endWith(call: Call, error: unknown, { log }: MethodDeps): void {
  if (error instanceof RpcError) call.end(error.code, error.message)
  else {
    log.error({ peer: call.peer, error }, 'a call failed')
    call.end(status.INTERNAL, 'internal error of this Pilot; its log has more')
  }
}

export interface Patience {
  /** The first request is there. */
  heard(): void
  /** `taken` is called when the client has taken it, and never if the call ends before. */
  send(parts: Pieces, taken: () => void): void
  /** The call is gone. */
  over(): void
}

/** Ends a call that says nothing, or doesn't read what it was sent: one message at a time. */
export function patienceWith(call: Call, { limits: { firstRequestMs, slowReaderMs } }: MethodDeps): Patience {
  const silent = (): void => call.end(status.DEADLINE_EXCEEDED, `no request within ${firstRequestMs} ms`)
  const first = setTimeout(silent, firstRequestMs).unref()
  let unread: NodeJS.Timeout | undefined
  return {
    heard: () => clearTimeout(first),
    send(parts, taken) {
      const timer = setTimeout(call.drop, slowReaderMs).unref()
      unread = timer
      const byteLength = parts.reduce((sum, { length }) => sum + length, 0)
      call.send({ byteLength, parts }, () => {
        clearTimeout(timer)
        taken()
      })
    },
    over() {
      clearTimeout(first)
      clearTimeout(unread)
    },
  }
}
