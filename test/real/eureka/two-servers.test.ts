/**
 * Two real servers without peers, so that each knows only what registered with it: the worst that a failover meets, and
 * what a restart leaves, since Eureka keeps nothing. The second one wants credentials.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type EurekaInstance, startFaultProxy } from '../../testbed/index.ts'
import { startTracked, type TrackedEureka } from './tracked.ts'
import { watch } from './watch.ts'

const ONE: EurekaInstance = { app: 'orders', address: '10.0.0.1', port: 8080 }
const TWO: EurekaInstance = { app: 'orders', address: '10.0.0.2', port: 8080 }
const PAY: EurekaInstance = { app: 'payments', address: '10.0.1.1', port: 8080 }
const OTHER: EurekaInstance = { app: 'other', address: '10.0.9.1', port: 8080 }
const BOTH = '10.0.0.1 10.0.0.2'

let a: TrackedEureka
let b: TrackedEureka
/** b's, with the credentials in it. */
let secret: string

before(async () => {
  ;[a, b] = await Promise.all([
    startTracked(),
    // As in self-preservation: what is not renewed stays.
    startTracked({
      user: 'pilot',
      password: 'p@ss word',
      evictionIntervalTimerInMs: 600_000,
    }),
  ])
  secret = b.url.replace('//', '//pilot:p%40ss%20word@')
})
after(() => Promise.all([a?.stop(), b?.stop()]))

suite('Eureka, two servers', () => {
  test('credentials: in the URL or beside it; wrong ones are told, and never shown', async (t) => {
    await b.holds(OTHER)
    const wrong = watch(t, b.url.replace('//', '//pilot:wr0ng@'))
    await wrong.until('denied', () => wrong.trouble()?.error.code === 'PH3002')
    assert.doesNotMatch(JSON.stringify(wrong.updates), /wr0ng|pilot:/)
    const right = watch(t, secret)
    await right.until('synced', () => right.addresses('other') === '10.0.9.1')
  })

  test('a lease that ran out long ago, but is kept by its server: unhealthy while its siblings renew', async (t) => {
    await b.holds({ ...ONE, leaseDuration: 1 }, TWO, { ...PAY, leaseDuration: 1 })
    // A second of lease, the tenth of `leaseExpiry`, and the server's Date tells whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 2200))
    const w = watch(t, secret, { leaseExpiry: 100 })
    await w.until('synced', () => w.addresses('orders') === BOTH)
    const health = (name: string) => w.service(name)?.endpoints.map((endpoint) => endpoint.health)
    assert.deepEqual(health('orders'), ['UNHEALTHY', 'HEALTHY'])
    assert.deepEqual(health('payments'), ['HEALTHY'], 'a service is never emptied by it')
    const trusting = watch(t, secret, { leaseExpiry: undefined })
    await trusting.until('synced', () => trusting.addresses('orders') === BOTH)
    assert.equal(trusting.service('orders')?.endpoints[0]?.health, 'HEALTHY')
  })

  test('an empty server does not speak for one that is not, also at the start', async (t) => {
    await a.holds()
    await b.holds(ONE, TWO)
    const w = watch(t, [a.url, secret])
    await w.until('synced', () => w.updates.length > 0)
    assert.equal(w.addresses('orders'), BOTH)
  })

  test('a replica takes over: no word of loss, and its changes count', async (t) => {
    await a.holds(ONE, TWO, PAY)
    await b.holds(ONE, TWO, PAY)
    const proxy = await startFaultProxy(a.url)
    t.after(() => proxy.stop())
    const w = watch(t, [proxy.url, secret])
    await w.until('synced', () => w.addresses('orders') === BOTH)
    w.guard({ orders: 2, payments: 1 })
    await proxy.mode('refuse')
    await b.register({ ...ONE, address: '10.0.0.3' })
    await w.until('followed', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
    assert.ok(w.updates.every(({ kind }) => kind !== 'trouble'))
    await b.cancel('PAYMENTS', '10.0.1.1:payments:8080')
    w.guard({ orders: 2 })
    await w.until('a deregistration there counts', () => w.addresses('payments') === undefined)
    assert.deepEqual(w.lows(), [])
    // Back again, empty: the second one is still believed.
    await a.holds()
    await proxy.mode('pass')
    await b.register({ ...ONE, address: '10.0.0.4' })
    await w.until('still there', () => w.addresses('orders') === `${BOTH} 10.0.0.3 10.0.0.4`)
    assert.deepEqual(w.lows(), [])
    assert.equal(w.updates.filter(({ kind }) => kind === 'full').length, 1)
  })

  test('a server with other content takes over: nothing is lost, and all comes right when the first is back', async (t) => {
    await a.holds(ONE, TWO, PAY)
    await b.holds(OTHER)
    const w = watch(t, [a.url, secret])
    await w.until('synced', () => w.addresses('orders') === BOTH)
    assert.equal(w.addresses('other'), undefined)
    w.guard({ orders: 2, payments: 1 })
    await a.kill()
    await w.until('doubted', () => w.trouble()?.error.code === 'PH3006')
    assert.deepEqual(w.trouble()?.services?.toSorted(), ['default/orders', 'default/payments'])
    assert.equal(w.addresses('other'), '10.0.9.1', 'what the other one knows is served')
    await a.restart({ keepData: false })
    for (const instance of [ONE, TWO, PAY]) await a.register(instance)
    await w.until('the first one is asked again', () =>
      w.trouble()?.services?.every((key) => key === 'default/other'),
    )
    await a.register({ ...ONE, address: '10.0.0.3' })
    await w.until('and followed', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
    assert.deepEqual(w.lows(), [])
  })

  test('restarted without data: kept while it fills up; who never comes back goes by a new history', async (t) => {
    await a.holds(ONE, TWO, PAY)
    const w = watch(t, a.url, { holdMissing: 10_000 })
    await w.until('synced', () => w.addresses('orders') === BOTH && w.addresses('payments'))
    w.guard({ orders: 2, payments: 1 })
    await a.kill()
    await w.until('trouble', () => w.trouble()?.error.code === 'PH3001')
    await a.restart({ keepData: false })
    await w.until('doubted', () => w.trouble()?.error.code === 'PH3006')
    assert.equal(w.trouble()?.services?.length, 2)
    await a.register(ONE)
    await a.register(TWO)
    await w.until('orders are certain', () => w.trouble()?.services?.join() === 'default/payments')
    assert.deepEqual(w.lows(), [])
    w.guard({ orders: 2 })
    await w.until('payments are let go', () => w.addresses('payments') === undefined, 30_000)
    assert.equal(w.updates.at(-1)?.kind, 'full', 'by a new history, which the mesh may hold back')
    assert.equal(w.addresses('orders'), BOTH)
    await a.register(PAY)
    await w.until('and they may come again', () => w.addresses('payments') === '10.0.1.1')
    assert.deepEqual(w.lows(), [])
  })
})
