/**
 * What the Pilot counts, in Prometheus' form. Istio's names (`pilot_*`, istiod's) where the meaning is the same, so that
 * its dashboards carry over; `pilothouse_*` is our own. Counters and histograms are moved by the hooks returned here,
 * which main.ts gives to the rooms; everything that can be looked up is looked up at the scrape (./pulled.ts).
 */
import { performance } from 'node:perf_hooks'
import type { MeshUpdate } from '#model/mesh.ts'
import { type Convergence, trackConvergence } from './convergence.ts'
import { loopDelay } from './loop-delay.ts'
import { type MetricSources, pulledMetrics } from './pulled.ts'
import { type Counter, type MetricFactory, metricFactory } from './registry.ts'

export type { MetricSources } from './pulled.ts'

export interface MetricsOptions extends MetricSources {
  readonly version: string
  /** `process_*` and `nodejs_*` too; default true. */
  readonly process?: boolean
}

/**
 * Types are short names (`cds`, `eds`, …). `stream` is the id of the xDS stream: with it, pilot_proxy_convergence_time and
 * the time to an answer are measured; without it they are not.
 */
export interface XdsHooks {
  onConnect(stream?: string): void
  onDisconnect(stream?: string): void
  onPush(type: string, resources: number, bytes: number, stream?: string): void
  onAck(type: string, stream?: string): void
  onNack(type: string, stream?: string): void
  onExpiredNonce(type: string): void
  /** A stream that the server ended, with the name of the gRPC status. */
  onRefused(code: string): void
  /** A connection to an xDS port that was not xDS. */
  onGarbage(): void
}
/** The generators' counters: one more of `name`, e.g. `encodes` of `eds`. */
export interface GenerateHooks {
  count(name: string, label: string): void
}
export interface MeshHooks {
  onUpdate(update: MeshUpdate): void
}

export interface Metrics {
  readonly xds: XdsHooks
  readonly generate: GenerateHooks
  readonly mesh: MeshHooks
  text(): Promise<string>
  readonly contentType: string
}

export function createMetrics(options: MetricsOptions): Metrics {
  const make = metricFactory({ process: options.process ?? true })
  pulledMetrics(make, options)
  processState(make, options.version)
  const track = convergence(make, options.now)
  return {
    xds: xdsHooks(make, track),
    generate: generateHooks(make),
    mesh: meshHooks(make, track),
    text: make.text,
    contentType: make.contentType,
  }
}

/** Istio's buckets, so that its dashboards' quantiles mean the same; the fine ones below 0.1 s are ours. */
const seconds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.5, 1, 3, 5, 10, 20, 30]
const sizes = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000]

function xdsHooks(make: MetricFactory, track: Convergence): XdsHooks {
  const connects = make.counter('pilothouse_xds_connects_total', 'xDS streams opened.')
  const disconnects = make.counter('pilothouse_xds_disconnects_total', 'xDS streams ended.')
  const pushes = make.tally('pilot_xds_pushes', 'Discovery responses sent, by type.', 'type')
  const resources = make.tally('pilothouse_xds_resources_total', 'Resources in the responses sent.', 'type')
  const bytes = make.tally('pilothouse_xds_bytes_total', 'Bytes of the responses sent.', 'type')
  const size = make.distribution(
    'pilot_xds_config_size_bytes',
    'Size of a response, in bytes.',
    sizes,
    'type',
  )
  const acks = make.tally('pilothouse_xds_acks_total', 'Responses that proxies acknowledged.', 'type')
  const rejects = make.tally('pilot_total_xds_rejects', 'Responses that proxies rejected.', 'type')
  const expired = make.tally('pilot_xds_expired_nonce', 'Requests with an expired nonce.', 'type')
  const refused = make.counter('pilothouse_xds_refused_total', 'Streams that the server ended, by status.', [
    'code',
  ])
  const garbage = make.counter(
    'pilothouse_garbage_connections_total',
    'Connections to an xDS port that were not xDS.',
  )
  const answer = make.distribution(
    'pilothouse_xds_answer_seconds',
    'From a response to its answer.',
    seconds,
    'type',
  )
  const delay = loopDelay(make)

  function answered(type: string, stream: string | undefined, accepted: boolean): void {
    const took = stream === undefined ? undefined : track.answered(stream, type, accepted)
    if (took !== undefined) answer.observe(took, type)
  }

  return {
    onConnect: (stream) => {
      connects.inc()
      delay.proxies(1)
      if (stream !== undefined) track.connected(stream)
    },
    onDisconnect: (stream) => {
      disconnects.inc()
      delay.proxies(-1)
      if (stream !== undefined) track.disconnected(stream)
    },
    onPush: (type, count, length, stream) => {
      pushes.add(type)
      resources.add(type, count)
      bytes.add(type, length)
      size.observe(length, type)
      if (stream !== undefined) track.pushed(stream, type)
    },
    onAck: (type, stream) => {
      acks.add(type)
      answered(type, stream, true)
    },
    onNack: (type, stream) => {
      rejects.add(type)
      answered(type, stream, false)
    },
    onExpiredNonce: (type) => expired.add(type),
    onRefused: (code) => refused.inc({ code }),
    onGarbage: () => garbage.inc(),
  }
}

/** Istio's pilot_proxy_convergence_time. */
function convergence(make: MetricFactory, now: () => number): Convergence {
  const metric = make.distribution(
    'pilot_proxy_convergence_time',
    'Seconds from a change until a proxy had acknowledged what came of it.',
    seconds,
  )
  return trackConvergence(now, (took) => metric.observe(took))
}

function generateHooks(make: MetricFactory): GenerateHooks {
  const known = new Map<string, { metric: Counter; label: string }>(
    generatorCounters.map(([name, metric, label, help]) => [
      name,
      { label, metric: make.counter(metric, help, [label]) },
    ]),
  )
  const other = make.counter('pilothouse_generator_events_total', 'What else the generators counted.', [
    'event',
  ])
  return {
    count: (name, value) => {
      const counter = known.get(name)
      if (counter) counter.metric.inc({ [counter.label]: value })
      else other.inc({ event: name })
    },
  }
}

const conflict = (name: string, help: string) => [name, name, 'type', help] as const

/** Name of the generators, name of the metric, its label, its help. Conflicts count each time they are settled. */
const generatorCounters = [
  ['encodes', 'pilothouse_encodes_total', 'type', 'Resources encoded (once for all streams).'],
  ['generator_runs', 'pilothouse_generator_runs_total', 'generator', 'Runs of the generators.'],
  conflict('pilot_vservice_dup_domain', 'Domains that a virtual host before had.'),
  conflict('pilot_conflict_inbound_listener', 'Inbound listeners in conflict.'),
  conflict(
    'pilot_conflict_outbound_listener_tcp_over_current_tcp',
    'TCP listeners in conflict with a TCP listener.',
  ),
  conflict(
    'pilot_conflict_outbound_listener_http_over_current_tcp',
    'HTTP listeners in conflict with a TCP listener.',
  ),
  conflict(
    'pilot_conflict_outbound_listener_tcp_over_current_http',
    'TCP listeners in conflict with an HTTP listener.',
  ),
] as const

function meshHooks(make: MetricFactory, track: Convergence): MeshHooks {
  const triggers = make.counter('pilot_push_triggers', 'New snapshots, by what changed in them.', ['type'])
  return {
    onUpdate: ({ changes }) => {
      track.changed()
      const kinds = [...changes.services.values()].map((kind) =>
        kind === 'endpoints' ? 'endpoint' : 'service',
      )
      for (const type of new Set(kinds)) triggers.inc({ type })
      if (changes.configs.size > 0) triggers.inc({ type: 'config' })
    },
  }
}

function processState(make: MetricFactory, version: string): void {
  make.pulled('pilot_info', 'Version of the Pilot.', ['version'], () => [[1, { version }]])
  make.pulled('istiod_uptime_seconds', 'Seconds since the process started.', [], () => [[process.uptime()]])
  let before = performance.eventLoopUtilization()
  make.pulled(
    'pilothouse_event_loop_utilization',
    'Share of time since the last scrape in which the event loop was busy, 0 to 1.',
    [],
    () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, before)
      before = now
      return [[utilization]]
    },
  )
}
