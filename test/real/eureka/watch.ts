/** An Eureka registry under watch: what it said so far, added up as the mesh does. */
import type { TestContext } from 'node:test'
import { asyncScheduler } from 'rxjs'
import type { Service } from '#model/service.ts'
import { serviceKey } from '#model/service.ts'
import { eurekaRegistry } from '#registries/eureka/index.ts'
import type { EurekaSettings } from '#registries/eureka/options.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { eurekaSettings } from '../../registries/eureka-settings.ts'
import { until } from '../../support/cleanup.ts'

type Trouble = Extract<RegistryUpdate, { kind: 'trouble' }>

export interface Watched {
  readonly updates: readonly RegistryUpdate[]
  /** `10.0.0.1 10.0.0.2`; undefined: there is no such service. */
  addresses(name: string): string | undefined
  service(name: string): Service | undefined
  /** Services ever seen with fewer addresses than `least`, since the last call. */
  lows(): readonly string[]
  /** From now on every service in the list must have so many addresses in each word heard. */
  guard(least: Readonly<Record<string, number>>): void
  trouble(): Trouble | undefined
  until(what: string, holds: (watched: Watched) => unknown, timeout?: number): Promise<void>
  stop(): void
}

export function watch(
  t: TestContext | undefined,
  urls: unknown,
  more: Partial<EurekaSettings> = {},
): Watched {
  const settings = eurekaSettings(urls, { pollInterval: 200, ...more })
  const registry = eurekaRegistry(settings, { fetch, clock: asyncScheduler, log: silentLogger })
  const updates: RegistryUpdate[] = []
  const services = new Map<string, Service>()
  const lows: string[] = []
  let least: Readonly<Record<string, number>> = {}
  const subscription = registry.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'full') {
      services.clear()
      for (const service of update.services) services.set(serviceKey(service), service)
    } else if (update.kind === 'delta') {
      for (const service of update.changed) services.set(serviceKey(service), service)
      for (const key of update.removed) services.delete(key)
    }
    for (const [name, count] of Object.entries(least)) {
      const found = services.get(`default/${name}`)?.endpoints.length ?? 0
      if (found < count) lows.push(`${name}: ${found} instead of ${count} after ${JSON.stringify(update)}`)
    }
  })
  t?.after(() => subscription.unsubscribe())
  const watched: Watched = {
    updates,
    service: (name) => services.get(`default/${name}`),
    addresses: (name) =>
      services
        .get(`default/${name}`)
        ?.endpoints.map(({ address }) => address)
        .join(' '),
    lows: () => lows.splice(0),
    guard(next) {
      least = next
    },
    trouble() {
      const last = updates.at(-1)
      return last?.kind === 'trouble' ? last : undefined
    },
    until: async (what, holds, timeout = 15_000) => {
      await until(what, () => holds(watched), timeout).catch((error: Error) => {
        throw new Error(`${error.message}; last heard ${JSON.stringify(updates.slice(-2))}`)
      })
    },
    stop: () => subscription.unsubscribe(),
  }
  return watched
}
