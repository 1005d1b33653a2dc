/** One real server: what it says in good hours, and through a way to it that is broken in every manner. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, test } from 'node:test'
import { eurekaRegistry } from '#registries/eureka/index.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../../contract/registry.ts'
import { countingClock } from '../../registries/eureka-clock.ts'
import { eurekaSettings } from '../../registries/eureka-settings.ts'
import {
  type EurekaInstance,
  type FaultProxy,
  type ProxiedAnswer,
  type ProxiedRequest,
  startFaultProxy,
} from '../../testbed/index.ts'
import { startTracked, type TrackedEureka } from './tracked.ts'
import { watch } from './watch.ts'

let eureka: TrackedEureka
let proxy: FaultProxy

before(async () => {
  eureka = await startTracked()
  proxy = await startFaultProxy(eureka.url)
})
after(async () => {
  await proxy?.stop()
  await eureka?.stop()
})

const ORDERS: EurekaInstance = { app: 'orders', address: '10.0.0.1', port: 8080 }

/** Every test finds orders at 10.0.0.1 and 10.0.0.2 and payments at 10.0.1.1, and nothing else. */
beforeEach(async () => {
  await proxy.mode('pass')
  const payments = { ...ORDERS, app: 'payments', address: '10.0.1.1' }
  await eureka.holds(ORDERS, { ...ORDERS, address: '10.0.0.2' }, payments)
})

const BOTH = '10.0.0.1 10.0.0.2'

registryContract('eureka, the real server', async () => {
  const { clock, pending } = countingClock()
  const settings = eurekaSettings(proxy.url, { pollInterval: 50 })
  let held: readonly EurekaInstance[] = []
  // The suite's changes are each one step; of a real server the halves of one would be seen, also in an answer that was
  // made in the middle of a change and is read after its end.
  let changing = false
  const early = new WeakSet<object>()
  const before = new Map<string, string>()
  const rewrite = (request: ProxiedRequest, { body }: ProxiedAnswer) => {
    if (!changing && !early.has(request)) before.set(request.path, body)
    return { body: before.get(request.path) ?? body }
  }
  const pass = () =>
    proxy.mode({ rewrite }, (request) => {
      if (changing) early.add(request)
      return true
    })
  await pass()
  return {
    registry: eurekaRegistry(settings, { fetch, clock, log: silentLogger }),
    async set(services) {
      const wanted = services.flatMap(({ name, addresses }) =>
        addresses.map((address) => ({ app: name, address, port: 80 })),
      )
      changing = true
      await eureka.becomes(...wanted)
      changing = false
      held = wanted
    },
    async repeat() {
      for (const { app, address, port } of held) await eureka.heartbeat(app, `${address}:${app}:${port}`)
    },
    break: () => proxy.mode('refuse'),
    heal: pass,
    open: pending,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})

suite('Eureka, one server', () => {
  test('registered, changed, deregistered: each by a delta, told at the next look', async (t) => {
    const w = watch(t, proxy.url)
    await w.until('synced', () => w.addresses('orders') === BOTH && w.addresses('payments') === '10.0.1.1')
    proxy.forget()
    const told: number[] = []
    for (let i = 0; i < 5; i++) {
      const id = await eureka.register({ app: 'orders', address: '10.0.0.3', port: 9090 })
      let since = performance.now()
      await w.until('registered', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
      told.push(performance.now() - since)
      await eureka.cancel('ORDERS', id)
      since = performance.now()
      await w.until('deregistered', () => w.addresses('orders') === BOTH)
      told.push(performance.now() - since)
    }
    t.diagnostic(`told after ${told.map((ms) => ms.toFixed(0)).join(', ')} ms`)
    assert.equal(
      proxy.requests(({ path }) => path.endsWith('/apps')),
      0,
      'a full fetch was made',
    )
    assert.ok(w.updates.slice(1).every((update) => update.kind === 'delta'))
    assert.ok(Math.max(...told) < 1000, 'a deregistration took a second and more')
  })

  test('each status has its health, and an override counts', async (t) => {
    const w = watch(t, proxy.url)
    await w.until('synced', () => w.addresses('orders') === BOTH)
    const health = () => w.service('orders')?.endpoints[0]?.health
    for (const [status, expected] of [
      ['OUT_OF_SERVICE', 'DRAINING'],
      ['DOWN', 'UNHEALTHY'],
      ['UP', 'HEALTHY'],
    ] as const) {
      await eureka.override('ORDERS', '10.0.0.1:orders:8080', status)
      await w.until(`${status} is ${expected}`, () => health() === expected)
    }
    await eureka.register({ app: 'orders', address: '10.0.0.4', port: 8080, status: 'STARTING' })
    await w.until('STARTING is unhealthy', () => w.service('orders')?.endpoints[2]?.health === 'UNHEALTHY')
  })

  for (const [name, mode, code] of [
    ['answers 500', { status: 500 }, 'PH3004'],
    ['answers 503', { status: 503 }, 'PH3004'],
    ['answers 429', { status: 429, headers: { 'retry-after': '1' } }, 'PH3003'],
    ['answers 403: credentials revoked, or freshly started', { status: 403 }, 'PH3002'],
    [
      'answers 302 to a login page',
      { status: 302, headers: { location: 'http://127.0.0.1:1/login' } },
      'PH3005',
    ],
    ['answers garbage', 'garbage', 'PH3005'],
    ['cuts its answer off in the middle', 'truncate', 'PH3001'],
    ['cuts connections', 'cut', 'PH3001'],
    ['is not there', 'refuse', 'PH3001'],
    ['accepts and says nothing', 'blackhole', 'PH3001'],
    [
      'answers with half a list',
      {
        rewrite: (_: unknown, { body }: { body: string }) => {
          const json = JSON.parse(body)
          json.applications.application = json.applications.application.slice(1)
          return { body: JSON.stringify(json) }
        },
      },
      'PH3005',
    ],
    ['answers null', { status: 200, body: 'null' }, 'PH3005'],
    ['answers an empty object', { status: 200, body: '{}' }, 'PH3005'],
    ['answers without a list', { status: 200, body: '{"applications":{}}' }, 'PH3005'],
    ['answers nothing', { status: 200, body: '' }, 'PH3005'],
  ] as const)
    test(`the server ${name}: endpoints stay, and come right afterwards`, async (t) => {
      const w = watch(t, proxy.url, { requestTimeout: 1500, disableDelta: name.includes('half') })
      await w.until('synced', () => w.addresses('orders') === BOTH)
      w.guard({ orders: 2, payments: 1 })
      await proxy.mode(mode as Parameters<FaultProxy['mode']>[0])
      await w.until('trouble', () => w.trouble())
      assert.equal(w.trouble()?.error.code, code, w.trouble()?.error.message)
      assert.equal(w.trouble()?.services, undefined)
      await eureka.register({ app: 'orders', address: '10.0.0.3', port: 8080 })
      await proxy.mode('pass')
      await w.until('right again', () => w.addresses('orders') === `${BOTH} 10.0.0.3` && !w.trouble())
      assert.deepEqual(w.lows(), [])
      assert.equal(w.updates.filter(({ kind }) => kind === 'trouble').length, 1, 'trouble is told once')
      assert.equal(w.updates.filter(({ kind }) => kind === 'full').length, 1)
    })

  test('an empty answer with nobody deregistered: kept, told, and right afterwards', async (t) => {
    const w = watch(t, proxy.url)
    await w.until('synced', () => w.addresses('orders') === BOTH)
    w.guard({ orders: 2, payments: 1 })
    const body = '{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}'
    await proxy.mode({ status: 200, body })
    await w.until('doubted', () => w.trouble()?.error.code === 'PH3006')
    assert.deepEqual(w.trouble()?.services?.toSorted(), ['default/orders', 'default/payments'])
    await proxy.mode('pass')
    await w.until('believed again', () => !w.trouble())
    assert.deepEqual(w.lows(), [])
    // Others may follow before it is looked at.
    const named = w.updates[w.updates.findLastIndex(({ kind }) => kind === 'trouble') + 1]
    assert.ok(
      named?.kind === 'delta' && named.changed.length === 2,
      `the end of the trouble names its services, not ${JSON.stringify(named)}`,
    )
  })

  test('deltas that do not add up, are refused, or are gone: the full answer counts', async (t) => {
    const w = watch(t, proxy.url)
    await w.until('synced', () => w.addresses('orders') === BOTH)
    const delta = ({ path }: { path: string }) => path.endsWith('/delta')
    // Hides a registration from the delta: only its hash tells.
    await proxy.mode(
      { rewrite: (_, { body }) => ({ body: body.replace(/"application":\[.*\]/s, '"application":[]') }) },
      delta,
    )
    await eureka.register({ app: 'orders', address: '10.0.0.3', port: 8080 })
    await w.until('found by the hash', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
    await eureka.cancel('ORDERS', '10.0.0.2:orders:8080')
    await w.until('also what was deregistered', () => w.addresses('orders') === '10.0.0.1 10.0.0.3')
    await proxy.mode({ status: 403 }, delta)
    await eureka.register({ app: 'orders', address: '10.0.0.4', port: 8080 })
    await w.until('without deltas', () => w.addresses('orders') === '10.0.0.1 10.0.0.3 10.0.0.4')
    await eureka.cancel('ORDERS', '10.0.0.4:orders:8080')
    await w.until('and gone again', () => w.addresses('orders') === '10.0.0.1 10.0.0.3')
    proxy.forget()
    await w.until('more full fetches', () => proxy.requests(({ path }) => path.endsWith('/apps')) > 3)
    assert.equal(proxy.requests(delta), 0, 'a server without deltas is not asked for them each time')
    assert.equal(w.trouble(), undefined)
  })

  test('a server paused and resumed: trouble in between, nothing lost', async (t) => {
    const w = watch(t, eureka.url, { requestTimeout: 1500 })
    await w.until('synced', () => w.addresses('orders') === BOTH)
    w.guard({ orders: 2, payments: 1 })
    eureka.pause()
    try {
      await w.until('trouble', () => w.trouble()?.error.code === 'PH3001')
    } finally {
      eureka.resume()
    }
    await w.until('right again', () => !w.trouble())
    assert.deepEqual(w.lows(), [])
  })

  test('unsubscribed in mid-flight: no handle is left', async () => {
    await proxy.mode('blackhole')
    const w = watch(undefined, proxy.url)
    const sockets = () =>
      process.getActiveResourcesInfo().filter((name) => /^TCP(Socket|Connect)Wrap|Timeout/.test(name))
    await w.until('on its way', () => proxy.connections() > 0)
    const before = sockets().length
    w.stop()
    await w.until('closed', () => proxy.connections() === 0)
    assert.ok(sockets().length < before)
    assert.deepEqual(w.updates, [])
  })

  test('a lease that is not renewed is ended by the server, and is gone here', async (t) => {
    const w = watch(t, proxy.url)
    await eureka.register({
      app: 'brief',
      address: '10.0.2.1',
      port: 80,
      renewalInterval: 1,
      leaseDuration: 1,
    })
    await w.until('there', () => w.addresses('brief') === '10.0.2.1')
    await w.until('gone', () => w.addresses('brief') === undefined)
  })
})
