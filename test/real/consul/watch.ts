/** A Consul registry under watch: what it said so far, added up as the mesh does. */
import type { TestContext } from 'node:test'
import { asyncScheduler } from 'rxjs'
import { type Service, serviceKey } from '#model/service.ts'
import { consulRegistry } from '#registries/consul/index.ts'
import type { WatchTiming } from '#registries/consul/watch.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { consulSettings } from '../../registries/consul-settings.ts'
import { until } from '../../support/cleanup.ts'

type Trouble = Extract<RegistryUpdate, { kind: 'trouble' }>

/** A query blocks long enough that no test is decided by its end, unless it says so. */
export const timing: WatchTiming = { wait: 30_000, timeout: 3000, retry: { first: 50, last: 400 } }

export function watch(
  t: TestContext | undefined,
  fields: Readonly<Record<string, unknown>>,
  more: Partial<WatchTiming> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const registry = consulRegistry(consulSettings(fields, env), {
    fetch,
    clock: asyncScheduler,
    log: silentLogger,
    timing: { ...timing, ...more },
  })
  const updates: RegistryUpdate[] = []
  const services = new Map<string, Service>()
  const lows: string[] = []
  let least: Readonly<Record<string, number>> = {}
  let trouble: Trouble | undefined
  const subscription = registry.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'full') {
      services.clear()
      for (const service of update.services) services.set(serviceKey(service), service)
    } else if (update.kind === 'delta') {
      for (const service of update.changed) services.set(serviceKey(service), service)
      for (const key of update.removed) services.delete(key)
    }
    trouble = update.kind === 'trouble' ? update : undefined
    for (const [name, count] of Object.entries(least)) {
      const found = service(name)?.endpoints.length ?? 0
      if (found < count) lows.push(`${name}: ${found} instead of ${count} after ${JSON.stringify(update)}`)
    }
  })
  t?.after(() => subscription.unsubscribe())
  const service = (name: string) => services.get(`default/${name}.service.consul`)
  return {
    updates: updates as readonly RegistryUpdate[],
    services: services as ReadonlyMap<string, Service>,
    service,
    /** `10.0.0.1 10.0.0.2`; undefined: there is no such service. */
    addresses: (name: string) =>
      service(name)
        ?.endpoints.map(({ address }) => address)
        .join(' '),
    health: (name: string) =>
      service(name)
        ?.endpoints.map(({ health }) => health)
        .join(' '),
    /** From now on each of these has so many endpoints in each word heard. */
    guard(next: Readonly<Record<string, number>>): void {
      least = next
    },
    lows: () => lows.splice(0),
    trouble: () => trouble,
    until: async (what: string, holds: () => unknown, timeout = 15_000) => {
      await until(what, holds, timeout).catch((error: Error) => {
        throw new Error(`${error.message}; last heard ${JSON.stringify(updates.slice(-3))}`)
      })
    },
    stop: () => subscription.unsubscribe(),
  }
}
export type Watched = ReturnType<typeof watch>
