/**
 * Load reporting: envoy/service/load_stats/v3/lrs.proto. A client says who it is; it is told to report all its clusters at
 * an interval (those that don't advertise `envoy.lrs.supports_send_all_clusters` report none); each report takes the place
 * of the one before. What a client said is forgotten when its stream ends.
 */
import { type Observable, Subject } from 'rxjs'
import {
  LoadStatsRequestSchema,
  LoadStatsResponseSchema,
} from '../../proto/gen/envoy/service/load_stats/v3/lrs_pb.js'
import { duration } from '../../proto/index.ts'
import type { Node } from '../../resources.ts'
import { nodeOf } from '../decode.ts'
import type { Call } from '../grpc/call.ts'
import { status } from '../grpc/status.ts'
import type { XdsLimits } from '../limits.ts'
import { clusterLoads, countEntries, type LoadReport } from './load.ts'
import {
  decodeRequest,
  endWith,
  inOnePiece,
  type Method,
  type MethodDeps,
  patienceWith,
  RpcError,
} from './methods.ts'

const PATH = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats'

/** The load as clients report it. */
export interface Loads {
  /** Each report as it comes; never completes before the server is closed. Who listens must not throw. */
  readonly reports: Observable<LoadReport>
  /** The newest of each client that is connected and has reported. */
  latest(): readonly LoadReport[]
}

export interface LoadDeps extends MethodDeps {
  readonly limits: MethodDeps['limits'] & Pick<XdsLimits, 'loadReportMs' | 'maxLoadEntries'>
  readonly now: () => number
}

export interface LoadReporting {
  readonly methods: readonly Method[]
  readonly loads: Loads
  close(): void
}

export function createLoadReporting(deps: LoadDeps): LoadReporting {
  const { limits, log, now } = deps
  const reports = new Subject<LoadReport>()
  const kept = new Map<Call, { readonly report: LoadReport; readonly entries: number }>()
  let entries = 0
  let full = false

  function forget(call: Call): void {
    entries -= kept.get(call)?.entries ?? 0
    kept.delete(call)
  }

  /** Instead of this client's report before. Beyond the limit it is passed on, but not kept. */
  function keep(call: Call, report: LoadReport): void {
    forget(call)
    const size = countEntries(report.clusters)
    if (entries + size <= limits.maxLoadEntries) {
      kept.set(call, { report, entries: size })
      entries += size
    } else if (!full) {
      full = true
      log.warn(
        { limit: limits.maxLoadEntries },
        'clients report more load (clusters and localities of all together) than is kept: what is beyond has no part in rates and weights; let sidecars see fewer services (Sidecar resource), or fewer report',
      )
    }
  }

  function take(call: Call): void {
    const patience = patienceWith(call, deps)
    let node: Node | undefined

    function receive(bytes: Buffer): void {
      const request = decodeRequest(LoadStatsRequestSchema, bytes)
      if (node === undefined) {
        if (!request.node?.id)
          throw new RpcError(status.INVALID_ARGUMENT, 'the first request of a stream must carry node.id')
        node = nodeOf(request.node)
        const loadReportingInterval = duration(limits.loadReportMs)
        const told = inOnePiece(LoadStatsResponseSchema, { sendAllClusters: true, loadReportingInterval })
        patience.send(told, () => {})
        if (request.clusterStats.length === 0) return
      }
      const report = { node, peer: call.peer, at: now(), clusters: clusterLoads(request.clusterStats) }
      keep(call, report)
      reports.next(report)
    }

    call.listen({
      message(bytes) {
        patience.heard()
        try {
          receive(bytes)
        } catch (error) {
          endWith(call, error, deps)
        }
      },
      ended: () => call.end(status.OK, ''),
      gone() {
        patience.over()
        forget(call)
      },
    })
  }

  return {
    methods: [{ path: PATH, stream: true, take }],
    loads: {
      reports: reports.asObservable(),
      latest: () => [...kept.values()].map(({ report }) => report),
    },
    close: () => reports.complete(),
  }
}
