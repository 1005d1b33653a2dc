/** Several servers: the leader lost, and two datacenters of which one is away. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { until } from '../../support/cleanup.ts'
import { type ConsulServer, startConsul } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { watch } from './watch.ts'

suite('Consul, several servers', () => {
  test('the leader is lost: what a follower said stays, and follows the next leader', async (t) => {
    const leader = await startConsul()
    t.after(() => leader.stop())
    const followers: ConsulServer[] = []
    for (let i = 0; i < 2; i++) {
      const follower = await startConsul({ join: leader })
      t.after(() => follower.stop())
      followers.push(follower)
    }
    await until(
      'three voters',
      async () => {
        const { Servers } = await leader.api('GET', '/v1/operator/raft/configuration')
        return Servers.filter((server: { Voter: boolean }) => server.Voter).length === 3
      },
      60_000,
    )
    const [first, second] = followers as [ConsulServer, ConsulServer]
    await catalog(first.api).register({ id: 'orders-1', service: 'orders', address: '10.0.0.1' })
    const w = watch(t, { address: first.url }, { wait: 1000 })
    const stale = watch(t, { address: second.url, stale: true }, { wait: 1000 })
    await w.until(
      'synced',
      () => w.addresses('orders') === '10.0.0.1' && stale.addresses('orders') === '10.0.0.1',
    )
    w.guard({ orders: 1 })
    stale.guard({ orders: 1 })
    await leader.kill()
    const known = await until(
      'a new leader',
      async () => {
        const address: string = await second.api('GET', '/v1/status/leader')
        return address !== '' && (await second.api('PUT', '/v1/kv/any', 'x'))
      },
      30_000,
    )
    assert.ok(known)
    await catalog(second.api).register({ id: 'orders-2', service: 'orders', address: '10.0.0.2' })
    await w.until(
      'follows the new one',
      () => w.addresses('orders') === '10.0.0.1 10.0.0.2' && !w.trouble(),
      30_000,
    )
    await stale.until(
      'so does the other',
      () => stale.addresses('orders') === '10.0.0.1 10.0.0.2' && !stale.trouble(),
      30_000,
    )
    assert.deepEqual([...w.lows(), ...stale.lows()], [])
    assert.equal([...w.updates, ...stale.updates].filter(({ kind }) => kind === 'full').length, 2)
  })

  test('two datacenters make one service; one away is the trouble of its services alone', async (t) => {
    const dc1 = await startConsul({ datacenter: 'dc1' })
    t.after(() => dc1.stop())
    const dc2 = await startConsul({ datacenter: 'dc2', join: dc1 })
    t.after(() => dc2.stop())
    await until(
      'joined',
      async () => {
        const known: string[] = await dc1.api('GET', '/v1/catalog/datacenters')
        return known.includes('dc2') && (await dc1.api('GET', '/v1/catalog/nodes?dc=dc2'))
      },
      60_000,
    )
    await catalog(dc1.api).register({ id: 'orders-1', service: 'orders', address: '10.1.0.1' })
    await catalog(dc1.api).register({ id: 'local-1', service: 'local', address: '10.1.0.2' })
    await catalog(dc2.api).register({ id: 'orders-2', service: 'orders', address: '10.2.0.1' })
    const w = watch(t, { address: dc1.url, datacenters: ['dc1', 'dc2'] }, { wait: 1000 })
    await w.until('synced', () => w.addresses('orders') === '10.1.0.1 10.2.0.1')
    w.guard({ orders: 2, local: 1 })
    await dc2.kill()
    await w.until('trouble', () => w.updates.some(({ kind }) => kind === 'trouble'))
    const trouble = w.updates.find((update) => update.kind === 'trouble')
    assert.ok(trouble?.kind === 'trouble')
    assert.deepEqual(trouble.services, ['default/orders.service.consul'])
    assert.match(trouble.error.message, /dc2/)
    await catalog(dc1.api).register({ id: 'local-2', service: 'local', address: '10.1.0.3' })
    await w.until('the other one is followed', () => w.addresses('local') === '10.1.0.2 10.1.0.3')
    assert.deepEqual(w.lows(), [])
    await dc2.restart({ keepData: true })
    await catalog(dc2.api).register({ id: 'orders-3', service: 'orders', address: '10.2.0.2' })
    await w.until('right again', () => w.addresses('orders') === '10.1.0.1 10.2.0.1 10.2.0.2', 45_000)
  })
})
