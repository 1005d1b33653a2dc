/** Applications that register themselves, by Spring Cloud's client: what it makes of its properties, and its life. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import type { Service } from '#model/service.ts'
import { call, type EurekaClient, startEurekaClient } from '../../testbed/index.ts'
import { startTracked, type TrackedEureka } from './tracked.ts'
import { watch } from './watch.ts'

let eureka: TrackedEureka
/** By its IP address, with a health check. */
let orders: EurekaClient
/** By its hostname, TLS only, UP when it says so. */
let billing: EurekaClient

before(async () => {
  eureka = await startTracked()
  ;[orders, billing] = await Promise.all([
    startEurekaClient({
      eureka,
      name: 'orders',
      instanceId: 'orders-1',
      properties: {
        'eureka.instance.prefer-ip-address': true,
        'eureka.instance.ip-address': '127.0.0.2',
        'eureka.instance.hostname': 'orders.example',
        'eureka.instance.metadata-map.version': 'v1',
        'eureka.instance.metadata-map.zone': 'zone-a',
        'eureka.instance.metadata-map.region': 'eu',
        'eureka.instance.metadata-map.weight': 3,
        'eureka.client.healthcheck.enabled': true,
      },
    }),
    startEurekaClient({
      eureka,
      name: 'Billing_Service',
      instanceId: 'billing-1',
      tls: true,
      properties: {
        'eureka.instance.ip-address': '127.0.0.2',
        'eureka.instance.hostname': 'localhost',
        'eureka.instance.secure-port-enabled': true,
        'eureka.instance.non-secure-port-enabled': false,
        // 0: it becomes the one that its server got.
        'eureka.instance.secure-port': 0,
        'eureka.instance.initial-status': 'STARTING',
      },
    }),
  ])
})
after(async () => {
  await Promise.all([orders?.stop(), billing?.stop()])
  await eureka?.stop()
})

const health = (service: Service | undefined) => service?.endpoints.map((endpoint) => endpoint.health).join()

suite('Eureka, applications of Spring Cloud', () => {
  test('name, port, address, labels, locality and weight are what its properties say, and it answers there', async (t) => {
    const w = watch(t, eureka.url)
    await w.until('UP', () => health(w.service('orders')) === 'HEALTHY')
    const service = w.service('orders')!
    const { origin, registry, ...endpoint } = service.endpoints[0]!
    assert.equal(service.hostname, 'orders')
    assert.equal(service.resolution, 'STATIC')
    assert.deepEqual(service.ports, [{ name: 'default', port: orders.port, protocol: 'AUTO' }])
    assert.deepEqual(endpoint, {
      address: '127.0.0.2',
      ports: { default: orders.port },
      health: 'HEALTHY',
      weight: 3,
      locality: { region: 'eu', zone: 'zone-a', subzone: '' },
      labels: { version: 'v1', zone: 'zone-a', region: 'eu', weight: '3' },
      network: '',
      serviceAccount: '',
      workload: 'orders-1',
    })
    assert.equal(origin.object, 'Instance/ORDERS/orders-1')
    const answer = await call('GET', `http://${endpoint.address}:${endpoint.ports.default}/`)
    assert.equal(answer.text, 'orders-1')
  })

  test('the secure port alone, STARTING until it is UP, by address or by name, and it answers there', async (t) => {
    const byIp = watch(t, eureka.url)
    const byName = watch(t, eureka.url, { preferIpAddress: false })
    for (const w of [byIp, byName])
      await w.until('STARTING', () => health(w.service('billing_service')) === 'UNHEALTHY')
    await billing.status('UP')
    for (const w of [byIp, byName])
      await w.until('UP', () => health(w.service('billing_service')) === 'HEALTHY')
    assert.equal(byIp.addresses('billing_service'), '127.0.0.2')
    assert.equal(byName.addresses('billing_service'), 'localhost')
    assert.equal(byName.addresses('orders'), '127.0.0.2', 'prefer-ip-address of the application counts')
    const { ports, endpoints, resolution } = byName.service('billing_service')!
    assert.equal(resolution, 'DNS')
    assert.deepEqual(ports, [{ name: 'https', port: billing.port, protocol: 'HTTPS' }])
    const ca = await readFile(billing.certificates!.ca, 'utf8')
    const { address, ports: at } = endpoints[0]!
    assert.equal((await call('GET', `https://${address}:${at.https}/`, { ca })).text, 'billing-1')
  })

  test('what its health check gives; Spring itself makes DOWN of OUT_OF_SERVICE', async (t) => {
    const w = watch(t, eureka.url)
    for (const [said, expected] of [
      ['UP', 'HEALTHY'],
      ['DOWN', 'UNHEALTHY'],
      ['UP', 'HEALTHY'],
      ['OUT_OF_SERVICE', 'UNHEALTHY'],
      ['UP', 'HEALTHY'],
    ] as const) {
      await orders.health(said)
      await w.until(`${said} is ${expected}`, () => health(w.service('orders')) === expected)
    }
  })

  test('taken out of service by its actuator or at the server: draining, until that is taken back', async (t) => {
    const w = watch(t, eureka.url)
    const is = (expected: string) => w.until(expected, () => health(w.service('orders')) === expected)
    await is('HEALTHY')
    await orders.override('OUT_OF_SERVICE')
    await is('DRAINING')
    const renewal = async (): Promise<number> => {
      const { instance } = await eureka.api('GET', '/apps/ORDERS/orders-1')
      return instance.leaseInfo.lastRenewalTimestamp
    }
    const before = await renewal()
    await w.until('renewed', async () => (await renewal()) > before)
    assert.equal(health(w.service('orders')), 'DRAINING', 'its own word does not end it')
    await orders.override('CANCEL_OVERRIDE')
    await is('HEALTHY')
    await eureka.override('ORDERS', 'orders-1', 'OUT_OF_SERVICE')
    await is('DRAINING')
    await eureka.override('ORDERS', 'orders-1', undefined)
    await is('HEALTHY')
  })

  test('shut down in good order: gone at the next look, nobody else is', async (t) => {
    const w = watch(t, eureka.url)
    await w.until('synced', () => w.service('orders') && w.service('billing_service'))
    w.guard({ billing_service: 1 })
    await orders.stop()
    const since = performance.now()
    await w.until('gone', () => w.service('orders') === undefined)
    t.diagnostic(`gone ${(performance.now() - since).toFixed(0)} ms after it ended`)
    assert.deepEqual(w.lows(), [])
    w.guard({})
    await billing.stop()
    await w.until('the last one too', () => w.service('billing_service') === undefined)
    assert.ok(w.updates.slice(1).every(({ kind }) => kind === 'delta'))
  })
})
