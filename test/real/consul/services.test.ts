/** One real Consul in good hours: what is told of which change, how soon, and for how many requests. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, test } from 'node:test'
import { type ConsulServer, type FaultProxy, startConsul, startFaultProxy } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { watch } from './watch.ts'

let consul: ConsulServer
let proxy: FaultProxy
let write: ReturnType<typeof catalog>
before(async () => {
  consul = await startConsul({ unixSocket: true })
  proxy = await startFaultProxy(consul.url)
  write = catalog(consul.api)
})
after(async () => {
  await proxy?.stop()
  await consul?.stop()
})

/** Every test finds orders at 10.0.0.1 and 10.0.0.2 and payments at 10.0.1.1, and nothing else. */
beforeEach(async () => {
  await proxy.mode('pass')
  await write.clear()
  await write.register({ id: 'orders-1', service: 'orders', address: '10.0.0.1', port: 8080 })
  await write.register({
    id: 'orders-2',
    service: 'orders',
    address: '10.0.0.2',
    port: 8080,
    status: 'passing',
  })
  await write.register({ id: 'payments-1', service: 'payments', address: '10.0.1.1', port: 8081 })
  proxy.forget()
})
const BOTH = '10.0.0.1 10.0.0.2'

suite('Consul, one server', () => {
  test('registered and deregistered: told by a delta within 250 ms, with few requests', async (t) => {
    const w = watch(t, { address: proxy.url })
    await w.until('synced', () => w.addresses('orders') === BOTH && w.addresses('payments') === '10.0.1.1')
    const told: number[] = []
    for (let i = 0; i < 10; i++) {
      const status = i % 2 ? 'passing' : undefined
      await write.register({
        id: 'orders-3',
        service: 'orders',
        address: '10.0.0.3',
        port: 8080,
        ...(status && { status }),
      })
      let since = performance.now()
      await w.until('registered', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
      told.push(performance.now() - since)
      await write.deregister('orders-3')
      since = performance.now()
      await w.until('deregistered', () => w.addresses('orders') === BOTH)
      told.push(performance.now() - since)
    }
    t.diagnostic(`told after ${told.map((ms) => ms.toFixed(0)).join(', ')} ms`)
    assert.ok(Math.max(...told) < 1000)
    assert.ok(w.updates.slice(1).every((update) => update.kind === 'delta'))
    assert.ok(
      w.updates
        .slice(1)
        .every((u) => u.kind === 'delta' && u.changed.every((s) => s.hostname.startsWith('orders.'))),
    )
  })

  test('each kind of change is found, whichever signal tells it', async (t) => {
    const w = watch(t, { address: proxy.url })
    const endpoint = (i = 0) => w.service('orders')?.endpoints[i]
    await w.until('synced', () => w.addresses('orders') === BOTH)
    await write.register({ id: 'orders-1', service: 'orders', address: '10.0.0.1', port: 9090 })
    await w.until('port', () => endpoint()?.ports.default === 9090)
    await write.register({
      id: 'orders-1',
      service: 'orders',
      address: '10.0.0.1',
      port: 9090,
      meta: { version: 'v2' },
    })
    await w.until('metadata', () => endpoint()?.labels.version === 'v2')
    await write.register({ id: 'orders-1', service: 'orders', port: 9090, tags: ['blue', 'track=canary'] })
    await w.until('tags, and the node address in place of its own', () => {
      const { address, labels = {} } =
        w.service('orders')?.endpoints.find((e) => e.workload === 'orders-1') ?? {}
      return address === '10.9.9.9' && labels.blue === 'true' && labels.track === 'canary'
    })
    await write.node('n1', '10.8.8.8', { zone: 'z1', region: 'r1' })
    await w.until('the node has another address and a locality', () => {
      const found = w.service('orders')?.endpoints.find((e) => e.workload === 'orders-1')
      return found?.address === '10.8.8.8' && found.locality?.region === 'r1' && found.locality.zone === 'z1'
    })
    await write.check('orders-2', 'warning')
    await w.until('warning', () => w.health('orders') === 'HEALTHY DEGRADED')
    await write.check('orders-2', 'critical')
    await w.until('critical', () => w.health('orders') === 'HEALTHY UNHEALTHY')
    const before = w.updates.length
    await write.check('orders-2', 'critical', 'the same, in other words')
    await write.check('orders-2', 'passing')
    await w.until('passing', () => w.health('orders') === 'HEALTHY HEALTHY')
    assert.equal(w.updates.length, before + 1, 'a changed output is told')
    await write.nodeCheck('n1', 'serfHealth', 'critical')
    await w.until(
      'a dead node',
      () => w.health('orders') === 'UNHEALTHY UNHEALTHY' && w.health('payments') === 'UNHEALTHY',
    )
    await write.nodeCheck('n1', 'serfHealth', 'passing')
    await w.until(
      'alive again',
      () => w.health('orders') === 'HEALTHY HEALTHY' && w.health('payments') === 'HEALTHY',
    )
    await write.removeNode('n1')
    await w.until('the node is deregistered', () => w.services.size === 0)
    assert.ok(w.updates.slice(1).every((update) => update.kind === 'delta'))
  })

  test('maintenance of a service and of a node drains', async (t) => {
    const name = `own-${Date.now()}`
    await consul.api('PUT', '/v1/agent/service/register', {
      ID: 'own-1',
      Name: name,
      Address: '10.0.5.1',
      Port: 80,
    })
    t.after(() => consul.api('PUT', '/v1/agent/service/deregister/own-1'))
    const w = watch(t, { address: proxy.url })
    await w.until('synced', () => w.health(name) === 'HEALTHY')
    for (const path of ['/v1/agent/service/maintenance/own-1', '/v1/agent/maintenance']) {
      await consul.api('PUT', `${path}?enable=true&reason=test`)
      await w.until('in maintenance', () => w.health(name) === 'DRAINING')
      await consul.api('PUT', `${path}?enable=false`)
      await w.until('back', () => w.health(name) === 'HEALTHY')
    }
  })

  test('many written at once, also by one transaction, are all found', async (t) => {
    const w = watch(t, { address: proxy.url })
    await w.until('synced', () => w.addresses('orders') === BOTH)
    const services = Array.from({ length: 30 }, (_, i) => `many-${i}`)
    const set = (port: number) =>
      consul.api(
        'PUT',
        '/v1/txn',
        services.map((name) => ({
          Service: {
            Verb: 'set',
            Node: 'n1',
            Service: { ID: name, Service: name, Address: '10.0.7.1', Port: port },
          },
        })),
      )
    const ports = () => new Set(services.map((name) => w.service(name)?.endpoints[0]?.ports.default))
    await set(81)
    await w.until('registered', () => ports().size === 1 && ports().has(81))
    await set(82)
    await w.until('changed', () => ports().size === 1 && ports().has(82))
    await Promise.all(services.map((name) => write.deregister(name)))
    await w.until('gone', () => services.every((name) => w.service(name) === undefined))
  })

  test('at rest: four questions for each time that a query blocks, whatever the number of services', async (t) => {
    const w = watch(t, { address: proxy.url }, { wait: 500 })
    await w.until('synced', () => w.addresses('orders') === BOTH)
    await w.until(
      'the first blocking queries are out',
      () => proxy.requests(({ path }) => path.includes('index=')) >= 4,
    )
    const first = proxy.requests()
    await w.until('a few rounds', () => proxy.requests() >= first + 12)
    const paths = new Set(proxy.log.slice(first).map(({ path }) => path.replace(/\?.*/, '')))
    assert.deepEqual([...paths].sort(), [
      '/v1/catalog/nodes',
      '/v1/catalog/services',
      '/v1/health/state/critical',
      '/v1/health/state/warning',
    ])
    assert.equal(w.updates.length, 1)
    assert.ok(proxy.connections() <= 8, `${proxy.connections()} connections`)
    w.stop()
    await w.until('all sockets are closed', () => proxy.connections() === 0)
  })

  test('proxies and gateways are no services; consul itself is one if asked for', async (t) => {
    for (const kind of [
      'connect-proxy',
      'mesh-gateway',
      'terminating-gateway',
      'ingress-gateway',
      'api-gateway',
    ])
      await write.register({
        id: kind,
        service: kind,
        address: '10.0.3.1',
        kind,
        ...(kind === 'connect-proxy' && { more: { Proxy: { DestinationServiceName: 'orders' } } }),
      })
    const w = watch(t, { address: proxy.url })
    const all = watch(t, { address: proxy.url, includeConsul: true })
    await w.until('synced', () => w.updates.length > 0 && all.updates.length > 0)
    const names = (it: typeof w) =>
      [...it.services.values()].map(({ hostname }) => hostname.split('.')[0]).sort()
    assert.deepEqual(names(w), ['orders', 'payments'])
    assert.deepEqual(names(all), ['consul', 'orders', 'payments'])
  })

  test('tagged addresses, weights, several ports, names for addresses, tags that filter', async (t) => {
    await write.register({
      id: 'web-1',
      service: 'web',
      address: '10.0.0.9',
      tags: ['public'],
      weights: { Passing: 7, Warning: 2 },
      status: 'warning',
      more: { TaggedAddresses: { wan: { Address: '198.51.100.9', Port: 1234 } } },
    })
    await write.register({ id: 'web-2', service: 'web', address: '10.0.0.10', tags: ['public', 'old'] })
    await write.register({ id: 'ext-1', service: 'ext', address: 'api.example.com', port: 443 })
    const tags = { include: ['public'], exclude: ['old'] }
    const wan = watch(t, { address: proxy.url, taggedAddress: 'wan', tags })
    await wan.until('synced', () => wan.services.size === 1)
    const [endpoint] = wan.service('web')!.endpoints
    assert.deepEqual(
      [endpoint!.address, endpoint!.ports, endpoint!.weight, endpoint!.health],
      ['198.51.100.9', { default: 1234 }, 2, 'DEGRADED'],
    )
    const w = watch(t, { address: proxy.url })
    await w.until('synced', () => w.addresses('ext') === 'api.example.com')
    assert.equal(w.service('ext')?.resolution, 'DNS')
    assert.equal(w.service('web')?.resolution, 'STATIC')
  })

  test('by a Unix socket', async (t) => {
    const w = watch(t, { address: `unix://${consul.socketPath}` })
    await w.until('synced', () => w.addresses('orders') === BOTH)
    await write.deregister('orders-1')
    await w.until('told', () => w.addresses('orders') === '10.0.0.2')
  })

  test('a namespace is asked of a Consul that has none: said, and nothing is served', async (t) => {
    const w = watch(t, { address: proxy.url, consulNamespace: 'team-a', partition: 'east' })
    await w.until('trouble', () => w.trouble())
    assert.equal(w.trouble()?.error.code, 'PH3008')
    assert.match(w.trouble()!.error.remedy, /Enterprise/)
    const named = ({ path }: { path: string }) => /[?&]ns=team-a&partition=east\b/.test(path)
    assert.ok(proxy.log.every(named), 'each question names both')
  })
})
