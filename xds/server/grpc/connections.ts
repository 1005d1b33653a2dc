/** HTTP/2 connections of gRPC clients: kept alive, aged, drained. */
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { XdsLimits } from '../limits.ts'
import { type Call, MAX_TIMEOUT, openCall } from './call.ts'
import { keepAlive } from './keepalive.ts'
import { status } from './status.ts'

export interface ConnectionDeps {
  readonly limits: XdsLimits
  /** Takes the call of a method; undefined = there is no such method. */
  readonly methodOf: (path: string) => ((call: Call) => void) | undefined
  /** Between 0 and 1. */
  readonly random: () => number
}

export interface Connections {
  add(socket: Socket, peer: string): void
  /** No new calls on the connections there are; they end when their calls have, or after `graceMs`. */
  drain(graceMs: number): void
  close(): void
}

/** How long streams of a connection that is old enough may take to end, ms (gRPC A9: MAX_CONNECTION_AGE_GRACE). */
const AGE_GRACE = 30_000
/** Connections are aged at this much more or less than the limit, so that a fleet doesn't move at once. */
const AGE_JITTER = 0.1

export function createConnections({ limits, methodOf, random }: ConnectionDeps): Connections {
  const sessions = new Set<ServerHttp2Session>()

  function add(socket: Socket, peer: string): void {
    const session = performServerHandshake(socket, {
      // What a stream may hold is bounded by one message in flight; node's own limit would refuse a large one.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      settings: { maxConcurrentStreams: limits.maxStreamsPerPeer, enablePush: false },
    })
    const calls = new Set<Call>()
    sessions.add(session)
    session.on('error', () => session.destroy())
    const unused = setTimeout(() => session.destroy(), limits.firstRequestMs).unref()
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      clearTimeout(unused)
      if (!isGrpc(headers)) {
        refuse(stream)
        return
      }
      const call = openCall(stream, headers, peer, limits)
      calls.add(call)
      stream.once('close', () => calls.delete(call))
      const path = String(headers[':path'])
      const take = methodOf(path)
      if (take === undefined) call.end(status.UNIMPLEMENTED, `this Pilot has no method ${path}`)
      else take(call)
    })
    const stopPings = keepAlive(session, socket, limits)
    const age = limits.maxConnectionAgeMs * (1 + AGE_JITTER * (2 * random() - 1))
    let aged: NodeJS.Timeout | undefined
    const end = () => {
      session.close()
      for (const call of calls) call.end(status.OK, '')
      aged = setTimeout(() => session.destroy(), AGE_GRACE).unref()
    }
    if (age > 0) aged = setTimeout(end, Math.min(age, MAX_TIMEOUT)).unref()
    session.once('close', () => {
      sessions.delete(session)
      stopPings()
      clearTimeout(unused)
      clearTimeout(aged)
    })
  }

  return {
    add,
    drain(graceMs) {
      for (const session of sessions) session.close()
      setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, graceMs).unref()
    },
    close() {
      for (const session of sessions) session.destroy()
    },
  }
}

const isGrpc = (headers: IncomingHttpHeaders): boolean =>
  headers[':method'] === 'POST' && String(headers['content-type']).startsWith('application/grpc')

function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => {})
  if (!stream.destroyed && !stream.closed) stream.respond({ ':status': 415 }, { endStream: true })
}
