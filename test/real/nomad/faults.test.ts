/** The bad hours of one Nomad: what was told stays, trouble is told once, and all comes right afterwards. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, test } from 'node:test'
import {
  type FaultMode,
  type FaultProxy,
  type NomadServer,
  startFaultProxy,
  startNomad,
} from '../../testbed/index.ts'
import { type JobService, sleeper, submit } from './jobs.ts'
import { type Watched, watch } from './watch.ts'

let nomad: NomadServer
let proxy: FaultProxy
before(async () => {
  nomad = await startNomad()
  proxy = await startFaultProxy(nomad.url)
  await nomad.runJob(sleeper('shared', BASE))
})
after(async () => {
  await proxy?.stop()
  await nomad?.stop()
})

const BASE: readonly JobService[] = [
  { name: 'orders', address: '10.0.0.1', port: '8081' },
  { name: 'orders', address: '10.0.0.2', port: '8082' },
  { name: 'payments', address: '10.0.1.1', port: '8083' },
]
const THIRD: JobService = { name: 'orders', address: '10.0.0.3', port: '8084' }
const hold = (...services: JobService[]) => submit(nomad, sleeper('shared', services))
beforeEach(async () => {
  await proxy.mode('pass')
  await hold(...BASE)
})

/** Every test begins with orders at 10.0.0.1 and 10.0.0.2 and payments at 10.0.1.1, and nothing else. */
const BOTH = '10.0.0.1 10.0.0.2'
const all = (w: Watched) => w.addresses('orders') === BOTH && w.addresses('payments') === '10.0.1.1'
const count = (w: Watched, kind: string) => w.updates.filter((update) => update.kind === kind).length

async function guarded(
  t: Parameters<typeof watch>[0],
  url = proxy.url,
  more: Parameters<typeof watch>[2] = {},
) {
  const w = watch(t, { address: url }, more, 1500)
  await w.until('synced', () => all(w))
  w.guard({ orders: 2, payments: 1 })
  return w
}
const halved = (body: string): string => {
  const value = JSON.parse(body)
  if (!Array.isArray(value)) return body
  if (value.length > 1) return JSON.stringify(value.slice(0, Math.floor(value.length / 2)))
  return JSON.stringify(
    value.map((each) => ({
      ...each,
      Services: each.Services?.slice(0, Math.floor(each.Services.length / 2)),
    })),
  )
}

suite('Nomad in bad hours, by a proxy', () => {
  const without = (name: string): FaultMode => ({
    rewrite: (_, { headers }) => ({
      headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)),
    }),
  })
  for (const [name, mode, code] of [
    ['answers 500', { status: 500, body: 'rpc error: no such host' }, 'PH3004'],
    ['has no leader', { status: 500, body: 'No cluster leader' }, 'PH3004'],
    ['answers 429', { status: 429 }, 'PH3003'],
    ['answers 403', { status: 403, body: 'Permission denied' }, 'PH3002'],
    ['answers 404', { status: 404 }, 'PH3005'],
    ['answers garbage', 'garbage', 'PH3005'],
    ['answers null', { rewrite: () => ({ body: 'null' }) }, 'PH3005'],
    ['cuts its answer off in the middle', 'truncate', 'PH3001'],
    ['cuts connections', 'cut', 'PH3001'],
    ['is not there', 'refuse', 'PH3001'],
    ['accepts and says nothing', 'blackhole', 'PH3001'],
    ['leaves its index out', without('x-nomad-index'), 'PH3005'],
  ] satisfies (readonly [string, FaultMode, string])[])
    test(`the server ${name}: endpoints stay, and come right afterwards`, async (t) => {
      const w = await guarded(t, proxy.url, { wait: 300 })
      await proxy.mode(mode)
      proxy.cut()
      await w.until('trouble', () => w.updates.some((u) => u.kind === 'trouble' && u.error.code === code))
      await hold(...BASE, THIRD)
      await proxy.mode('pass')
      await w.until('right again', () => w.addresses('orders') === `${BOTH} 10.0.0.3` && !w.trouble())
      assert.deepEqual(w.lows(), [])
      assert.ok(count(w, 'trouble') <= 3, 'trouble is told when it begins and when its kind changes')
      assert.equal(count(w, 'full'), 1)
    })

  test('half a list of names is not believed: each that is missing is asked for', async (t) => {
    const w = await guarded(t, proxy.url, { wait: 300 })
    const names = ({ path }: { path: string }) => path.startsWith('/v1/services')
    await proxy.mode({ rewrite: (_, { body }) => ({ body: halved(body) }) }, names)
    await hold(...BASE, { name: 'more', address: '10.0.4.1' })
    const before = proxy.requests(names)
    await w.until('heard several times', () => proxy.requests(names) > before + 3)
    await proxy.mode('pass')
    await w.until('the new one', () => w.addresses('more') === '10.0.4.1')
    assert.deepEqual(w.lows(), [])
  })

  test('one service that can not be read is in trouble alone, and named when it is back', async (t) => {
    const w = await guarded(t)
    await proxy.mode({ status: 500 }, ({ path }) => path.startsWith('/v1/service/orders'))
    await hold(...BASE, THIRD, { name: 'more', address: '10.0.4.1' })
    await w.until('the other goes on', () => w.addresses('more') === '10.0.4.1')
    await w.until('trouble', () => count(w, 'trouble') > 0)
    const trouble = w.updates.find((u) => u.kind === 'trouble')!
    assert.ok(trouble.kind === 'trouble')
    assert.deepEqual(trouble.services, ['default/orders.default.nomad'])
    await proxy.mode('pass')
    await w.until('back', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
    assert.deepEqual(w.lows(), [])
  })

  test('an empty list at an index that goes backwards is doubted, then told as a new history', async (t) => {
    const w = await guarded(t, proxy.url, { wait: 300, doubt: 500 })
    w.guard({})
    const isList = ({ path }: { path: string }) => /^\/v1\/services?\b/.test(path)
    await proxy.mode(
      { rewrite: (_, { headers }) => ({ headers: { ...headers, 'x-nomad-index': '3' }, body: '[]' }) },
      isList,
    )
    await w.until('doubt', () => w.trouble()?.error.code === 'PH3006')
    assert.ok(all(w))
    await w.until('a second full, without them', () => count(w, 'full') === 2)
    assert.equal(w.services.size, 0)
    await proxy.mode('pass')
    await w.until('right again', () => all(w))
    assert.equal(count(w, 'full'), 2)
  })

  test('an index that goes backwards for a moment only is no new history', async (t) => {
    const w = await guarded(t, proxy.url, { wait: 300 })
    await proxy.mode({
      rewrite: (_, { headers }) => ({ headers: { ...headers, 'x-nomad-index': '3' }, body: '[]' }),
    })
    await w.until('doubt', () => w.trouble()?.error.code === 'PH3006')
    await proxy.mode('pass')
    await w.until('right again', () => !w.trouble())
    assert.deepEqual(w.lows(), [])
    assert.equal(count(w, 'full'), 1)
  })
})

suite('Nomad in bad hours, itself', () => {
  test('paused: endpoints stay; what changes afterwards is heard', async (t) => {
    const w = await guarded(t, nomad.url, { wait: 1000, silence: 1000 })
    nomad.pause()
    t.after(() => nomad.resume())
    await w.until('trouble', () => w.trouble()?.error.code === 'PH3001')
    nomad.resume()
    await w.until('back', () => !w.trouble())
    await hold(...BASE, THIRD)
    await w.until('the third', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
    assert.deepEqual(w.lows(), [])
    assert.equal(count(w, 'full'), 1)
  })

  test('left in the middle of an answer: nothing stays open', async (t) => {
    const w = watch(t, { address: nomad.url })
    w.stop()
    assert.equal(w.open(), 0)
    const other = await guarded(t, nomad.url)
    other.stop()
    assert.equal(other.open(), 0)
  })

  test('started again without its data: a full that says so', async (t) => {
    const w = watch(t, { address: nomad.url })
    await w.until('synced', () => all(w))
    // Its jobs are stopped in good order first, as the testbed does before data goes: that is deregistration.
    w.guard({})
    await nomad.restart({ keepData: false })
    await w.until('a new history', () => count(w, 'full') === 2 && w.services.size === 0)
    await nomad.runJob(sleeper('shared', BASE))
    await w.until('as it was', () => all(w))
  })
})
