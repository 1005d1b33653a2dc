import type { TestContext } from 'node:test'
import { type Service, serviceKey } from '#model/service.ts'
import { nomadRegistry } from '#registries/nomad/index.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { virtualClock } from './nomad-clock.ts'
import { fakeNomad } from './nomad-fake.ts'
import { nomadSettings } from './nomad-settings.ts'

/** The adapter in virtual time on a Nomad in memory, and what adds up of its word. */
export async function start(
  t: TestContext,
  fields: Record<string, unknown> = {},
  prepare?: (nomad: ReturnType<typeof fakeNomad>) => void,
) {
  const nomad = fakeNomad()
  const time = virtualClock()
  prepare?.(nomad)
  const updates: RegistryUpdate[] = []
  const services = new Map<string, Service>()
  const registry = nomadRegistry(nomadSettings({ checks: false, ...fields }), {
    fetch,
    clock: time.clock,
    log: silentLogger,
    random: () => 1,
    connect: () => nomad.client,
  })
  const subscription = registry.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'trouble') return
    if (update.kind === 'full') services.clear()
    for (const s of update.kind === 'full' ? update.services : update.changed) services.set(serviceKey(s), s)
    if (update.kind === 'delta') for (const key of update.removed) services.delete(key)
  })
  t.after(() => subscription.unsubscribe())
  const find = (name: string) =>
    [...services.values()].find(({ hostname }) => hostname.startsWith(`${name}.`))
  await time.pass(20)
  return {
    nomad,
    updates,
    services,
    ...time,
    addresses: (name: string) => find(name)?.endpoints.map(({ address }) => address),
    health: (name: string) => find(name)?.endpoints.map(({ health }) => health),
    asked: (match: RegExp) => nomad.asked.filter(({ path }) => match.test(path)).length,
    stop: () => subscription.unsubscribe(),
  }
}
export const A = { name: 'a', address: '10.0.0.1' }
export const B = { name: 'b', address: '10.0.1.1' }
