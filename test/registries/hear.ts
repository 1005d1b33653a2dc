/** What a registry says, and what it adds up to. */
import type { TestContext } from 'node:test'
import { type Service, type ServiceKey, serviceKey } from '#model/service.ts'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'

/** Until the test ends, or `stop`. */
export function hear(t: TestContext, registry: Registry) {
  const updates: RegistryUpdate[] = []
  const services = new Map<ServiceKey, Service>()
  const subscription = registry.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'trouble') return
    if (update.kind === 'full') services.clear()
    else for (const key of update.removed) services.delete(key)
    for (const service of update.kind === 'full' ? update.services : update.changed)
      services.set(serviceKey(service), service)
  })
  const stop = () => subscription.unsubscribe()
  t.after(stop)
  /** Of the service whose hostname begins with `name.`. */
  const endpoints = (name: string) =>
    [...services.values()].find(({ hostname }) => hostname.startsWith(`${name}.`))?.endpoints
  return {
    updates,
    services,
    endpoints,
    addresses: (name: string) => endpoints(name)?.map(({ address }) => address),
    kinds: () => updates.map(({ kind }) => kind),
    stop,
  }
}
