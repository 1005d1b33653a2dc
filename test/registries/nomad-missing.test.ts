/** Namespaces and services that can't be read while others can: nothing of them is taken for gone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nomadRegistry } from '#registries/nomad/index.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { fakeRegistry, full, service } from '../mesh/fakes.ts'
import { pilot, scratch } from '../mesh/pilot.ts'
import { addresses } from '../mesh/setup.ts'
import { virtualClock } from './nomad-clock.ts'
import { fakeNomad, status } from './nomad-fake.ts'
import { nomadSettings } from './nomad-settings.ts'
import { A, B, start } from './nomad-start.ts'

const namespaces = ['default', 'shop']
const shopB = { ...B, namespace: 'shop' }
const ofShop = (query: object | undefined): boolean =>
  (query as { namespace?: string } | undefined)?.namespace === 'shop'

/** `full a`, `full (PH3004) a`, `delta b`, `trouble PH3004 of b`. */
const short = (update: RegistryUpdate): string => {
  if (update.kind === 'trouble') return `trouble ${update.error.code} of ${update.services?.join() ?? 'all'}`
  const services = update.kind === 'full' ? update.services : update.changed
  const lacks = update.kind === 'full' && update.missing ? ` (${update.missing.error.code})` : ''
  return [update.kind + lacks, ...services.map(({ hostname }) => hostname.split('.')[0])].join(' ')
}

test('a service that can not be read keeps its endpoints over a restart, stale', async (t) => {
  const dir = await scratch(t)
  const { name } = nomadSettings()
  const [a, b, gone] = ['a', 'b', 'gone'].map((of) => service(`${of}.default.nomad`, name, ['10.0.9.9']))
  const first = await pilot(dir, { ...fakeRegistry(name), kind: 'nomad' })
  first.registry.say(full([a!, b!, gone!]))
  await first.stop()

  const nomad = fakeNomad()
  nomad.register([A, B])
  nomad.fault(({ path }) => (path === '/v1/service/b' ? status(500) : undefined))
  const { clock, pass } = virtualClock()
  const registry = nomadRegistry(nomadSettings({ checks: false }), {
    ...{ fetch, clock, log: silentLogger, random: () => 1 },
    connect: () => nomad.client,
  })
  const { mesh, state, source, stop } = await pilot(dir, registry, {}, clock)
  await pass(11_000)
  assert.deepEqual(addresses(mesh, a!.hostname), [A.address])
  assert.deepEqual(addresses(mesh, b!.hostname), ['10.0.9.9'])
  assert.deepEqual([state(a!.hostname), state(b!.hostname)], ['fresh', 'stale'])
  assert.deepEqual([source().state, source().error?.code], ['fresh', 'PH3004'])
  nomad.fault(undefined)
  await pass(31_000)
  assert.deepEqual(addresses(mesh, b!.hostname), [B.address])
  assert.deepEqual([state(b!.hostname), source().error], ['fresh', undefined])
  assert.equal(addresses(mesh, gone!.hostname), undefined)
  await stop()
})

test('a namespace that can not be listed is missing in the first word, until it has been', async (t) => {
  const s = await start(t, { namespaces }, (nomad) => {
    nomad.register([A, shopB])
    nomad.fault(({ query }) => (ofShop(query) ? status(500) : undefined))
  })
  await s.pass(9_900)
  assert.deepEqual(s.updates.map(short), [])
  await s.pass(100)
  assert.deepEqual(s.updates.map(short), ['full (PH3004) a'])
  s.nomad.register([{ ...A, address: '10.0.0.2' }, shopB])
  await s.pass(1_000)
  assert.deepEqual(s.addresses('a'), ['10.0.0.2'], 'the others go on')
  s.nomad.fault(undefined)
  await s.pass(31_000)
  assert.deepEqual(s.updates.map(short), ['full (PH3004) a', 'delta a', 'full a b'])
})

test('one that has not even failed by then is missing too', async (t) => {
  const s = await start(t, { namespaces }, (nomad) => {
    nomad.register([A, shopB])
    const { get } = nomad.client
    nomad.client.get = (ask) => (ofShop(ask.query) ? new Promise(() => {}) : get(ask))
  })
  await s.pass(10_000)
  assert.deepEqual(s.updates.map(short), ['full (PH3001) a'])
})

test('a service that can not be reached is waited for, as one that fails', async (t) => {
  const s = await start(t, {}, (nomad) => {
    nomad.register([A, B])
    nomad.fault(({ path }) => (path === '/v1/service/b' ? nomad.unreachable() : undefined))
  })
  await s.pass(9_900)
  assert.deepEqual(s.updates.map(short), [])
  await s.pass(100)
  assert.deepEqual(s.updates.map(short), ['full (PH3001) a'])
  s.nomad.fault(undefined)
  await s.pass(31_000)
  assert.deepEqual(s.updates.map(short), ['full (PH3001) a', 'full a b'])
})

test('a Nomad that goes away while its services are read for the first time has told nothing', async (t) => {
  const s = await start(t, {}, (nomad) => {
    nomad.register([A, B])
    nomad.fault(({ path, wait }) =>
      path.startsWith('/v1/service/') || wait !== undefined ? nomad.unreachable() : undefined,
    )
  })
  s.nomad.fault(s.nomad.unreachable)
  await s.pass(60_000)
  assert.deepEqual(s.updates.map(short), ['trouble PH3001 of all'])
  s.nomad.fault(undefined)
  await s.pass(31_000)
  assert.deepEqual(s.updates.map(short), ['trouble PH3001 of all', 'full a b'])
})

test('what was missing is told when its checks are known, not as failing until then', async (t) => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  const s = await start(t, { namespaces, checks: true }, (nomad) => {
    nomad.register([A, { ...shopB, alloc: 'y' }])
    for (const job of ['a', 'b']) nomad.job(job, 10_000)
    nomad.checks('y', { c: { Service: 'b', Status: 'success' } })
    nomad.fault(({ query }) => (ofShop(query) ? status(500) : undefined))
    const { get } = nomad.client
    nomad.client.get = async (ask) => {
      if (ask.path.endsWith('/y/checks')) await answered
      return get(ask)
    }
  })
  await s.pass(10_000)
  const first = s.updates.length
  s.nomad.fault(undefined)
  for (let ms = 0; s.asked(/job\/b$/) === 0 && ms < 31_000; ms += 10) await s.pass(10)
  await s.pass(1_000)
  assert.deepEqual(s.updates.slice(first), [])
  answer()
  await s.pass(100)
  assert.deepEqual([s.updates.slice(first).map(short), s.health('b')], [['full a b'], ['HEALTHY']])
})

test('a whole word ends no trouble that goes on', async (t) => {
  const s = await start(t, { namespaces }, (nomad) => {
    nomad.register([A, shopB])
    nomad.fault(({ query }) => (ofShop(query) ? status(500) : undefined))
  })
  await s.pass(10_000)
  s.nomad.fault(({ path, query }) => (ofShop(query) || path === '/v1/service/a' ? status(500) : undefined))
  s.nomad.register([{ ...A, address: '10.0.0.2' }, shopB])
  await s.pass(3_000)
  s.nomad.fault(({ path }) => (path === '/v1/service/a' ? status(500) : undefined))
  await s.pass(31_000)
  const trouble = 'trouble PH3004 of default/a.default.nomad'
  assert.deepEqual(s.updates.map(short), ['full (PH3004) a', trouble, 'full (PH3004) a b', trouble])
})
