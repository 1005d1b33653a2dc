/** The load that proxies report (LRS): by service port and zones, of all proxies together. */
import type { Load, PortLoad, ZoneLoad } from '#model/load.ts'
import type { MetricFactory, Sample } from './registry.ts'

export interface LoadSource {
  clients(): number
  /** Counts since the start. */
  totals(): Iterable<PortLoad>
}

/** `destination_service` is Istio's label; zones are `region/zone`. */
export function loadMetrics(make: MetricFactory, load: LoadSource): void {
  make.pulled('pilothouse_load_clients', 'Proxies that report load (LRS).', [], () => [[load.clients()]])
  make.pulledCounters('pilothouse_load_requests_total', 'Requests that proxies began.', () =>
    flows(load.totals(), ({ requests }) => requests),
  )
  make.pulledCounters('pilothouse_load_request_errors_total', 'Requests of proxies that failed.', () =>
    flows(load.totals(), ({ errors }) => errors),
  )
  make.pulledCounters(
    'pilothouse_load_dropped_requests_total',
    'Requests that proxies sent to no endpoint: overload, circuit breakers.',
    () => rows(load.totals(), (of, { dropped }) => [[dropped, of]]),
  )
}

const flows = (ports: Iterable<PortLoad>, value: (load: Load) => number): Iterable<Sample> =>
  rows(ports, (of, { to }) =>
    [...to].map(([zone, load]): Sample => [value(load), { ...of, destination_zone: zone }]),
  )

function* rows(
  ports: Iterable<PortLoad>,
  samples: (labels: Readonly<Record<string, string>>, row: ZoneLoad) => readonly Sample[],
): Iterable<Sample> {
  for (const { service, port, from } of ports)
    for (const [zone, row] of from)
      yield* samples({ destination_service: service, destination_port: String(port), source_zone: zone }, row)
}
