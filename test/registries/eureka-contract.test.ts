/** The contract of all registries, over a small Eureka server in this process. */
import { eurekaRegistry } from '#registries/eureka/index.ts'
import { silentLogger } from '#support/logger.ts'
import { type BackendService, registryContract } from '../contract/registry.ts'
import { countingClock } from './eureka-clock.ts'
import { fakeEureka } from './eureka-server.ts'
import { eurekaSettings } from './eureka-settings.ts'

registryContract('eureka', async (t) => {
  const server = await fakeEureka()
  t.after(() => server.stop())
  const { clock, pending } = countingClock()
  const registry = eurekaRegistry(eurekaSettings(server.url), { fetch, clock, log: silentLogger }, () => 0)
  const wanted = (services: readonly BackendService[]) =>
    services.flatMap(({ name, addresses }) => addresses.map((address) => ({ app: name, address })))
  return {
    registry,
    set(services) {
      const now = new Set(
        wanted(services).map(({ app, address }) => `${app.toUpperCase()}/${address}:${app}`),
      )
      for (const key of server.ids()) {
        if (now.has(key)) continue
        server.remove(key.split('/')[0]!, key.split('/')[1]!)
      }
      const known = new Set(server.ids())
      for (const it of wanted(services))
        if (!known.has(`${it.app.toUpperCase()}/${it.address}:${it.app}`)) server.put(it)
    },
    repeat() {
      for (const key of server.ids()) {
        const [app, id] = key.split('/')
        server.put({ app: app!, address: id!.split(':')[0]! })
      }
    },
    break: () => server.down(),
    heal: () => server.up(),
    // Every request has a timer of its own until it ends, and every wait for the next one.
    open: pending,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
