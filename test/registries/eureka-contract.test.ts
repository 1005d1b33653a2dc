/** The contract of all registries, over a small Eureka server in this process. */
import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs'
import { eurekaRegistry } from '#registries/eureka/index.ts'
import { silentLogger } from '#support/logger.ts'
import { type BackendService, registryContract } from '../contract/registry.ts'
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

/** Real time that counts what is still to come. */
function countingClock(): { clock: SchedulerLike; pending: () => number } {
  const open = new Set<Subscription>()
  const clock: SchedulerLike = {
    now: () => asyncScheduler.now(),
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T) {
      const action = asyncScheduler.schedule<T>(
        function (given) {
          open.delete(action)
          work.call(this, given)
        },
        delay,
        state,
      )
      open.add(action)
      action.add(() => open.delete(action))
      return action
    },
  }
  return { clock, pending: () => open.size }
}
