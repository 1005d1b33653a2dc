/** prom-client, and short ways to make a metric in one registry. Nothing else imports prom-client. */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client'
import { createDistribution, createTally, type Distribution, type Tally } from './tallies.ts'

export type { Counter } from 'prom-client'

/** A value and the labels it stands under. */
export type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>]

export interface MetricFactory {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  /** A counter with one label, for the hot path. */
  tally(name: string, help: string, label: string): Tally
  /** A histogram with one label or none, for the hot path. */
  distribution(name: string, help: string, buckets: readonly number[], label?: string): Distribution
  /** A gauge whose values are asked for at each scrape; label sets that are not given any more disappear. */
  pulled(name: string, help: string, labels: readonly string[], samples: () => Iterable<Sample>): void
  /** A counter that another keeps: read at each scrape. */
  pulledCounter(name: string, help: string, value: () => number): void
  /** The same by labels, of which there may be many. */
  pulledCounters(name: string, help: string, samples: () => Iterable<Sample>): void
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
    tally: (name, help, label) => {
      const tally = createTally()
      new Counter({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset()
          for (const [of, count] of tally.entries()) this.inc({ [label]: of }, count)
        },
      })
      return tally
    },
    distribution: (name, help, buckets, label) => {
      // As everywhere: what has no label is there from the start.
      const distribution = createDistribution(buckets, label === undefined ? [''] : [])
      register.registerMetric(histogramOf(name, help, distribution, label))
      return distribution
    },
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
    pulledCounters: (name, help, samples) =>
      register.registerMetric(
        rawMetric(name, help, 'counter', () =>
          [...samples()].map(([value, labels = {}]) => ({ value, labels, metricName: name })),
        ),
      ),
    text: () => register.metrics(),
    contentType: register.contentType,
  }
}

interface RawValue {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName: string
}

/** What the library's registry reads of a metric: https://prometheus.io/docs/instrumenting/exposition_formats/ */
function rawMetric(name: string, help: string, type: string, values: () => readonly RawValue[]): Metric {
  const get = async () => ({ name, help, type, aggregator: 'sum', values: values() })
  return { name, get } as unknown as Metric
}

function histogramOf(name: string, help: string, distribution: Distribution, label?: string): Metric {
  return rawMetric(name, help, 'histogram', () => {
    const values: RawValue[] = []
    for (const [of, { atMost, count, sum }] of distribution.entries()) {
      const labels = label === undefined ? {} : { [label]: of }
      for (const [le, value] of atMost)
        values.push({ value, labels: { le, ...labels }, metricName: `${name}_bucket` })
      values.push({ value: count, labels: { le: '+Inf', ...labels }, metricName: `${name}_bucket` })
      values.push({ value: sum, labels, metricName: `${name}_sum` })
      values.push({ value: count, labels, metricName: `${name}_count` })
    }
    return values
  })
}

/**
 * CPU, memory and garbage collection of the process (`process_*`, `nodejs_*`), read at the scrape. Nothing may
 * wake an idle process between scrapes: the library samples the event loop 100 times a second by default, so its period
 * is set to the longest there is (24 days) and the figures that come of it are left out, with the one that it measures
 * at the scrape and shows at the next.
 */
function processMetrics(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 2 ** 31 - 1 })
  // They ask `process._getActiveHandles()`, which aborts the process in Node 24 if a handle has no owner any more.
  for (const what of ['handles', 'requests'])
    for (const name of [`nodejs_active_${what}`, `nodejs_active_${what}_total`])
      register.removeSingleMetric(name)
  for (const name of ['', 'min_', 'max_', 'mean_', 'stddev_', 'p50_', 'p90_', 'p99_'])
    register.removeSingleMetric(`nodejs_eventloop_lag_${name}seconds`)
}
