/** Tokens that may not see everything: what Consul leaves out of a list, and what it means. */
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

type Spoil = (request: ConsulRequest, answer: ConsulAnswer) => ConsulAnswer | Error | undefined

/** Two instances of `shop` and one of `bank`, seen by a token that is what `spoil` makes of it. */
async function synced(t: TestContext, spoil?: Spoil) {
  const consul = fakeConsul()
  consul.node('server', '127.0.0.1')
  consul.register({ id: 'shop-1', service: 'shop', node: 'n1', address: '10.0.0.1' })
  consul.register({ id: 'shop-2', service: 'shop', node: 'n1', address: '10.0.0.2' })
  consul.register({ id: 'bank-1', service: 'bank', node: 'n1', address: '10.0.1.1' })
  consul.fault(spoil)
  const registry = consulRegistry(consulSettings(), {
    fetch,
    clock: asyncScheduler,
    log: silentLogger,
    connect: consul.connect,
    timing: quick,
  })
  const { updates, endpoints, kinds } = hear(t, registry)
  const shop = () => endpoints('shop')?.map((it) => `${it.address} ${it.health}`)
  await until('synced', () => kinds().includes('full'))
  return {
    consul,
    shop,
    troubles: () => updates.filter((update) => update.kind === 'trouble'),
    inTrouble: () => kinds().at(-1) === 'trouble',
    until: (what: string, holds: () => unknown) => until(what, holds, 5000),
  }
}

/** May not read `bank`; Consul says of each list whether that left anything out of it. */
const shopsOnly: Spoil = ({ path }, answer) => {
  if (path.startsWith('/health/service/bank')) return { ...answer, text: '[]', filtered: true }
  const value = JSON.parse(answer.text)
  if (path === '/catalog/services') {
    const { bank, ...rest } = value
    return bank && { ...answer, text: JSON.stringify(rest), filtered: true }
  }
  if (!path.startsWith('/health/state/')) return undefined
  const seen = value.filter(({ ServiceName }: { ServiceName: string }) => ServiceName !== 'bank')
  return seen.length < value.length ? { ...answer, text: JSON.stringify(seen), filtered: true } : undefined
}
const critical = (id: string) => ({ id: `check-${id}`, node: 'n1', status: 'critical', instance: id })

suite('Consul, tokens that may not see everything', () => {
  test('a service that the token may not see turns critical: the health of the others is followed', async (t) => {
    const { consul, shop, troubles, until } = await synced(t, shopsOnly)
    consul.check(critical('bank-1'))
    consul.check(critical('shop-1'))
    await until('told', () => shop()?.includes('10.0.0.1 UNHEALTHY'))
    assert.deepEqual(shop(), ['10.0.0.1 UNHEALTHY', '10.0.0.2 HEALTHY'])
    assert.deepEqual(troubles(), [])
  })

  test('a first service that the token may not see is no loss of rights', async (t) => {
    const filtered: Spoil = ({ path }, answer) =>
      path === '/catalog/services' || path === '/catalog/nodes' ? { ...answer, filtered: true } : undefined
    const { consul, shop, troubles, until } = await synced(t)
    consul.fault(filtered)
    consul.register({ id: 'shop-3', service: 'shop', node: 'n1', address: '10.0.0.3' })
    await until('told', () => shop()?.length === 3)
    assert.deepEqual(troubles(), [])
  })

  test('a token that may see a service no longer makes no healthy one of it', async (t) => {
    const { consul, shop, troubles, until } = await synced(t, shopsOnly)
    consul.check(critical('shop-1'))
    await until('told', () => shop()?.includes('10.0.0.1 UNHEALTHY'))
    consul.fault(({ path }, answer) => {
      if (path === '/catalog/services') return { ...answer, text: '{"consul":[]}', filtered: true }
      return path.startsWith('/health/') ? { ...answer, text: '[]', filtered: true } : undefined
    })
    await until('trouble', () => troubles().length > 0)
    assert.equal(troubles()[0]?.error.code, 'PH3002')
    assert.deepEqual(shop(), ['10.0.0.1 UNHEALTHY', '10.0.0.2 HEALTHY'])
  })

  test('a signal that fails on stays the trouble of the registry, whatever the others tell', async (t) => {
    const { consul, shop, inTrouble, until } = await synced(t)
    consul.fault(({ path }) => (path === '/health/state/critical' ? lost() : undefined))
    await until('trouble', inTrouble)
    consul.register({ id: 'shop-3', service: 'shop', node: 'n1', address: '10.0.0.3' })
    await until('told', () => shop()?.length === 3)
    assert.ok(inTrouble(), 'it still is')
    consul.fault(undefined)
    await until('over', () => !inTrouble())
  })
})
