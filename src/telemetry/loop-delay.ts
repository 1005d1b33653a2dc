/**
 * How late the event loop is, while proxies are connected: a timer of 50 a second in C++ (uv), which an idle Pilot without
 * proxies does not have. https://nodejs.org/api/perf_hooks.html#perf_hooksmonitoreventloopdelayoptions
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricFactory } from './registry.ts'

/** ms */
const RESOLUTION = 20

export interface LoopDelay {
  /** So many more proxies, or fewer. */
  proxies(more: 1 | -1): void
}

/** Prometheus names of the Node.js ecosystem; of the time since the last scrape. */
export function loopDelay(make: MetricFactory): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  let connected = 0
  const seconds = (ns: number) => (histogram.count === 0 ? 0 : Math.max(0, ns / 1e9 - RESOLUTION / 1000))
  const figures = {
    p50: () => histogram.percentile(50),
    p99: () => histogram.percentile(99),
    max: () => histogram.max,
  }
  for (const [name, read] of Object.entries(figures))
    make.pulled(
      `nodejs_eventloop_lag_${name}_seconds`,
      'How late the event loop was since the last scrape, while proxies were connected.',
      [],
      () => {
        const value = seconds(read())
        // The last of them that is read.
        if (name === 'max') histogram.reset()
        return [[value]]
      },
    )
  return {
    proxies(more) {
      connected += more
      if (connected > 0) histogram.enable()
      else histogram.disable()
    },
  }
}
