/** Configuration in the KV of a real Consul. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, type TestContext, test } from 'node:test'
import { asyncScheduler } from 'rxjs'
import { consulKvSource } from '#config/sources/consul-kv.ts'
import type { ConfigUpdate } from '#model/config.ts'
import { configKey } from '#model/config.ts'
import { followKv } from '#registries/consul/kv.ts'
import { silentLogger } from '#support/logger.ts'
import { consulSettings } from '../../registries/consul-settings.ts'
import { until } from '../../support/cleanup.ts'
import { type ConsulServer, type FaultProxy, startConsul, startFaultProxy } from '../../testbed/index.ts'
import { timing } from './watch.ts'

let consul: ConsulServer
let proxy: FaultProxy
before(async () => {
  consul = await startConsul({ acl: true })
  proxy = await startFaultProxy(consul.url)
})
after(async () => {
  await proxy?.stop()
  await consul?.stop()
})
const PREFIX = 'pilothouse/config'
const put = (key: string, text: string) => consul.api('PUT', `/v1/kv/${PREFIX}/${key}`, text)
const remove = (key: string) => consul.api('DELETE', `/v1/kv/${PREFIX}/${key}`)
const entry = (name: string, host = `${name}.example.com`) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${host}]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 10.0.0.1 }]
`
beforeEach(async () => {
  await proxy.mode('pass')
  await consul.api('DELETE', `/v1/kv/${PREFIX}?recurse`)
  await put('orders.yaml', `${entry('orders')}---\n${entry('payments')}`)
})

/** `token`: null for none. */
function follow(t: TestContext, token: string | null = consul.token!) {
  const { connection } = consulSettings({ address: proxy.url, ...(token !== null && { token }) })
  const source = consulKvSource(
    { name: `consul-kv/${PREFIX}`, prefix: PREFIX, datacenter: '', connection },
    {
      follow: followKv({ clock: asyncScheduler, timing: { ...timing, wait: 500, timeout: 500 } }),
      log: silentLogger,
    },
  )
  const updates: ConfigUpdate[] = []
  const objects = new Map<string, string>()
  const subscription = source.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'trouble') return
    if (update.kind === 'full') objects.clear()
    else for (const key of update.removed) objects.delete(key)
    for (const object of update.kind === 'full' ? update.objects : update.changed)
      objects.set(configKey(object), JSON.stringify(object.spec))
  })
  t.after(() => subscription.unsubscribe())
  return {
    source,
    updates,
    objects,
    names: () =>
      [...objects.keys()]
        .map((key) => key.split('/')[2])
        .sort()
        .join(' '),
    issues: () => updates.flatMap((u) => (u.kind === 'trouble' ? [] : [u.issues])).at(-1) ?? [],
    trouble: () => {
      const last = updates.at(-1)
      return last?.kind === 'trouble' ? last : undefined
    },
    stop: () => subscription.unsubscribe(),
  }
}
const soon = (what: string, holds: () => unknown) => until(what, holds, 15_000)

suite('Consul KV', () => {
  test('written, changed, broken, corrected, deleted: each told; a broken key keeps its last good content', async (t) => {
    const f = follow(t)
    await soon('synced', () => f.names() === 'orders payments')
    await put(
      'deep/er/more.json',
      JSON.stringify({
        apiVersion: 'networking.istio.io/v1',
        kind: 'ServiceEntry',
        metadata: { name: 'more' },
        spec: { hosts: ['more.example.com'], resolution: 'DNS', ports: [{ number: 80, name: 'http' }] },
      }),
    )
    await soon('JSON', () => f.names() === 'more orders payments')
    await put('orders.yaml', `${entry('orders', 'new.example.com')}---\n${entry('payments')}`)
    await soon('changed', () => f.objects.get('ServiceEntry/default/orders')?.includes('new.example.com'))
    await put('orders.yaml', `${entry('orders')}\nspec: [broken`)
    await soon('an issue', () => f.issues().some((i) => i.at?.startsWith(`consul-kv/${PREFIX}/orders.yaml:`)))
    assert.equal(f.names(), 'more orders payments')
    await put('orders.yaml', entry('orders'))
    await soon('corrected', () => f.names() === 'more orders' && f.issues().length === 0)
    await remove('deep/er/more.json')
    await soon('deleted', () => f.names() === 'orders')
    assert.ok(f.updates.slice(1).every(({ kind }) => kind === 'delta'))
  })

  test('folders, locks and keys beside the prefix are nothing', async (t) => {
    await put('folder/', '')
    await put('.lock', 'mine')
    await consul.api('PUT', `/v1/kv/${PREFIX}-other/x`, entry('other'))
    await consul.api('PUT', `/v1/kv/${PREFIX}/sem?flags=3304740253564472344`, 'x')
    const f = follow(t)
    await soon('synced', () => f.names() === 'orders payments')
    assert.deepEqual(f.issues(), [])
  })

  test('no key at all is a fact at the start', async (t) => {
    await consul.api('DELETE', `/v1/kv/${PREFIX}?recurse`)
    const f = follow(t)
    await soon('synced', () => f.updates.length > 0)
    assert.deepEqual(f.updates, [{ kind: 'full', objects: [], issues: [] }])
  })

  test('shared: who comes later hears a full; the last who leaves closes it', async (t) => {
    const f = follow(t)
    await soon('synced', () => f.names() === 'orders payments')
    const late: ConfigUpdate[] = []
    const other = f.source.updates.subscribe((update) => late.push(update))
    assert.equal(late[0]?.kind, 'full')
    assert.equal(proxy.connections(), 1)
    f.stop()
    other.unsubscribe()
    await soon('closed', () => proxy.connections() === 0)
  })

  for (const [name, mode] of [
    ['answers 500', { status: 500 }],
    ['answers 403', { status: 403 }],
    ['answers garbage', 'garbage'],
    ['cuts its answer off', 'truncate'],
    ['is away', 'refuse'],
    ['says nothing', 'blackhole'],
    [
      'filters everything',
      {
        rewrite: (_: unknown, { headers }: { headers: object }) => ({
          status: 404,
          body: '',
          headers: { ...headers, 'x-consul-results-filtered-by-acls': 'true' },
        }),
      },
    ],
    [
      'has lost its data (index backwards, no keys)',
      {
        rewrite: (_: unknown, { headers }: { headers: object }) => ({
          status: 404,
          body: '',
          headers: { ...headers, 'x-consul-index': '1' },
        }),
      },
    ],
  ] as const)
    test(`Consul ${name}: all stays, and comes right afterwards`, async (t) => {
      const f = follow(t)
      await soon('synced', () => f.names() === 'orders payments')
      await proxy.mode(mode as Parameters<FaultProxy['mode']>[0])
      proxy.cut()
      await soon('trouble', () => f.trouble())
      assert.equal(f.names(), 'orders payments')
      await proxy.mode('pass')
      await put('more.yaml', entry('more'))
      await soon('right again', () => f.names() === 'more orders payments' && !f.trouble())
    })

  test('a token that may not read the prefix: trouble, no empty full', async (t) => {
    const policy = await consul.api('PUT', '/v1/acl/policy', {
      Name: `none-${Date.now()}`,
      Rules: 'key_prefix "a" { policy = "read" }',
    })
    const { SecretID } = await consul.api('PUT', '/v1/acl/token', { Policies: [{ ID: policy.ID }] })
    const f = follow(t, SecretID)
    await soon('trouble', () => f.trouble()?.error.code === 'PH3002')
    assert.deepEqual(
      f.updates.map(({ kind }) => kind),
      ['trouble'],
    )
  })

  test('without a token: what nobody may read any more was not deleted', async (t) => {
    const anybody = '/v1/acl/token/00000000-0000-0000-0000-000000000002'
    const allow = (...Policies: object[]) => consul.api('PUT', anybody, { Policies })
    const Rules = `key_prefix "${PREFIX}" { policy = "read" }`
    const { ID } = await consul.api('PUT', '/v1/acl/policy', { Name: `any-${Date.now()}`, Rules })
    await allow({ ID })
    t.after(() => allow())
    const f = follow(t, null)
    await soon('synced', () => f.names() === 'orders payments')
    await allow()
    await soon('trouble', () => f.trouble()?.error.code === 'PH3002')
    assert.equal(f.names(), 'orders payments')
    await allow({ ID })
    await put('more.yaml', entry('more'))
    await soon('right again', () => f.names() === 'more orders payments' && !f.trouble())
    await remove('orders.yaml')
    await soon('a deletion still counts', () => f.names() === 'more')
  })
})
