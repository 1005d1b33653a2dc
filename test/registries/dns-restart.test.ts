/** What is known of names from before a restart, where their server does not answer after it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dnsRegistry } from '#registries/dns/index.ts'
import type { DnsName } from '#registries/dns/options.ts'
import { silentLogger } from '#support/logger.ts'
import { fakeRegistry, full, service } from '../mesh/fakes.ts'
import { pilot, scratch } from '../mesh/pilot.ts'
import { addresses } from '../mesh/setup.ts'
import { failed, records, virtualClock, type Zone, zoneAsk } from './dns-zone.ts'

const named = (name: string): DnsName => ({
  ...{ name, type: 'A', port: 80, protocol: 'HTTP', hostname: name, namespace: 'default' },
  ...{ location: 'MESH_INTERNAL', labels: {} },
})
const registryName = 'dns/test'

test('a name whose server does not answer keeps its addresses over a restart, stale', async (t) => {
  const dir = await scratch(t)
  const first = await pilot(dir, { ...fakeRegistry(registryName), kind: 'dns' })
  const said = ['x.test', 'y.test', 'z.test'].map((name) => service(name, registryName, ['10.0.0.1']))
  first.registry.say(full(said))
  await first.stop()

  const { clock, pass } = virtualClock()
  const zone: Zone = new Map([
    ['A x.test', failed()],
    ['A y.test', records({ name: 'y.test', type: 'A' }, '10.0.0.2')],
  ])
  const names = ['x.test', 'y.test', 'z.test'].map(named)
  const dns = dnsRegistry(
    { kind: 'dns', name: registryName, names, ttl: { min: 1_000, max: 300_000 } },
    { clock, log: silentLogger, ask: zoneAsk(zone).ask, random: () => 0 },
  )
  const second = await pilot(dir, dns, {}, clock)
  await pass(11_000)
  const { mesh, state, source } = second
  assert.deepEqual([addresses(mesh), addresses(mesh, 'y.test')], [['10.0.0.1'], ['10.0.0.2']])
  assert.deepEqual([state('x.test'), state('y.test')], ['stale', 'fresh'])
  assert.equal(addresses(mesh, 'z.test'), undefined, 'it does not exist any more')
  assert.deepEqual([source().state, source().staleServices, source().error?.code], ['fresh', 1, 'PH3004'])

  zone.set('A x.test', records({ name: 'x.test', type: 'A' }, '10.0.0.3'))
  await pass(31_000)
  assert.deepEqual(addresses(mesh), ['10.0.0.3'])
  assert.deepEqual([state('x.test'), source().staleServices, source().error], ['fresh', undefined, undefined])
  await second.stop()
})
