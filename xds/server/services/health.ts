/**
 * gRPC health: https://github.com/grpc/grpc/blob/master/doc/health-checking.md and xds/proto's grpc/health/v1/health.proto.
 * SERVING, for the server as a whole (`""`) and for each of its services, until it drains.
 */
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListRequestSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../proto/gen/grpc/health/v1/health_pb.js'
import type { Call } from '../grpc/call.ts'
import { status } from '../grpc/status.ts'
import {
  answering,
  decodeRequest,
  endWith,
  inOnePiece,
  type Method,
  type MethodDeps,
  type Pieces,
  patienceWith,
  RpcError,
} from './methods.ts'

export const HEALTH = 'grpc.health.v1.Health'

export interface Health {
  readonly methods: readonly Method[]
  /** Tells all who watch. */
  drain(): void
}

/** `services`: full names of all that is served. */
export function createHealth(services: () => readonly string[], deps: MethodDeps): Health {
  const watchers = new Set<() => void>()
  let serving = Serving.SERVING

  const knows = (service: string): boolean => service === '' || services().includes(service)
  const statusPieces = (now: Serving): Pieces => inOnePiece(HealthCheckResponseSchema, { status: now })

  const check = answering(HealthCheckRequestSchema, 'unary', deps, ({ service }) => {
    if (!knows(service)) throw new RpcError(status.NOT_FOUND, `no service ${service} here`)
    return statusPieces(serving)
  })

  const list = answering(HealthListRequestSchema, 'unary', deps, () => {
    const entries = ['', ...services()].map((service) => [service, { status: serving }] as const)
    return inOnePiece(HealthListResponseSchema, { statuses: Object.fromEntries(entries) })
  })

  /** The status now, and each that differs from the one that was sent last. */
  function watch(call: Call): void {
    const patience = patienceWith(call, deps)
    let service: string | undefined
    let told: Serving | undefined
    let sending = false

    function tell(): void {
      if (service === undefined || sending) return
      const now = knows(service) ? serving : Serving.SERVICE_UNKNOWN
      if (now === told) return
      told = now
      sending = true
      patience.send(statusPieces(now), () => {
        sending = false
        tell()
      })
    }

    watchers.add(tell)
    call.listen({
      message(bytes) {
        patience.heard()
        try {
          service ??= decodeRequest(HealthCheckRequestSchema, bytes).service
          tell()
        } catch (error) {
          endWith(call, error, deps)
        }
      },
      // A client that has asked says no more, and listens.
      ended() {
        if (service === undefined) call.end(status.INVALID_ARGUMENT, 'a call without a request')
      },
      gone() {
        patience.over()
        watchers.delete(tell)
      },
    })
  }

  return {
    methods: [
      { path: `/${HEALTH}/Check`, stream: false, take: check },
      { path: `/${HEALTH}/List`, stream: false, take: list },
      { path: `/${HEALTH}/Watch`, stream: true, outlivesDrain: true, take: watch },
    ],
    drain() {
      serving = Serving.NOT_SERVING
      for (const tell of watchers) tell()
    },
  }
}
