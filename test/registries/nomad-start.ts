import type { TestContext } from 'node:test'
import { nomadRegistry } from '#registries/nomad/index.ts'
import { silentLogger } from '#support/logger.ts'
import { hear } from './hear.ts'
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
  const registry = nomadRegistry(nomadSettings({ checks: false, ...fields }), {
    fetch,
    clock: time.clock,
    log: silentLogger,
    random: () => 1,
    connect: () => nomad.client,
  })
  const { updates, services, endpoints, addresses, stop } = hear(t, registry)
  await time.pass(20)
  return {
    nomad,
    updates,
    services,
    ...time,
    addresses,
    health: (name: string) => endpoints(name)?.map(({ health }) => health),
    asked: (match: RegExp) => nomad.asked.filter(({ path }) => match.test(path)).length,
    stop,
  }
}
export const A = { name: 'a', address: '10.0.0.1' }
export const B = { name: 'b', address: '10.0.1.1' }
