/** What clients say of the load they cause: envoy/config/endpoint/v3/load_report.proto, in plain numbers. */
import type {
  ClusterStats,
  UpstreamLocalityStats,
} from '../../proto/gen/envoy/config/endpoint/v3/load_report_pb.js'
import { milliseconds } from '../../proto/index.ts'
import type { Node } from '../../resources.ts'

/** One report of one client, of the time since its report before. */
export interface LoadReport {
  readonly node: Node
  /** `address:port` of the client. */
  readonly peer: string
  /** When it came; Unix time in milliseconds. */
  readonly at: number
  /** Those with any load; of the others there was none. */
  readonly clusters: readonly ClusterLoad[]
}

export interface ClusterLoad {
  readonly name: string
  /** Its EDS name; '' if it has none of its own. */
  readonly service: string
  /** How long the counts below took, in ms. */
  readonly intervalMs: number
  /** Requests that were not sent to any endpoint: overload, circuit breakers, drop policies. */
  readonly dropped: number
  readonly localities: readonly LocalityLoad[]
}

/** Endpoints of one locality and priority, as one client used them. */
export interface LocalityLoad {
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly priority: number
  /** Requests begun, and ended well or badly, in the interval. */
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  /** Requests under way at its end. */
  readonly inProgress: number
  /** What endpoints said of themselves (ORCA), by name: the sum of so many requests' values. */
  readonly metrics: readonly { readonly name: string; readonly requests: number; readonly total: number }[]
}

/** Clusters of a report that have load. */
export function clusterLoads(stats: readonly ClusterStats[]): readonly ClusterLoad[] {
  return stats.map(clusterLoad).filter(({ dropped, localities }) => dropped > 0 || localities.length > 0)
}

/** How much there is to keep of these: clusters, localities and metrics. */
export function countEntries(clusters: readonly ClusterLoad[]): number {
  let count = clusters.length
  for (const { localities } of clusters) for (const { metrics } of localities) count += 1 + metrics.length
  return count
}

function clusterLoad(stats: ClusterStats): ClusterLoad {
  return {
    name: stats.clusterName,
    service: stats.clusterServiceName,
    intervalMs: stats.loadReportInterval ? Math.max(0, milliseconds(stats.loadReportInterval)) : 0,
    dropped: Number(stats.totalDroppedRequests),
    localities: stats.upstreamLocalityStats.map(localityLoad).filter(isUsed),
  }
}

function localityLoad(stats: UpstreamLocalityStats): LocalityLoad {
  const { region = '', zone = '', subZone = '' } = stats.locality ?? {}
  return {
    region,
    zone,
    subZone,
    priority: stats.priority,
    issued: Number(stats.totalIssuedRequests),
    succeeded: Number(stats.totalSuccessfulRequests),
    failed: Number(stats.totalErrorRequests),
    inProgress: Number(stats.totalRequestsInProgress),
    metrics: stats.loadMetricStats.map((each) => ({
      name: each.metricName,
      requests: Number(each.numRequestsFinishedWithMetric),
      total: each.totalMetricValue,
    })),
  }
}

const isUsed = ({ issued, succeeded, failed, inProgress, metrics }: LocalityLoad): boolean =>
  issued + succeeded + failed + inProgress > 0 || metrics.length > 0
