/**
 * The xDS server: gRPC (aggregated and separate services, state of the world, incremental and Fetch) and REST
 * on one plaintext port. It knows nothing of a mesh; all it serves comes from a ResourceSource.
 */
import { type Logger, silentLogger } from '#support/logger.ts'
import type { Resource, ResourceSource } from '../resources.ts'
import { createAdmission, type Refusal, shuttingDown } from './admission.ts'
import { createBodies } from './bodies.ts'
import { type Call, MAX_TIMEOUT } from './grpc/call.ts'
import { createConnections } from './grpc/connections.ts'
import { status } from './grpc/status.ts'
import { defaultLimits, type XdsLimits } from './limits.ts'
import { lingering } from './linger.ts'
import { listenShared, type SharedListener } from './listener.ts'
import { createNameLists } from './name-lists.ts'
import { createRestHandler } from './rest.ts'
import { createServices } from './services/index.ts'
import type { Loads } from './services/lrs.ts'
import { streamMethods, type XdsMethod } from './services.ts'
import type { Variant } from './state.ts'
import type { StreamStatus, XdsObserver } from './status.ts'
import { openStream, type StreamDeps, type XdsStream } from './stream.ts'
import { createTurns } from './turns.ts'

export interface XdsServerOptions {
  readonly source: ResourceSource
  readonly log?: Logger
  readonly limits?: Partial<XdsLimits>
  /** Unix time in milliseconds. */
  readonly now?: () => number
  readonly observer?: XdsObserver
}

export interface XdsServer {
  /** `host:port`; port 0 takes a free one. Rejects if it can't be bound. */
  listen(address: string): Promise<{ address: string; port: number }>
  /** Sends clients away over half of `graceMs`, so that they don't all come to the next Pilot at once; resolves when all are gone. */
  drain(graceMs: number): Promise<void>
  /** Ends everything at once. */
  close(): Promise<void>
  streams(): readonly StreamStatus[]
  /** The resources that a stream's client was sent and still has; none if there is no such stream. */
  held(streamId: string): Iterable<Resource>
  /** What clients report of the load they cause (LRS), for those who weight localities by it. */
  readonly loads: Loads
}

export function createXdsServer(options: XdsServerOptions): XdsServer {
  const limits = { ...defaultLimits, ...options.limits }
  const { source, log = silentLogger, now = Date.now, observer = {} } = options
  const bodies = createBodies()
  const shared = { bodies, nameLists: createNameLists() }
  const turns = createTurns({ now: () => performance.now(), later: (work) => void setImmediate(work) })
  const deps: StreamDeps = { source, log, now, wait, limits, observer, shared, turns }
  const streams = new Map<string, XdsStream>()
  const admission = createAdmission(limits)
  const refused = (peer: string, { code, details }: Refusal): void =>
    observer.onRefused?.(peer, status[code], details)
  const polled = lingering(source, limits.pollMs, limits.maxStreams)
  const rest = createRestHandler(polled, log)
  const services = createServices({
    limits,
    log,
    now,
    admission,
    refused,
    polled,
    streams: () => streams.values(),
  })
  const connections = createConnections({
    limits,
    methodOf: (path) => {
      const method = streamMethods.get(path)
      return method ? (call) => accept(call, method) : services.methodOf(path)
    },
    random: Math.random,
  })
  const listeners: SharedListener[] = []
  let streamCount = 0
  const ageTimer = setInterval(
    () => {
      const time = now()
      for (const stream of streams.values()) stream.checkAge(time)
    },
    Math.max(50, Math.min(limits.slowReaderMs, limits.firstRequestMs) / 4),
  ).unref()

  function accept(call: Call, { kind, typeUrl }: XdsMethod): void {
    const { peer } = call
    const refusal = admission.refusal(peer)
    if (refusal !== undefined) {
      refused(peer, refusal)
      call.end(refusal.code, refusal.details)
      return
    }
    const id = (++streamCount).toString(36)
    const leave = admission.enter(peer)
    const cut = (): void => {
      for (const listener of listeners) listener.cut(peer)
    }
    const over = (): void => {
      stream.closed()
      streams.delete(id)
    }
    const end = (code: status, details: string): void => {
      over()
      call.end(code, details)
    }
    const outlet = { peer, send: call.send, end, cut }
    const stream = openStream(id, kind as Variant, typeUrl, outlet, deps)
    streams.set(id, stream)
    call.listen({
      message: stream.receive,
      ended: () => end(status.OK, ''),
      // Not before: what was sent to a client that doesn't read is kept until then.
      gone() {
        over()
        leave()
      },
    })
  }

  async function drain(graceMs: number): Promise<void> {
    admission.end()
    for (const listener of listeners) listener.stop()
    connections.drain(graceMs)
    const leaving = [...[...streams.values()].map(sendAway), ...services.drain()]
    await Promise.all(
      leaving.map(async (leave, index) => {
        await delay((graceMs / 2) * (index / leaving.length))
        leave()
      }),
    )
  }

  async function close(): Promise<void> {
    admission.end()
    clearInterval(ageTimer)
    for (const stream of [...streams.values()]) sendAway(stream)()
    await Promise.all(listeners.map((listener) => listener.close()))
    polled.close()
    bodies.close()
    connections.close()
    services.close()
  }

  return {
    async listen(address) {
      const listener = await listenShared(address, {
        http2: connections.add,
        rest,
        firstBytesMs: limits.firstRequestMs,
        maxBodyBytes: limits.maxRequestBytes,
        maxConnections: 2 * limits.maxStreams,
        garbage: (peer) => observer.onGarbage?.(peer),
      })
      listeners.push(listener)
      return { address: listener.address, port: listener.port }
    },
    drain,
    close,
    streams: () => [...streams.values()].map((stream) => stream.status()),
    held: (streamId) => streams.get(streamId)?.held() ?? [],
    loads: services.loads,
  }
}

const sendAway = (stream: XdsStream) => (): void => stream.fail(shuttingDown.code, shuttingDown.details)

/** Or sooner, if that is longer than Node can wait. */
function wait(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, Math.min(ms, MAX_TIMEOUT)).unref()
  return () => clearTimeout(timer)
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
