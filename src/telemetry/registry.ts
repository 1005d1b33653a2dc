/** prom-client, and short ways to make a metric in one registry. Nothing else imports prom-client. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type { Counter } from 'prom-client'

/** A value and the labels it stands under. */
export type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>]

export interface MetricFactory {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram
  /** A gauge whose values are asked for at each scrape; label sets that are not given any more disappear. */
  pulled(name: string, help: string, labels: readonly string[], samples: () => Iterable<Sample>): void
  /** A counter that another keeps: read at each scrape. */
  pulledCounter(name: string, help: string, value: () => number): void
  /** Prometheus text format 0.0.4. */
  text(): Promise<string>
  readonly contentType: string
}

export function metricFactory(options: { readonly process: boolean }): MetricFactory {
  const register = new Registry()
  const registers = [register]
  if (options.process) processMetrics(register)
  return {
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: labels, registers }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: labels, registers }),
    pulled: (name, help, labels, samples) => {
      new Gauge({
        name,
        help,
        labelNames: labels,
        registers,
        collect() {
          this.reset()
          for (const [value, of] of samples()) this.set({ ...of }, value)
        },
      })
    },
    pulledCounter: (name, help, value) => {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(value())
        },
      })
    },
    text: () => register.metrics(),
    contentType: register.contentType,
  }
}

/**
 * CPU, memory, garbage collection and handles of the process (`process_*`, `nodejs_*`), read at the scrape. Nothing may
 * wake an idle process between scrapes: the library samples the event loop 100 times a second by default, so its period
 * is set to the longest there is (24 days) and the figures that come of it are left out, with the one that it measures
 * at the scrape and shows at the next.
 */
function processMetrics(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 2 ** 31 - 1 })
  for (const name of ['', 'min_', 'max_', 'mean_', 'stddev_', 'p50_', 'p90_', 'p99_'])
    register.removeSingleMetric(`nodejs_eventloop_lag_${name}seconds`)
}
