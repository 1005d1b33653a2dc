/** Servers that answer from before: a leader that has not read its log to the end, and one that lags (`stale`). */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { asyncScheduler } from 'rxjs'
import type { ConsulAnswer, ConsulRequest } from '#registries/consul/answer.ts'
import { consulRegistry } from '#registries/consul/index.ts'
import { silentLogger } from '#support/logger.ts'
import { until } from '../support/cleanup.ts'
import { fakeConsul, lost } from './consul-fake.ts'
import { consulSettings, quick } from './consul-settings.ts'
import { hear } from './hear.ts'

function followed(t: TestContext, fields: Readonly<Record<string, unknown>> = {}) {
  const consul = fakeConsul()
  consul.node('server', '127.0.0.1')
  for (const [id, service] of [
    ['a-1', 'a'],
    ['a-2', 'a'],
    ['b-1', 'b'],
  ] as const)
    consul.register({ id, service, node: 'n1', address: `10.0.0.${id.at(-1)}` })
  const registry = consulRegistry(consulSettings(fields), {
    fetch,
    clock: asyncScheduler,
    log: silentLogger,
    connect: consul.connect,
    timing: quick,
  })
  const { services, addresses, kinds } = hear(t, registry)
  return {
    consul,
    services,
    held: (name: string) => addresses(name)?.join(' '),
    kinds,
    until: (what: string, holds: () => unknown) => until(what, holds, 5000),
  }
}

/** As if nothing but a-1 had ever been written. */
function fromBefore({ path }: ConsulRequest, answer: ConsulAnswer): ConsulAnswer {
  const value = JSON.parse(answer.text)
  if (path === '/catalog/services') return { ...answer, index: 3, text: '{"consul":[],"a":[]}' }
  const cut = path === '/health/service/a' ? value.slice(0, 1) : path.endsWith('/b') ? [] : value
  return { ...answer, index: 3, text: JSON.stringify(cut) }
}
const isSure = ({ query }: ConsulRequest) => query !== undefined && 'consistent' in query

suite('Consul, answers from before', () => {
  test('a leader that has not read its log to the end begins no new history and takes nothing away', async (t) => {
    const { consul, held, kinds, until } = followed(t)
    await until('synced', () => held('a') === '10.0.0.1 10.0.0.2' && held('b') === '10.0.0.1')
    consul.fault(() => lost())
    await until('trouble', () => kinds().at(-1) === 'trouble')
    consul.fault((request, answer) => (isSure(request) ? undefined : fromBefore(request, answer)))
    await until('right again', () => kinds().at(-1) === 'delta')
    consul.fault(undefined)
    consul.register({ id: 'a-3', service: 'a', node: 'n1', address: '10.0.0.3' })
    await until('follows', () => held('a') === '10.0.0.1 10.0.0.2 10.0.0.3')
    assert.equal(held('b'), '10.0.0.1')
    assert.deepEqual(
      kinds().filter((kind) => kind === 'full'),
      ['full'],
    )
  })

  test('an index that goes backwards under a query that blocks is asked for again; the leader decides', async (t) => {
    const { consul, services, held, kinds, until } = followed(t)
    await until('synced', () => services.size === 2)
    consul.fault((request, answer) => (isSure(request) ? undefined : fromBefore(request, answer)))
    await until('asked again', () => consul.asked.filter((path) => path === '/catalog/services').length > 1)
    consul.fault(undefined)
    consul.deregister('b-1')
    await until('follows', () => held('b') === undefined)
    assert.deepEqual(
      kinds().filter((kind) => kind === 'full'),
      ['full'],
    )
    consul.lose(5)
    await until('what the leader says itself', () => kinds().filter((kind) => kind === 'full').length === 2)
  })

  test('stale: a service that the asked server does not know yet is asked of the leader', async (t) => {
    const { consul, held, until } = followed(t, { stale: true })
    await until('synced', () => held('b') === '10.0.0.1')
    consul.fault((request, answer) =>
      request.path === '/health/service/c' && !isSure(request) ? { ...answer, text: '[]' } : undefined,
    )
    consul.register({ id: 'c-1', service: 'c', node: 'n1', address: '10.0.0.9' })
    await until('told', () => held('c') === '10.0.0.9')
  })
})
