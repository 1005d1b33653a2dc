/** The DNS registry against a real server (Knot): the contract, the bounds of time, and the bad hours. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dnsRegistry } from '#registries/dns/index.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../../contract/registry.ts'
import { until } from '../../support/cleanup.ts'
import { type DnsServer, startDns } from '../../testbed/index.ts'
import { countedClock, follow, named, quick } from './followed.ts'
import { type Fault, type Relay, startRelay } from './relay.ts'

let dns: DnsServer
let relay: Relay
before(async () => {
  dns = await startDns()
  relay = await startRelay(dns)
})
after(async () => {
  await relay?.stop()
  await dns?.stop()
})

const names = ['a.test', 'b.test']

registryContract('dns (real)', async (t) => {
  for (const name of names) await dns.remove(name)
  const { clock, open } = countedClock()
  t.after(() => {
    relay.fault = 'pass'
  })
  const put = async (
    services: readonly { readonly name: string; readonly addresses: readonly string[] }[],
  ) => {
    for (const name of names) {
      const found = services.find((service) => `${service.name}.test` === name)
      if (found) await dns.update(name, 'A', 1, found.addresses)
      else await dns.remove(name)
    }
  }
  return {
    registry: dnsRegistry(
      quick(
        relay.server,
        names.map((name) => named(name)),
      ),
      { clock, log: silentLogger },
    ),
    set: put,
    repeat: () => sleep(250),
    break() {
      relay.fault = 'silent'
    },
    heal() {
      relay.fault = 'pass'
    },
    open,
    pass: (ms) => sleep(ms),
  }
})

/** Two addresses of `host`, followed; the server is as it was when the test ends. */
async function followed(t: TestContext, host: string) {
  await dns.update(host, 'A', 1, ['10.0.0.1', '10.0.0.2'])
  const it = follow(quick(relay.server, [named(host)]))
  t.after(() => {
    it.stop()
    relay.fault = 'pass'
  })
  await until('the first word', () => it.addresses(host)?.length === 2)
  it.fewest()
  return it
}

async function comesRight(it: Awaited<ReturnType<typeof followed>>, host: string) {
  assert.equal(it.fewest(), 2, 'nothing was taken away meanwhile')
  await dns.update(host, 'A', 1, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  await until('what is new', () => it.addresses(host)?.length === 3)
  assert.notEqual(it.last()?.kind, 'trouble')
}
const troubled = (it: Awaited<ReturnType<typeof followed>>, code: string) =>
  until(`trouble ${code}`, () => {
    const last = it.last()
    return last?.kind === 'trouble' && last.error.code === code
  })

test('killed, and restarted with its records', async (t) => {
  const it = await followed(t, 'killed.test')
  await dns.kill()
  await troubled(it, 'PH3001')
  await dns.restart({ keepData: true })
  await until('the end of trouble', () => it.last()?.kind !== 'trouble')
  await comesRight(it, 'killed.test')
})

test('paused: its port takes questions, nothing comes back', async (t) => {
  const it = await followed(t, 'paused.test')
  dns.pause()
  await troubled(it, 'PH3001')
  dns.resume()
  await comesRight(it, 'paused.test')
})

test('SERVFAIL', async (t) => {
  const it = await followed(t, 'servfail.test')
  await dns.fail(true)
  await troubled(it, 'PH3004')
  await dns.fail(false)
  await comesRight(it, 'servfail.test')
})

for (const [fault, what, code] of [
  ['garbage', 'noise instead of answers', 'PH3005'],
  ['half', 'messages that end in the middle', 'PH3005'],
  ['silent', 'packets lost on the way', 'PH3001'],
] as const satisfies readonly (readonly [Fault, string, string])[])
  test(what, async (t) => {
    const host = `${fault}.test`
    const it = await followed(t, host)
    relay.fault = fault
    await troubled(it, code)
    relay.fault = 'pass'
    await comesRight(it, host)
  })

test('an answer too long for UDP, whose TCP connections are reset: no part of it is taken', async (t) => {
  const host = 'many.test'
  const many = Array.from({ length: 300 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
  await dns.update(host, 'A', 1, many)
  const it = follow(quick(relay.server, [named(host)]))
  t.after(() => {
    it.stop()
    relay.fault = 'pass'
  })
  await until('all of them', () => it.addresses(host)?.length === 300)
  it.fewest()
  relay.fault = 'cut'
  await troubled(it, 'PH3001')
  relay.fault = 'pass'
  await until('the end of trouble', () => it.last()?.kind !== 'trouble')
  assert.equal(it.fewest(), 300)
})

test('a name outside of its zones is REFUSED: trouble of that name, the other is served', async (t) => {
  await dns.update('inside.test', 'A', 1, ['10.0.0.1'])
  const it = follow(quick(relay.server, [named('inside.test'), named('outside.example')]))
  t.after(() => it.stop())
  await until('the first word', () => it.addresses('inside.test')?.length === 1, 15_000)
  const trouble = it.updates.find((update) => update.kind === 'trouble')
  assert.ok(trouble?.kind === 'trouble' && trouble.error.code === 'PH3002')
  assert.deepEqual(trouble.services, ['default/outside.example'])
})

test('restarted without its records: gone when NXDOMAIN was said twice, back with its records', async (t) => {
  const host = 'forgotten.test'
  const it = await followed(t, host)
  await dns.restart({ keepData: false })
  await until('the name to be gone', () => it.addresses(host) === undefined)
  await dns.update(host, 'A', 1, ['10.0.0.7'])
  await until('it to be back', () => it.addresses(host)?.[0] === '10.0.0.7')
})

test('a change is told when the TTL is over, and the question took; so is a deregistration', async (t) => {
  const host = 'prompt.test'
  await dns.update(host, 'A', 1, ['10.0.0.1', '10.0.0.2'])
  // The usual bounds: the TTL of the record, 1 s, counts.
  const it = follow({ ...quick(relay.server, [named(host)]), ttl: { min: 1_000, max: 300_000 } })
  t.after(() => it.stop())
  await until('the first word', () => it.addresses(host)?.length === 2)
  const times: number[] = []
  for (const count of [1, 3, 1]) {
    await dns.update(
      host,
      'A',
      1,
      Array.from({ length: count }, (_, i) => `10.0.0.${i + 1}`),
    )
    const changed = performance.now()
    await until(`${count} addresses`, () => it.addresses(host)?.length === count)
    times.push(performance.now() - changed)
  }
  await dns.remove(host)
  const removed = performance.now()
  await until('the name to be gone', () => it.addresses(host) === undefined)
  times.push(performance.now() - removed)
  t.diagnostic(`ms to be told, TTL 1 s: ${times.map(Math.round).join(', ')} (the last: the whole name)`)
  for (const time of times.slice(0, -1)) assert.ok(time < 2_000, `${time}`)
  assert.ok(times.at(-1)! < 4_000)
})

test('SRV: targets, ports and priorities; a target that moves; one that goes', async (t) => {
  await dns.set([
    {
      name: '_web._tcp.shop.test',
      type: 'SRV',
      values: ['0 10 8080 x.shop.test.', '0 30 8081 y.shop.test.', '5 1 8082 z.shop.test.'],
    },
    { name: 'x.shop.test', type: 'A', values: ['10.0.1.1'] },
    { name: 'y.shop.test', type: 'AAAA', values: ['fd00::2'] },
    { name: 'real.shop.test', type: 'A', values: ['10.0.1.3'] },
    { name: 'z.shop.test', type: 'CNAME', values: ['real.shop.test.'] },
  ])
  const host = 'web.shop.test'
  const it = follow(
    quick(relay.server, [named('_web._tcp.shop.test', { type: 'SRV', hostname: host, port: undefined })]),
  )
  t.after(() => it.stop())
  const shown = () =>
    it
      .service(host)
      ?.endpoints.map(({ address, ports, weight, health }) => `${address}:${ports.http} ${weight} ${health}`)
      .sort()
  await until('all three', () => shown()?.length === 3)
  assert.deepEqual(shown(), [
    '10.0.1.1:8080 10 HEALTHY',
    '10.0.1.3:8082 1 DEGRADED',
    'fd00::2:8081 30 HEALTHY',
  ])
  assert.deepEqual(it.service(host)!.ports, [{ name: 'http', port: 8080, protocol: 'HTTP' }])
  await dns.update('x.shop.test', 'A', 1, ['10.0.1.9'])
  await until(
    'the new address',
    () => shown()?.[0] === '10.0.1.9:8080 10 HEALTHY' || shown()?.[1]?.startsWith('10.0.1.9'),
  )
  await dns.update('_web._tcp.shop.test', 'SRV', 1, ['0 10 8080 x.shop.test.'])
  await until('one to be left', () => shown()?.length === 1)
})

test('left in the middle of a question: no socket and no timer stays', async () => {
  relay.fault = 'silent'
  const before = sockets()
  const asked = relay.asked()
  const it = follow({
    ...quick(
      relay.server,
      names.map((name) => named(name)),
    ),
    timeout: 60_000,
  })
  await until('questions on their way', () => relay.asked() >= asked + 2)
  assert.ok(sockets() > before)
  it.stop()
  await until('the sockets to be closed', () => sockets() === before)
  assert.equal(it.open(), 0)
  relay.fault = 'pass'
})
const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'UDPWrap').length

test('at rest: one question for each name when its TTL is over, and no more', async (t) => {
  await dns.update('rest.test', 'A', 60, ['10.0.0.1'])
  const it = follow({ ...quick(relay.server, [named('rest.test')]), ttl: { min: 1_000, max: 300_000 } })
  t.after(() => it.stop())
  await until('the first word', () => it.addresses('rest.test'))
  const asked = relay.asked()
  await sleep(3_000)
  assert.equal(relay.asked(), asked)
  assert.ok(it.open() <= 2, `${it.open()} timers`)
})
