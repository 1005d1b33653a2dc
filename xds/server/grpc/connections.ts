/** HTTP/2 connections of gRPC clients: kept alive, aged, drained. */

import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { status } from '@grpc/grpc-js'
import type { XdsLimits } from '../limits.ts'
import { type Call, MAX_TIMEOUT, openCall } from './call.ts'

export interface ConnectionDeps {
  readonly limits: XdsLimits
  /** Takes the call of a method that it knows; undefined = it is somebody else's. */
  readonly methodOf: (path: string) => ((call: Call) => void) | undefined
  readonly elsewhere: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void
  /** Between 0 and 1. */
  readonly random: () => number
}

export interface Connections {
  add(socket: Duplex, peer: string): void
  /** No new calls on the connections there are; they end when their calls have, or after `graceMs`. */
  drain(graceMs: number): void
  close(): void
}

/** Connections are aged at this much more or less than the limit, so that a fleet doesn't move at once. */
const AGE_JITTER = 0.1

export function createConnections({ limits, methodOf, elsewhere, random }: ConnectionDeps): Connections {
  const sessions = new Set<ServerHttp2Session>()

  function add(socket: Duplex, peer: string): void {
    const session = performServerHandshake(socket, {
      // What a stream may hold is bounded by one message in flight; node's own limit would refuse a large one.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      settings: { maxConcurrentStreams: limits.maxStreamsPerPeer, enablePush: false },
    })
    const calls = new Set<Call>()
    sessions.add(session)
    session.on('error', () => session.destroy())
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const take = methodOf(String(headers[':path']))
      if (take === undefined || !isGrpc(headers)) {
        elsewhere(stream, headers)
        return
      }
      const call = openCall(stream, headers, peer, limits.maxRequestBytes)
      calls.add(call)
      stream.once('close', () => calls.delete(call))
      take(call)
    })
    const stopPings = keepAlive(session, limits)
    const age = limits.maxConnectionAgeMs * (1 + AGE_JITTER * (2 * random() - 1))
    const end = () => {
      session.close()
      for (const call of calls) call.end(status.OK, '')
    }
    const aged = age > 0 ? setTimeout(end, Math.min(age, MAX_TIMEOUT)).unref() : undefined
    session.once('close', () => {
      sessions.delete(session)
      stopPings()
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

/** Pings a connection that keeps silent: one that is half open has no other end. */
function keepAlive(session: ServerHttp2Session, { keepaliveMs, keepaliveTimeoutMs }: XdsLimits): () => void {
  let unanswered: NodeJS.Timeout | undefined
  const timer = setInterval(() => {
    if (unanswered !== undefined || session.destroyed) return
    unanswered = setTimeout(() => session.destroy(), keepaliveTimeoutMs).unref()
    session.ping(() => {
      clearTimeout(unanswered)
      unanswered = undefined
    })
  }, keepaliveMs).unref()
  return () => {
    clearInterval(timer)
    clearTimeout(unanswered)
  }
}
