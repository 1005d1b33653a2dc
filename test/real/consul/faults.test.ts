/** The bad hours of one Consul: what was told stays, trouble is told once, and all comes right afterwards. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, suite, test } from 'node:test'
import {
  type ConsulServer,
  type FaultMode,
  type FaultProxy,
  startConsul,
  startFaultProxy,
} from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { type Watched, watch } from './watch.ts'

let consul: ConsulServer
let proxy: FaultProxy
let write: ReturnType<typeof catalog>
before(async () => {
  consul = await startConsul()
  proxy = await startFaultProxy(consul.url)
  write = catalog(consul.api)
})
after(async () => {
  await proxy?.stop()
  await consul?.stop()
})

/** Every test finds orders at 10.0.0.1 and 10.0.0.2 and payments at 10.0.1.1, and nothing else. */
const fill = async () => {
  await write.register({ id: 'orders-1', service: 'orders', address: '10.0.0.1' })
  await write.register({ id: 'orders-2', service: 'orders', address: '10.0.0.2', status: 'passing' })
  await write.register({ id: 'payments-1', service: 'payments', address: '10.0.1.1' })
}
beforeEach(async () => {
  await proxy.mode('pass')
  await write.clear()
  await fill()
})
const BOTH = '10.0.0.1 10.0.0.2'
const all = (w: Watched) => w.addresses('orders') === BOTH && w.addresses('payments') === '10.0.1.1'

async function guarded(t: Parameters<typeof watch>[0], more: Parameters<typeof watch>[2] = {}) {
  const w = watch(t, { address: proxy.url }, more)
  await w.until('synced', () => all(w))
  w.guard({ orders: 2, payments: 1 })
  return w
}
const count = (w: Watched, kind: string) => w.updates.filter((update) => update.kind === kind).length
const halved = (body: string): string => {
  const value = JSON.parse(body)
  if (Array.isArray(value)) return JSON.stringify(value.slice(0, Math.floor(value.length / 2)))
  const names = Object.keys(value)
  return JSON.stringify(
    Object.fromEntries(names.slice(0, names.length / 2).map((name) => [name, value[name]])),
  )
}

suite('Consul in bad hours', () => {
  for (const [name, mode, code] of [
    ['answers 500', { status: 500 }, 'PH3004'],
    ['has no leader', { status: 500, body: 'No cluster leader' }, 'PH3004'],
    ['answers 429', { status: 429 }, 'PH3003'],
    ['answers 403', { status: 403, body: 'Permission denied' }, 'PH3002'],
    ['answers 404', { status: 404 }, 'PH3005'],
    ['answers 302', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'PH3005'],
    ['answers garbage', 'garbage', 'PH3005'],
    ['answers null', { rewrite: () => ({ body: 'null' }) }, 'PH3005'],
    ['answers nothing', { rewrite: () => ({ body: '' }) }, 'PH3005'],
    ['cuts its answer off in the middle', 'truncate', 'PH3001'],
    ['cuts connections', 'cut', 'PH3001'],
    ['is not there', 'refuse', 'PH3001'],
    ['accepts and says nothing', 'blackhole', 'PH3001'],
    [
      'leaves its index out',
      {
        rewrite: (_, { headers }) => {
          const { 'x-consul-index': _index, ...others } = headers
          return { headers: others }
        },
      },
      'PH3005',
    ],
    [
      'says that it knows no leader',
      { rewrite: (_, { headers }) => ({ headers: { ...headers, 'x-consul-knownleader': 'false' } }) },
      'PH3004',
    ],
  ] satisfies (readonly [string, FaultMode, string])[])
    test(`the server ${name}: endpoints stay, and come right afterwards`, async (t) => {
      const w = await guarded(t, { wait: 300, timeout: 1500 })
      await proxy.mode(mode)
      proxy.cut()
      await w.until(
        'trouble',
        () => w.trouble() && (w.trouble()?.error.code === code || count(w, 'trouble') > 1),
      )
      assert.ok(w.updates.some((u) => u.kind === 'trouble' && u.error.code === code))
      await write.register({ id: 'orders-3', service: 'orders', address: '10.0.0.3' })
      await proxy.mode('pass')
      await w.until('right again', () => w.addresses('orders') === `${BOTH} 10.0.0.3` && !w.trouble())
      assert.deepEqual(w.lows(), [])
      assert.ok(count(w, 'trouble') <= 2, 'trouble is told when it begins and when its kind changes')
      assert.equal(count(w, 'full'), 1)
    })

  test('half a list of names is not believed: each that is missing is asked for', async (t) => {
    const w = await guarded(t, { wait: 300 })
    const names = ({ path }: { path: string }) => path.startsWith('/v1/catalog/services')
    await proxy.mode({ rewrite: (_, { body }) => ({ body: halved(body) }) }, names)
    await write.register({ id: 'more-1', service: 'more', address: '10.0.4.1' })
    const before = proxy.requests(names)
    await w.until('heard several times', () => proxy.requests(names) > before + 3)
    await proxy.mode('pass')
    await w.until('the new one', () => w.addresses('more') === '10.0.4.1')
    assert.deepEqual(w.lows(), [])
  })

  test('half a list of instances at an index that has not moved is not believed, and said of this service', async (t) => {
    const w = await guarded(t, { wait: 300 })
    // orders is not in the list of names either, so it is asked for.
    const spoilt = /^\/v1\/(?:catalog\/services|health\/service\/orders)/
    await proxy.mode(
      {
        rewrite: ({ path }, { body }) => ({
          body: path.startsWith('/v1/health') ? halved(body) : '{"consul":[],"payments":[]}',
        }),
      },
      ({ path }) => spoilt.test(path),
    )
    await w.until('doubted', () => w.updates.some((u) => u.kind === 'trouble' && u.error.code === 'PH3006'))
    const trouble = w.updates.find((u) => u.kind === 'trouble')
    assert.deepEqual(trouble?.kind === 'trouble' && trouble.services, ['default/orders.service.consul'])
    await write.register({ id: 'payments-1', service: 'payments', address: '10.0.1.1', port: 81 })
    await w.until('the other one is served', () => w.service('payments')?.endpoints[0]?.ports.default === 81)
    await proxy.mode('pass')
    const isNamed = () => {
      const last = w.updates.at(-1)
      return last?.kind === 'delta' && last.changed.some(({ hostname }) => hostname.startsWith('orders.'))
    }
    await w.until('believed again', isNamed)
    assert.deepEqual(w.lows(), [])
  })

  test('the index goes backwards: a new history, told as full', async (t) => {
    const w = await guarded(t, { wait: 300 })
    await proxy.mode({ rewrite: (_, { headers }) => ({ headers: { ...headers, 'x-consul-index': '3' } }) })
    await w.until('full again', () => count(w, 'full') > 1)
    await proxy.mode('pass')
    await write.register({ id: 'orders-3', service: 'orders', address: '10.0.0.3' })
    await w.until('right again', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
    assert.deepEqual(w.lows(), [])
  })

  test('an index of 0 is never asked for, and does not spin', async (t) => {
    const w = await guarded(t, { wait: 300 })
    proxy.forget()
    await proxy.mode({ rewrite: (_, { headers }) => ({ headers: { ...headers, 'x-consul-index': '0' } }) })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.equal(
      proxy.requests(({ path }) => /index=0/.test(path)),
      0,
    )
    assert.ok(proxy.requests() < 400, `${proxy.requests()} requests in a second`)
    await proxy.mode('pass')
    await w.until('right again', () => all(w) && !w.trouble())
    assert.deepEqual(w.lows(), [])
  })

  test('paused (SIGSTOP): endpoints stay, and what happens afterwards is told', async (t) => {
    const w = await guarded(t, { wait: 300, timeout: 1500 })
    consul.pause()
    try {
      await w.until('trouble', () => w.trouble())
    } finally {
      consul.resume()
    }
    await w.until('the end of it', () => !w.trouble())
    await write.deregister('payments-1')
    await w.until('deregistered', () => w.addresses('payments') === undefined)
    assert.equal(count(w, 'full'), 1)
  })

  test('killed and restarted with its data: one history, told by deltas', async (t) => {
    const w = await guarded(t)
    await consul.kill()
    await w.until('trouble', () => w.trouble())
    await consul.restart({ keepData: true })
    await write.register({ id: 'orders-3', service: 'orders', address: '10.0.0.3' })
    await w.until('right again', () => w.addresses('orders') === `${BOTH} 10.0.0.3` && !w.trouble(), 30_000)
    assert.deepEqual(w.lows(), [])
    assert.equal(count(w, 'full'), 1)
  })

  test('restarted without its data: nothing is taken away by a delta; what it knows by then is told as full', async (t) => {
    const w = await guarded(t)
    await consul.restart({ keepData: false })
    await w.until('a new history', () => count(w, 'full') === 2, 30_000)
    // Whatever a full leaves out is held back by the mesh.
    assert.ok(w.updates.every((update) => update.kind !== 'delta' || update.removed.length === 0))
    await fill()
    await w.until('registered again', () => all(w))
  })

  test('left in the middle of an outage and of a sync, nothing stays open', async () => {
    await proxy.mode('blackhole')
    const w = watch(undefined, { address: proxy.url })
    await w.until('asked', () => proxy.connections() > 0)
    w.stop()
    await w.until('closed', () => proxy.connections() === 0)
    // Longer than the loop below takes to see the question, so that there is no answer yet.
    await proxy.mode({ delay: 1000 })
    const other = watch(undefined, { address: proxy.url })
    await other.until('asked', () => proxy.connections() > 0)
    other.stop()
    await other.until('closed', () => proxy.connections() === 0)
    assert.deepEqual(other.updates, [])
  })
})

suite('Consul with ACLs', () => {
  let secured: ConsulServer
  let acl: ReturnType<typeof catalog>
  before(async () => {
    secured = await startConsul({ acl: true })
    acl = catalog(secured.api)
    await acl.register({ id: 'orders-1', service: 'orders', address: '10.0.0.1' })
    await acl.register({ id: 'payments-1', service: 'payments', address: '10.0.1.1' })
  })
  after(() => secured?.stop())

  const rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'
  async function grant(): Promise<{ token: string; policy: string; accessor: string }> {
    const policy = await secured.api('PUT', '/v1/acl/policy', { Name: `p-${Date.now()}`, Rules: rules })
    const token = await secured.api('PUT', '/v1/acl/token', { Policies: [{ ID: policy.ID }] })
    return { token: token.SecretID, policy: policy.ID, accessor: token.AccessorID }
  }

  test('a token that is deleted, and another one in its file', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'pilothouse-consul-token-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const file = join(directory, 'token')
    const first = await grant()
    writeFileSync(file, first.token)
    const w = watch(t, { address: secured.url, tokenFile: file }, { wait: 300 })
    await w.until('synced', () => w.services.size === 2)
    w.guard({ orders: 1, payments: 1 })
    await secured.api('DELETE', `/v1/acl/token/${first.accessor}`)
    await w.until('trouble', () => w.trouble()?.error.code === 'PH3002')
    assert.ok(!JSON.stringify(w.updates).includes(first.token), 'the token is shown')
    writeFileSync(file, (await grant()).token)
    await w.until('right again', () => !w.trouble())
    await acl.register({ id: 'orders-2', service: 'orders', address: '10.0.0.2' })
    await w.until('follows', () => w.addresses('orders') === BOTH)
    assert.deepEqual(w.lows(), [])
    w.guard({})
    await acl.deregister('orders-2')
  })

  test('without a token: what anybody may read; taken back, nothing is removed', async (t) => {
    const anybody = '/v1/acl/token/00000000-0000-0000-0000-000000000002'
    const allow = (...Policies: object[]) => secured.api('PUT', anybody, { Policies })
    const none = watch(t, { address: secured.url })
    await none.until('refused', () => none.trouble()?.error.code === 'PH3002')
    assert.ok(none.updates.every(({ kind }) => kind === 'trouble'))
    const { policy } = await grant()
    await allow({ ID: policy })
    t.after(() => allow())
    await none.until('allowed', () => none.services.size === 2 && !none.trouble())
    const w = watch(t, { address: secured.url }, { wait: 300 })
    await w.until('synced', () => w.services.size === 2)
    w.guard({ orders: 1, payments: 1 })
    await allow()
    await w.until('refused', () => w.trouble()?.error.code === 'PH3002')
    await acl.register({ id: 'orders-9', service: 'orders', address: '10.0.0.9' })
    await acl.deregister('orders-9')
    await allow({ ID: policy })
    await w.until('right again', () => !w.trouble())
    assert.deepEqual(w.lows(), [])
    assert.equal(count(w, 'full'), 1)
  })

  test('a token that loses its rights sees less: nothing is removed; given back, all is right', async (t) => {
    const { token, policy } = await grant()
    const w = watch(t, { address: secured.url, token }, { wait: 300 })
    await w.until('synced', () => w.services.size === 2)
    w.guard({ orders: 1, payments: 1 })
    const set = (Rules: string) =>
      secured.api('PUT', `/v1/acl/policy/${policy}`, { Name: `q-${policy}`, Rules })
    await set('service "orders" { policy = "read" } node_prefix "" { policy = "read" }')
    await w.until('trouble', () => w.trouble()?.error.code === 'PH3002')
    await set(rules)
    await w.until('right again', () => !w.trouble())
    assert.deepEqual(w.lows(), [])
    assert.equal(count(w, 'full'), 1)
    w.guard({})
    await acl.deregister('payments-1')
    await w.until('a deregistration still counts', () => w.addresses('payments') === undefined)
  })
})
