/** Several datacenters as one registry, of which some can't be asked, in virtual time. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { ConsulFailure } from '#registries/consul/answer.ts'
import { consulRegistry } from '#registries/consul/index.ts'
import { createTelling } from '#registries/consul/telling.ts'
import { toInstance } from '#registries/consul/translate.ts'
import { readEntries } from '#registries/consul/wire.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { registryError } from '#registries/trouble.ts'
import { silentLogger } from '#support/logger.ts'
import { fakeConsul, lost } from './consul-fake.ts'
import { consulSettings } from './consul-settings.ts'
import { hear } from './hear.ts'
import { virtualClock } from './nomad-clock.ts'

const DC1 = '10.1.0.1'
const DC2 = '10.2.0.1'

function datacenter(address: string, own: string) {
  const consul = fakeConsul()
  consul.node('server', '127.0.0.1')
  consul.register({ id: 'shop-1', service: 'shop', node: 'n1', address })
  consul.register({ id: 'own-1', service: own, node: 'n1', address })
  return consul
}

/** Both have `shop`; `east` is of dc1 alone, `west` of dc2. */
function followed(t: TestContext, prepare: (dc2: ReturnType<typeof fakeConsul>) => unknown = () => {}) {
  const { clock, pass } = virtualClock()
  const dc1 = datacenter(DC1, 'east')
  const dc2 = datacenter(DC2, 'west')
  prepare(dc2)
  /** What dc2 is asked waits for it. */
  let open: Promise<void> | undefined
  const connect = () => {
    const clients = [dc1.connect(), dc2.connect()]
    return {
      async get(request: Parameters<(typeof clients)[0]['get']>[0]) {
        const isSecond = request.query?.dc === 'dc2'
        if (isSecond) await open
        return clients[isSecond ? 1 : 0]!.get(request)
      },
      close: () => clients.forEach((client) => void client.close()),
    }
  }
  const registry = consulRegistry(consulSettings({ datacenters: ['dc1', 'dc2'] }), {
    fetch,
    clock,
    log: silentLogger,
    connect,
    random: () => 0.5,
  })
  const { updates, services } = hear(t, registry)
  return {
    clock,
    dc1,
    dc2,
    pass,
    /** What has been told since the last call. */
    said: () => updates.splice(0),
    /** Addresses by service. */
    served: () =>
      Object.fromEntries(
        [...services.values()]
          .map(({ hostname, endpoints }) => [
            hostname.split('.')[0],
            endpoints
              .map(({ address }) => address)
              .sort()
              .join(' '),
          ])
          .sort(),
      ),
    /** dc2 answers nothing until the returned function is called. */
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      open = promise
      return resolve
    },
  }
}
const away = (consul: ReturnType<typeof fakeConsul>) => consul.fault(() => lost())
const kinds = (updates: readonly RegistryUpdate[]) => updates.map(({ kind }) => kind)
function lastFull(updates: readonly RegistryUpdate[]) {
  const full = updates.findLast((update) => update.kind === 'full')
  assert.ok(full?.kind === 'full')
  return full
}

suite('Consul, several datacenters', () => {
  test('one is away from the beginning: after 10 s the others are told, with what is missing; then all', async (t) => {
    const { clock, dc1, dc2, pass, said, served } = followed(t, away)
    await pass(9_999)
    assert.deepEqual(kinds(said()), ['trouble'])
    await pass(1)
    const first = said()
    assert.deepEqual(kinds(first), ['full'])
    const { missing } = lastFull(first)
    assert.equal(missing?.error.code, 'PH3001')
    assert.match(missing.error.message, /dc2/)
    assert.ok(missing.since.getTime() < 100, 'since the first failure')
    assert.ok(missing.retryAt && missing.retryAt.getTime() > clock.now(), 'and it is still to be tried')
    assert.deepEqual(served(), { shop: DC1, east: DC1 })
    dc1.register({ id: 'shop-2', service: 'shop', node: 'n1', address: '10.1.0.2' })
    await pass(100)
    assert.deepEqual(kinds(said()), ['delta'])
    dc2.fault(undefined)
    await pass(15_000)
    const then = said()
    assert.deepEqual(kinds(then), ['full'])
    assert.equal(lastFull(then).missing, undefined)
    assert.deepEqual(served(), { shop: `${DC1} 10.1.0.2 ${DC2}`, east: DC1, west: DC2 })
  })

  test('one that is away for a moment is waited for: all are told at once', async (t) => {
    const { dc2, pass, said, served } = followed(t, away)
    await pass(5_000)
    dc2.fault(undefined)
    await pass(4_000)
    const updates = said()
    assert.deepEqual(kinds(updates), ['trouble', 'full'])
    assert.equal(lastFull(updates).missing, undefined)
    assert.deepEqual(served(), { shop: `${DC1} ${DC2}`, east: DC1, west: DC2 })
    await pass(10_000)
    assert.deepEqual(said(), [])
  })

  test('one that is only slow is waited for, until it fails', async (t) => {
    const { dc2, pass, said, served, hold } = followed(t)
    const answers = hold()
    await pass(12_000)
    assert.deepEqual(said(), [])
    away(dc2)
    answers()
    await pass(1)
    assert.deepEqual(kinds(said()), ['trouble', 'full'])
    assert.deepEqual(served(), { shop: DC1, east: DC1 })
  })

  test('what is missing gets another trouble: it is told', async (t) => {
    const { dc2, pass, said } = followed(t, away)
    await pass(10_000)
    said()
    dc2.fault(() => new ConsulFailure(registryError('PH3002', 'Permission denied.')))
    await pass(15_000)
    assert.equal(lastFull(said()).missing?.error.code, 'PH3002')
  })

  test('a deregistration goes before the word on what is missing: it is told, not left out', async () => {
    const { clock, pass } = virtualClock()
    const updates: RegistryUpdate[] = []
    const telling = createTelling(
      consulSettings(),
      { clock, log: silentLogger, sources: 2 },
      (update) => void updates.push(update),
    )
    const entry = { Node: { Node: 'n1' }, Service: { Service: 'east', ID: 'east-1', Address: DC1, Port: 80 } }
    const instance = toInstance(readEntries(JSON.stringify([entry]))!.values[0]!, consulSettings())!
    telling.service(0, 'east', 'east.service.consul', [instance])
    telling.settled(0)
    telling.trouble(1, lost().error, new Date(0))
    await pass(10_000)
    telling.service(0, 'east', 'east.service.consul', [])
    telling.trouble(1, registryError('PH3002', 'Permission denied.'), new Date(0))
    assert.deepEqual(kinds(updates), ['trouble', 'full', 'delta', 'full'])
    telling.stop()
  })

  test('a new history is told while another datacenter has never been heard', async (t) => {
    const { dc1, pass, said, served } = followed(t, away)
    await pass(10_000)
    said()
    dc1.lose(5)
    dc1.register({ id: 'new-1', service: 'new', node: 'n1', address: '10.1.0.9' })
    await pass(1_000)
    assert.ok(lastFull(said()).missing, 'dc2 still is')
    assert.deepEqual(served(), { new: '10.1.0.9' })
  })

  test('a new history of one leaves what another said that went away since, in its trouble', async (t) => {
    const { dc1, dc2, pass, said, served } = followed(t)
    await pass(1_000)
    away(dc2)
    await pass(1_000)
    assert.deepEqual(kinds(said()), ['full', 'trouble'])
    dc1.lose(5)
    dc1.register({ id: 'shop-1', service: 'shop', node: 'n1', address: '10.1.0.9' })
    await pass(1_000)
    const updates = said()
    assert.equal(lastFull(updates).missing, undefined)
    assert.deepEqual(served(), { shop: `10.1.0.9 ${DC2}`, west: DC2 })
    const last = updates.at(-1)
    assert.ok(last?.kind === 'trouble')
    assert.deepEqual([...last.services!].sort(), [
      'default/shop.service.consul',
      'default/west.service.consul',
    ])
  })

  test('one fails while its new history is read: that of the other is told, and of the first what it said', async (t) => {
    const { dc1, dc2, pass, said, served } = followed(t)
    await pass(1_000)
    said()
    dc2.fault(({ path }) => (path.startsWith('/health/service/') ? lost() : undefined))
    dc2.lose(5)
    dc2.register({ id: 'far-1', service: 'far', node: 'n1', address: '10.2.0.9' })
    await pass(1_000)
    assert.ok(!kinds(said()).includes('full'))
    dc1.lose(5)
    dc1.register({ id: 'near-1', service: 'near', node: 'n1', address: '10.1.0.9' })
    await pass(1_000)
    assert.ok(!lastFull(said()).missing, 'nothing is: dc2 was heard before')
    assert.deepEqual(served(), { near: '10.1.0.9', shop: DC2, west: DC2 })
    dc2.fault(undefined)
    await pass(15_000)
    assert.deepEqual(served(), { near: '10.1.0.9', far: '10.2.0.9' })
  })

  test("a change of one does not end another's trouble", async (t) => {
    const { dc1, dc2, pass, said } = followed(t)
    await pass(1_000)
    away(dc2)
    await pass(1_000)
    said()
    dc1.register({ id: 'shop-2', service: 'shop', node: 'n1', address: '10.1.0.2' })
    dc1.register({ id: 'east-2', service: 'east', node: 'n1', address: '10.1.0.2' })
    await pass(1_000)
    const updates = said()
    assert.ok(updates.some(({ kind }) => kind === 'delta'))
    const again = updates.flatMap((update) => (update.kind === 'trouble' ? [update.services] : []))
    assert.deepEqual(again, [['default/shop.service.consul']], 'that of east is none of it')
  })
})
