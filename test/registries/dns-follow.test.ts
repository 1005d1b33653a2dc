/** The DNS registry over a zone in memory and virtual time: what is believed, when, and what is told of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceKey } from '#model/service.ts'
import { dnsRegistry } from '#registries/dns/index.ts'
import type { DnsName, DnsSettings } from '#registries/dns/options.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../contract/registry.ts'
import { failed, none, recordSet, records, srv, virtualClock, type Zone, zoneAsk } from './dns-zone.ts'

const plain = (name: string, rest: Partial<DnsName> = {}): DnsName => ({
  ...{ name, type: 'A', port: 80, protocol: 'HTTP', hostname: name, namespace: 'default' },
  ...{ location: 'MESH_INTERNAL', labels: {} },
  ...rest,
})

function setup(
  names: readonly DnsName[],
  zone: Zone,
  ttl: DnsSettings['ttl'] = { min: 1_000, max: 300_000 },
) {
  const { clock, pass, open } = virtualClock()
  const asking = zoneAsk(zone)
  const registry = dnsRegistry(
    { kind: 'dns', name: 'dns/test', names, ttl },
    { clock, log: silentLogger, ask: asking.ask, random: () => 0 },
  )
  const updates: RegistryUpdate[] = []
  const subscription = registry.updates.subscribe((update) => updates.push(update))
  const take = () => updates.splice(0)
  return { registry, clock, pass, open, take, asked: asking.asked, stop: () => subscription.unsubscribe() }
}
/** An update in short: `full a=10.0.0.1,10.0.0.2`, `full (PH3004) a=10.0.0.1`, `delta -b`, `trouble PH3004 of a`. */
const short = (update: RegistryUpdate): string => {
  if (update.kind === 'trouble')
    return `trouble ${update.error.code}${update.services ? ` of ${update.services.join(' ')}` : ''}`
  const services = update.kind === 'full' ? update.services : update.changed
  const told = services.map((s) => `${s.hostname}=${s.endpoints.map((e) => e.address).join(',')}`)
  const removed = update.kind === 'full' ? [] : update.removed.map((key) => `-${key}`)
  const lacks = update.kind === 'full' && update.missing ? [`(${update.missing.error.code})`] : []
  return [update.kind, ...lacks, ...told, ...removed].join(' ')
}

test('addresses are followed by their TTL, neither earlier nor much later', async () => {
  const a = { name: 'a.test', type: 'A' } as const
  const zone: Zone = new Map([['A a.test', records(a, '10.0.0.1')]])
  const it = setup([plain('a.test')], zone)
  await it.pass(20)
  assert.deepEqual(it.take().map(short), ['full a.test=10.0.0.1'])
  zone.set('A a.test', records(a, '10.0.0.1', '10.0.0.2'))
  await it.pass(59_000)
  assert.deepEqual(it.asked, ['A a.test'])
  await it.pass(2_000)
  assert.deepEqual(it.take().map(short), ['delta a.test=10.0.0.1,10.0.0.2'])
  it.stop()
})

test('a TTL is held within its bounds', async () => {
  const a = { name: 'a.test', type: 'A' } as const
  const zone: Zone = new Map([
    ['A a.test', { kind: 'records', set: recordSet(a, 0, '10.0.0.1'), additional: [] }],
  ])
  const short = setup([plain('a.test')], zone)
  await short.pass(10_500, 50)
  assert.ok(short.asked.length >= 10 && short.asked.length <= 11, `${short.asked.length}`)
  zone.set('A a.test', { kind: 'records', set: recordSet(a, 86_400_000, '10.0.0.1'), additional: [] })
  await short.pass(2_000, 50)
  const before = short.asked.length
  await short.pass(301_000)
  assert.equal(short.asked.length, before + 1)
  short.stop()
})

test('"there is none" is believed when it is said twice, five seconds apart at most', async () => {
  const a = { name: 'a.test', type: 'A' } as const
  const zone: Zone = new Map([['A a.test', records(a, '10.0.0.1')]])
  const it = setup([plain('a.test')], zone)
  await it.pass(1_000)
  it.take()
  zone.delete('A a.test')
  await it.pass(60_000)
  assert.deepEqual(it.take(), [], 'said once')
  await it.pass(5_000)
  assert.deepEqual(it.take().map(short), ['delta -default/a.test'])
  zone.set('A a.test', records(a, '10.0.0.3'))
  await it.pass(61_000)
  assert.deepEqual(it.take().map(short), ['delta a.test=10.0.0.3'], 'it comes back')
  it.stop()
})

test('a name that does not exist is said in the log, once, and when it comes back', async () => {
  const zone: Zone = new Map()
  const { clock, pass } = virtualClock()
  const lines: string[] = []
  const note = (_fields: object, message: string) => void lines.push(message)
  const registry = dnsRegistry(
    { kind: 'dns', name: 'dns/test', names: [plain('a.test')], ttl: { min: 1_000, max: 10_000 } },
    { clock, log: { ...silentLogger, warn: note, info: note }, ask: zoneAsk(zone).ask },
  )
  const subscription = registry.updates.subscribe()
  await pass(60_000)
  assert.match(lines.join(), /^a\.test has no A records: there is no such service [^,]*, [^,]*$/)
  zone.set('A a.test', records({ name: 'a.test', type: 'A' }, '10.0.0.1'))
  await pass(20_000)
  assert.equal(lines[1], 'a.test has A records again')
  subscription.unsubscribe()
})

test('"there is none" that is not said again takes nothing away', async () => {
  const a = { name: 'a.test', type: 'A' } as const
  const zone: Zone = new Map([['A a.test', records(a, '10.0.0.1')]])
  const it = setup([plain('a.test')], zone)
  await it.pass(1_000)
  zone.delete('A a.test')
  await it.pass(60_000)
  zone.set('A a.test', failed())
  await it.pass(20_000)
  zone.set('A a.test', records(a, '10.0.0.1'))
  await it.pass(60_000)
  assert.deepEqual(it.take().map(short), ['full a.test=10.0.0.1', 'trouble PH3004', 'delta'])
  it.stop()
})

test('a name in trouble keeps its addresses, is told by name, and its end is heard', async () => {
  const [a, b] = [{ name: 'a.test', type: 'A' } as const, { name: 'b.test', type: 'A' } as const]
  const zone: Zone = new Map([
    ['A a.test', records(a, '10.0.0.1')],
    ['A b.test', records(b, '10.0.1.1')],
  ])
  const it = setup([plain('a.test'), plain('b.test')], zone)
  await it.pass(20)
  assert.deepEqual(it.take().map(short), ['full a.test=10.0.0.1 b.test=10.0.1.1'])
  zone.set('A b.test', failed())
  await it.pass(120_000)
  assert.deepEqual(it.take().map(short), ['trouble PH3004 of default/b.test'])
  zone.set('A b.test', records(b, '10.0.1.1'))
  await it.pass(31_000)
  assert.deepEqual(it.take().map(short), ['delta b.test=10.0.1.1'])
  it.stop()
})

test("an outage of all names is the registry's, told once, and once more when its kind changes", async () => {
  const a = { name: 'a.test', type: 'A' } as const
  const zone: Zone = new Map([['*', failed('PH3001')]])
  const it = setup([plain('a.test'), plain('b.test')], zone)
  await it.pass(20_000)
  assert.deepEqual(it.take().map(short), ['trouble PH3001'])
  zone.set('*', failed('PH3004'))
  await it.pass(31_000)
  assert.deepEqual(it.take().map(short), ['trouble PH3004'])
  zone.delete('*')
  zone.set('A a.test', records(a, '10.0.0.1'))
  await it.pass(40_000)
  assert.deepEqual(it.take().map(short), ['full (PH3001) a.test=10.0.0.1', 'full a.test=10.0.0.1'])
  it.stop()
})

test('a name that does not answer holds the first word back for ten seconds, and is missing in it', async () => {
  const [a, b] = [{ name: 'a.test', type: 'A' } as const, { name: 'b.test', type: 'A' } as const]
  const zone: Zone = new Map([
    ['A a.test', records(a, '10.0.0.1')],
    ['A b.test', failed()],
  ])
  const it = setup([plain('a.test'), plain('b.test')], zone)
  await it.pass(9_900)
  assert.deepEqual(it.take(), [])
  await it.pass(300)
  assert.deepEqual(it.take().map(short), [
    'full (PH3004) a.test=10.0.0.1',
    'trouble PH3004 of default/b.test',
  ])
  zone.set('A b.test', records(b, '10.0.1.1'))
  await it.pass(31_000)
  assert.deepEqual(it.take().map(short), ['full a.test=10.0.0.1 b.test=10.0.1.1'])
  it.stop()
})

test('a name of which nothing at all is heard is missing in the first word too', async () => {
  const { clock, pass } = virtualClock()
  const { ask } = zoneAsk(new Map([['A a.test', records({ name: 'a.test', type: 'A' }, '10.0.0.1')]]))
  const updates: string[] = []
  const registry = dnsRegistry(
    {
      ...{ kind: 'dns', name: 'dns/test', ttl: { min: 1_000, max: 300_000 } },
      names: [plain('a.test'), plain('b.test')],
    },
    {
      ...{ clock, log: silentLogger },
      ask: (question, signal) => (question.name === 'b.test' ? new Promise(() => {}) : ask(question, signal)),
    },
  )
  const subscription = registry.updates.subscribe((update) => updates.push(short(update)))
  await pass(11_000)
  assert.deepEqual(updates, ['full (PH3001) a.test=10.0.0.1'])
  subscription.unsubscribe()
})

test('while a name is missing, others that do not exist are told to be gone, be they known from before or not', async () => {
  const zone: Zone = new Map([
    ['A a.test', records({ name: 'a.test', type: 'A' }, '10.0.0.1')],
    ['A c.test', failed()],
    ['A d.test', failed()],
  ])
  const it = setup(
    ['a.test', 'b.test', 'c.test', 'd.test'].map((name) => plain(name)),
    zone,
  )
  await it.pass(10_200)
  assert.deepEqual(it.take().map(short), [
    'full (PH3004) a.test=10.0.0.1',
    'delta -default/b.test',
    'trouble PH3004 of default/c.test default/d.test',
  ])
  zone.delete('A c.test')
  await it.pass(31_000)
  assert.deepEqual(it.take().map(short).slice(-1), ['delta -default/c.test'])
  zone.delete('A d.test')
  await it.pass(40_000)
  assert.deepEqual(it.take().map(short).slice(-1), ['full a.test=10.0.0.1'])
  it.stop()
})

test('SRV: ports, weights and priorities of the records, addresses of the targets', async () => {
  const name = plain('_web._tcp.test', { type: 'SRV', hostname: 'web.test', port: undefined })
  const root = { name: '_web._tcp.test', type: 'SRV' } as const
  const zone: Zone = new Map([
    [
      'SRV _web._tcp.test',
      records(root, srv('x.test', 8080, 0, 3), srv('y.test', 8081, 0, 1), srv('z.test', 8082, 9)),
    ],
    ['A x.test', records({ name: 'x.test', type: 'A' }, '10.0.0.1', '10.0.0.2')],
    ['A y.test', records({ name: 'y.test', type: 'A' }, '10.0.0.3')],
    ['AAAA z.test', records({ name: 'z.test', type: 'AAAA' }, 'fd00::9')],
  ])
  const it = setup([name], zone)
  await it.pass(2_000)
  const [full, ...more] = it.take()
  assert.deepEqual(more, [])
  assert.ok(full?.kind === 'full')
  const [service] = full.services
  assert.equal(service!.hostname, 'web.test')
  assert.deepEqual(service!.ports, [{ name: 'http', port: 8080, protocol: 'HTTP' }])
  assert.deepEqual(
    service!.endpoints.map(({ address, ports, weight, health }) => [address, ports.http, weight, health]),
    [
      ['10.0.0.1', 8080, 3, 'HEALTHY'],
      ['10.0.0.2', 8080, 3, 'HEALTHY'],
      ['10.0.0.3', 8081, 2, 'HEALTHY'],
      ['fd00::9', 8082, 2, 'DEGRADED'],
    ],
  )
  it.stop()
})

test('SRV: addresses that come along are not asked for', async () => {
  const root = { name: '_web._tcp.test', type: 'SRV' } as const
  const name = plain(root.name, { type: 'SRV', hostname: 'web.test' })
  const along = [recordSet({ name: 'x.test', type: 'A' }, 60_000, '10.0.0.1')]
  const zone: Zone = new Map([
    [
      'SRV _web._tcp.test',
      { kind: 'records', set: recordSet(root, 60_000, srv('x.test')), additional: along },
    ],
  ])
  const it = setup([name], zone)
  await it.pass(20)
  assert.deepEqual(it.take().map(short), ['full web.test=10.0.0.1'])
  assert.deepEqual(it.asked, ['SRV _web._tcp.test'])
  it.stop()
})

test('SRV: all targets replaced at once; the old ones stay until the new are found', async () => {
  const root = { name: '_web._tcp.test', type: 'SRV' } as const
  const name = plain(root.name, { type: 'SRV', hostname: 'web.test' })
  const zone: Zone = new Map([
    ['SRV _web._tcp.test', records(root, srv('x.test'))],
    ['A x.test', records({ name: 'x.test', type: 'A' }, '10.0.0.1')],
  ])
  const it = setup([name], zone)
  await it.pass(1_000)
  assert.deepEqual(it.take().map(short), ['full web.test=10.0.0.1'])
  zone.set('SRV _web._tcp.test', records(root, srv('y.test')))
  zone.set('A y.test', failed())
  await it.pass(60_000)
  assert.deepEqual(it.take().map(short), ['trouble PH3004 of default/web.test'])
  zone.set('A y.test', records({ name: 'y.test', type: 'A' }, '10.0.0.2'))
  await it.pass(10_000)
  assert.deepEqual(it.take().map(short), ['delta web.test=10.0.0.2'])
  it.stop()
})

test('SRV: the target "." takes all away, and the service stays', async () => {
  const root = { name: '_web._tcp.test', type: 'SRV' } as const
  const zone: Zone = new Map([['SRV _web._tcp.test', records(root, srv('', 0))]])
  const it = setup([plain(root.name, { type: 'SRV', hostname: 'web.test' })], zone)
  await it.pass(100)
  assert.deepEqual(it.take().map(short), ['full web.test='])
  it.stop()
})

test('A and AAAA together: each comes and goes by itself', async () => {
  const zone: Zone = new Map([
    ['A a.test', records({ name: 'a.test', type: 'A' }, '10.0.0.1')],
    ['AAAA a.test', records({ name: 'a.test', type: 'AAAA' }, 'fd00::1')],
  ])
  const it = setup([plain('a.test', { type: 'A+AAAA' })], zone)
  await it.pass(100)
  assert.deepEqual(it.take().map(short), ['full a.test=10.0.0.1,fd00::1'])
  zone.delete('A a.test')
  await it.pass(70_000)
  assert.deepEqual(it.take().map(short), ['delta a.test=fd00::1'])
  it.stop()
})

test('two names of one hostname are two services, told apart', async () => {
  const zone: Zone = new Map([
    ['A a.test', records({ name: 'a.test', type: 'A' }, '10.0.0.1')],
    ['A b.test', records({ name: 'b.test', type: 'A' }, '10.0.0.2')],
  ])
  const it = setup([plain('a.test', { hostname: 'x.test' }), plain('b.test', { hostname: 'x.test' })], zone)
  await it.pass(100)
  const [full] = it.take()
  assert.ok(full?.kind === 'full')
  assert.deepEqual(full.services.map(serviceKey), ['default/x.test/a.test-a', 'default/x.test/b.test-a'])
  it.stop()
})

test('a question that can not be asked at all is trouble, and other names go on', async () => {
  const zone: Zone = new Map([['A a.test', records({ name: 'a.test', type: 'A' }, '10.0.0.1')]])
  const { clock, pass } = virtualClock()
  const { ask } = zoneAsk(zone)
  const updates: string[] = []
  const registry = dnsRegistry(
    {
      kind: 'dns',
      name: 'dns/test',
      names: [plain('a.test'), plain('b.test')],
      ttl: { min: 1_000, max: 300_000 },
    },
    {
      clock,
      log: silentLogger,
      ask: (question, signal) =>
        question.name === 'b.test' ? Promise.reject(new Error('odd')) : ask(question, signal),
    },
  )
  const subscription = registry.updates.subscribe((update) => updates.push(short(update)))
  await pass(11_000)
  assert.deepEqual(updates, ['full (PH3008) a.test=10.0.0.1', 'trouble PH3008 of default/b.test'])
  subscription.unsubscribe()
})

registryContract('dns', () => {
  const { clock, pass, open } = virtualClock()
  const zone: Zone = new Map()
  const asking = zoneAsk(zone)
  return {
    registry: dnsRegistry(
      {
        kind: 'dns',
        name: 'dns/test',
        names: [plain('a.test'), plain('b.test')],
        ttl: { min: 50, max: 100 },
      },
      { clock, log: silentLogger, ask: asking.ask },
    ),
    set(services) {
      for (const name of ['a.test', 'b.test']) zone.set(`A ${name}`, none(0))
      for (const { name, addresses } of services)
        zone.set(`A ${name}.test`, records({ name: `${name}.test`, type: 'A' }, ...addresses))
    },
    repeat() {},
    break: () => void zone.set('*', failed('PH3001')),
    heal: () => void zone.delete('*'),
    open: () => open() + asking.open(),
    pass: (ms) => pass(ms),
  }
})
