/** Consul by a client agent; nodes whose agent fails or leaves, and nodes that have none. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { cleanup } from '../../support/cleanup.ts'
import { type ConsulServer, type FaultProxy, startConsul, startFaultProxy } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { watch } from './watch.ts'

const house = cleanup()
let server: ConsulServer
let agent: ConsulServer
let proxy: FaultProxy
let write: ReturnType<typeof catalog>
before(async () => {
  server = house.add(await startConsul(), (it) => it.stop())
  agent = house.add(await startConsul({ server: false, join: server }), (it) => it.stop())
  proxy = house.add(await startFaultProxy(agent.url), (it) => it.stop())
  write = catalog(server.api)
})
after(() => house.end())

suite('Consul, client agents', () => {
  test('by a client agent: told as by a server; servers lost and back', async (t) => {
    await write.register({ id: 'orders-1', service: 'orders', address: '10.0.0.1' })
    const names = async (query: string): Promise<string[]> =>
      Object.keys(await agent.api('GET', `/v1/catalog/services${query}`))
    const cached = await names('?cached')
    const w = watch(t, { address: proxy.url }, { wait: 1000 })
    await w.until('synced', () => w.addresses('orders') === '10.0.0.1')
    w.guard({ orders: 1 })
    await write.register({ id: 'cart-1', service: 'cart', address: '10.0.2.1' })
    await w.until('told', () => w.addresses('cart') === '10.0.2.1')
    // Why nothing is asked of the agent's cache: hashicorp/consul#8980.
    const now = await names('?cached')
    t.diagnostic(`its cache had ${cached}, and has ${now}, when Consul has ${await names('')}`)
    assert.equal(
      proxy.requests(({ path }) => /[?&]cached/.test(path)),
      0,
    )
    await write.deregister('cart-1')
    await w.until('gone', () => w.service('cart') === undefined)

    await server.kill()
    await w.until('trouble', () => w.trouble(), 30_000)
    await server.restart({ keepData: true })
    await write.register({ id: 'orders-2', service: 'orders', address: '10.0.0.2' })
    await w.until('right again', () => w.addresses('orders') === '10.0.0.1 10.0.0.2' && !w.trouble(), 30_000)
    assert.deepEqual(w.lows(), [])
    assert.equal(w.updates.filter(({ kind }) => kind === 'full').length, 1)
  })

  test('an external node: its health is that of the checks that are written for it', async (t) => {
    await write.node('legacy', '10.7.0.1', { 'external-node': 'true', 'external-probe': 'true', zone: 'z7' })
    await write.register({ id: 'db-1', service: 'db', node: 'legacy', port: 5432 })
    const w = watch(t, { address: proxy.url })
    await w.until('synced', () => w.addresses('db') === '10.7.0.1' && w.health('db') === 'HEALTHY')
    assert.equal(w.service('db')?.endpoints[0]?.locality?.zone, 'z7')
    await write.nodeCheck('legacy', 'externalNodeHealth', 'critical')
    await w.until('it does not answer', () => w.health('db') === 'UNHEALTHY')
    await write.nodeCheck('legacy', 'externalNodeHealth', 'passing')
    await w.until('it answers', () => w.health('db') === 'HEALTHY')
    await write.removeNode('legacy')
    await w.until('gone', () => w.service('db') === undefined)
  })

  test('an agent that fails leaves what is registered with it unhealthy; one that leaves takes it along', async (t) => {
    const w = watch(t, { address: proxy.url })
    const [failing, leaving] = await Promise.all(
      ['cart', 'stock'].map(async (Name) => {
        const started = await startConsul({ server: false, join: server })
        t.after(() => started.stop())
        await started.api('PUT', '/v1/agent/service/register', { Name, Address: '10.6.0.1', Port: 80 })
        await w.until('synced', () => w.health(Name) === 'HEALTHY')
        return started
      }),
    )
    await failing!.kill()
    // Gossip suspects a node for some seconds before it is failed.
    await w.until('serfHealth is critical', () => w.health('cart') === 'UNHEALTHY', 60_000)
    await failing!.restart({ keepData: true })
    await w.until('alive again', () => w.health('cart') === 'HEALTHY', 60_000)
    await leaving!.api('PUT', '/v1/agent/leave')
    // An agent that has just come may write itself once more after its leave: Consul reaps it after a minute.
    await w.until('left', () => w.service('stock') === undefined, 90_000)
  })
})
