/**
 * A gRPC stream in both directions, on a stream of node:http2, for messages that are bytes already. grpc-js copies
 * each message for each stream; here bytes that many streams share go to the socket as they are.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { gunzipSync, inflateSync } from 'node:zlib'
import type { XdsLimits } from '../limits.ts'
import { HEAD, type Inflate, MessageError, messageReader, writeHead } from './messages.ts'
import { status } from './status.ts'

/** A message in pieces, of which large ones may be shared with other streams. */
export interface Message {
  readonly byteLength: number
  readonly parts: readonly Uint8Array[]
}

export interface CallListener {
  /** The bytes are other streams' once it returns. */
  message(bytes: Buffer): void
  /** The client says no more. */
  ended(): void
  /** Once, whoever ended it. */
  gone(): void
}

export interface Call {
  /** `address:port` of the client. */
  readonly peer: string
  listen(listener: CallListener): void
  /** `taken` is called when the transport has passed it on, and never after the end. */
  send(message: Message, taken: () => void): void
  /** Ends it with a status, after what was sent. */
  end(code: status, details: string): void
  /** Ends it at once: a status would wait behind what the client doesn't read. */
  drop(): void
}

/** Characters of a status' message: node:http2 sends no headers of more than 64 kB, and ends the stream without a word. */
const MAX_DETAILS = 2000

/** Below this, one copy costs less than a write of several pieces. */
const SMALL = 4096

const inflaters: Readonly<Record<string, Inflate>> = {
  gzip: (message, maxOutputLength) => gunzipSync(message, { maxOutputLength }),
  deflate: (message, maxOutputLength) => inflateSync(message, { maxOutputLength }),
}

const grpcHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,deflate,gzip',
}

export type CallLimits = Pick<XdsLimits, 'maxRequestBytes' | 'slowReaderMs' | 'firstRequestMs'>

/** Answers the request of a gRPC method whose both sides are streams. */
export function openCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: string,
  { maxRequestBytes, slowReaderMs, firstRequestMs }: CallLimits,
): Call {
  let over = false
  let deadline: NodeJS.Timeout | undefined
  /** Of a message that has begun. */
  let unfinished: NodeJS.Timeout | undefined
  // Whatever breaks is followed by 'close'.
  stream.on('error', () => {})

  function drop(): void {
    stream.close(constants.NGHTTP2_CANCEL)
    stream.destroy()
  }

  function end(code: status, details: string): void {
    if (over || stream.destroyed || stream.closed) return
    over = true
    const message = encodeURIComponent(details.slice(0, MAX_DETAILS).toWellFormed())
    const trailers = { 'grpc-status': String(code), 'grpc-message': message }
    if (!stream.headersSent) stream.respond({ ...grpcHeaders, ...trailers }, { endStream: true })
    else {
      stream.once('wantTrailers', () => {
        stream.sendTrailers(trailers)
        // The client's half may stay open; RFC 9113, 8.1.
        setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
      })
      stream.end()
      // The status waits behind what the client doesn't read.
      const patience = setTimeout(drop, slowReaderMs).unref()
      stream.once('close', () => clearTimeout(patience))
    }
  }

  function send({ byteLength, parts }: Message, taken: () => void): void {
    if (over || stream.destroyed || stream.closed) return
    const done = (error?: Error | null): void => {
      if (!error && !over) taken()
    }
    if (byteLength <= SMALL) {
      const whole = Buffer.allocUnsafe(HEAD + byteLength)
      writeHead(whole, byteLength)
      let at = HEAD
      for (const part of parts) {
        whole.set(part, at)
        at += part.length
      }
      stream.write(whole, done)
      return
    }
    const head = Buffer.allocUnsafe(HEAD)
    writeHead(head, byteLength)
    stream.cork()
    stream.write(head)
    parts.forEach((part, i) => void stream.write(part, i === parts.length - 1 ? done : undefined))
    stream.uncork()
  }

  return {
    peer,
    send,
    end,
    drop,
    listen(listener) {
      stream.once('close', () => {
        over = true
        clearTimeout(deadline)
        clearTimeout(unfinished)
        listener.gone()
      })
      // Reset by the bytes that came with its request: node tells of both at once.
      if (stream.destroyed || stream.closed) return
      const encoding = String(headers['grpc-encoding'] ?? 'identity')
      const inflate = inflaters[encoding]
      if (encoding !== 'identity' && inflate === undefined) {
        end(status.UNIMPLEMENTED, `grpc-encoding ${encoding} is not known`)
        return
      }
      const timeout = timeoutOf(headers['grpc-timeout'])
      if (timeout !== undefined)
        deadline = setTimeout(() => end(status.DEADLINE_EXCEEDED, 'its deadline is over'), timeout).unref()
      stream.respond(grpcHeaders, { waitForTrailers: true })
      const reader = messageReader(maxRequestBytes, inflate)
      const tooLate = () => end(status.DEADLINE_EXCEEDED, `half a message for ${firstRequestMs} ms`)
      stream.on('data', (chunk: Buffer) => {
        if (over) return
        try {
          const messages = reader.read(chunk)
          for (const message of messages) if (!over) listener.message(message)
          if (messages.length > 0) {
            clearTimeout(unfinished)
            unfinished = undefined
          }
          if (reader.waits() && !over) unfinished ??= setTimeout(tooLate, firstRequestMs).unref()
        } catch (error) {
          if (!(error instanceof MessageError)) throw error
          end(error.kind === 'too large' ? status.RESOURCE_EXHAUSTED : status.INTERNAL, error.message)
        }
      })
      stream.once('end', () => listener.ended())
    },
  }
}

const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
/** What setTimeout takes. */
export const MAX_TIMEOUT = 2 ** 31 - 1

/** ms; undefined = no deadline. */
function timeoutOf(header: string | readonly string[] | undefined): number | undefined {
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? '')) ?? []
  if (amount === undefined || unit === undefined) return undefined
  return Math.min(MAX_TIMEOUT, Number(amount) * units[unit]!)
}
