/** The DNS registry over a real server, and what it has told. */
import { asyncScheduler, type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import type { Service } from '#model/service.ts'
import { dnsRegistry } from '#registries/dns/index.ts'
import type { DnsName, DnsSettings } from '#registries/dns/options.ts'
import type { Server } from '#registries/dns/transport.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'

export const named = (name: string, rest: Partial<DnsName> = {}): DnsName => ({
  ...{ name, type: 'A', port: 80, protocol: 'HTTP', hostname: name, namespace: 'default' },
  ...{ location: 'MESH_INTERNAL', labels: {} },
  ...rest,
})

/** Quick, so that a test sees in tenths of seconds what takes minutes by a usual TTL. */
export const quick = (server: Server, names: readonly DnsName[]): DnsSettings => ({
  ...{ kind: 'dns', name: 'dns/test', names, servers: [server], timeout: 250 },
  ttl: { min: 100, max: 200 },
})

/** Real time, with a count of what is still to come. */
export function countedClock() {
  let open = 0
  const clock: SchedulerLike = {
    now: () => asyncScheduler.now(),
    schedule<T>(
      work: (this: SchedulerAction<T>, state?: T) => void,
      delay?: number,
      state?: T,
    ): Subscription {
      open++
      const done = new Subscription(() => open--)
      done.add(
        asyncScheduler.schedule<T>(
          function (value) {
            done.unsubscribe()
            work.call(this, value)
          },
          delay,
          state,
        ),
      )
      return done
    },
  }
  return { clock, open: () => open }
}

export function follow(settings: DnsSettings) {
  const { clock, open } = countedClock()
  const registry = dnsRegistry(settings, { clock, log: silentLogger })
  const services = new Map<string, Service>()
  const updates: RegistryUpdate[] = []
  let fewest = Number.POSITIVE_INFINITY
  const count = () => [...services.values()].reduce((sum, { endpoints }) => sum + endpoints.length, 0)
  const subscription = registry.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'trouble') return
    if (update.kind === 'full') services.clear()
    for (const service of update.kind === 'full' ? update.services : update.changed)
      services.set(service.hostname, service)
    if (update.kind === 'delta') for (const key of update.removed) services.delete(key.split('/')[1]!)
    fewest = Math.min(fewest, count())
  })
  return {
    updates,
    open,
    addresses: (host: string) => services.get(host)?.endpoints.map(({ address }) => address),
    service: (host: string) => services.get(host),
    last: () => updates.at(-1),
    /** The fewest endpoints that there were at any time since the last call. */
    fewest() {
      const value = Math.min(fewest, count())
      fewest = Number.POSITIVE_INFINITY
      return value
    },
    stop: () => subscription.unsubscribe(),
  }
}
