/** VMs that register themselves: a sidecar connects and its workload takes traffic; it leaves and is forgotten in time. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { serviceEntry, testNamespace } from '../support/istio.ts'
import { describe, startLoad } from '../support/traffic.ts'
import { type Bootstrap, type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
const host = 'orders.test.mesh'
const gracePeriod = 3_000
let it: World
let client: TestSidecar
let app: App

const selected = (number: number) =>
  serviceEntry({
    host,
    ports: [{ number, name: 'http', protocol: 'HTTP' }],
    selector: { app: 'orders' },
  })
const group = () => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadGroup',
  metadata: { name: 'orders', namespace: testNamespace },
  spec: { metadata: { labels: { app: 'orders' } }, template: { ports: { http: app.port } } },
})

before(async () => {
  const stateDir = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-state-')), (path) =>
    rm(path, { recursive: true }),
  )
  app = house.add(await startApp({ kind: 'http', name: 'orders' }), (each) => each.stop())
  it = await world(house, {
    files: { services: [selected(80)] },
    settings: (plain) => ({
      ...plain,
      stateDir,
      registries: [...plain.registries, { kind: 'autoregistration', name: 'autoregistration', gracePeriod }],
    }),
  })
  client = await it.sidecar({ name: 'client', ip: it.ip(1) })
})
after(() => house.end())

const vm = (n: number, change: (bootstrap: Bootstrap) => void = () => {}) =>
  it.sidecar({
    name: `vm-${n}`,
    ip: it.ip(n),
    change(bootstrap) {
      bootstrap.node.metadata.AUTO_REGISTER_GROUP = 'orders'
      change(bootstrap)
      return bootstrap
    },
  })
const endpoints = async (): Promise<readonly string[]> =>
  (await it.rest(`/debug/endpointz?service=${host}`)).map((each: Bootstrap) => each.address).sort()
const answers = async () => (await http1({ to: client.outbound, host })).status === 200

test('its group comes later than the sidecar: it waits, then takes traffic', {
  timeout: 60_000,
}, async () => {
  await vm(2)
  assert.deepEqual(await endpoints(), [])
  await it.put('group', group())
  await until('the first answer', answers)
  const [endpoint] = await it.rest(`/debug/endpointz?service=${host}`)
  assert.deepEqual(
    [endpoint.address, endpoint.registry, endpoint.labels.app],
    [it.ip(2), 'autoregistration', 'orders'],
  )
})

test('a restart of the Pilot is not noticed by anybody', { timeout: 120_000 }, async (t) => {
  const load = startLoad({ to: client.outbound, host, inFlight: 4 })
  t.after(() => load.stop())
  for (let round = 0; round < 2; round++) {
    await it.pilot.restart()
    assert.deepEqual(await endpoints(), [it.ip(2)], 'known before its sidecar is back')
    await until(
      'both sidecars to be back',
      async () => (await it.rest('/debug/connections')).totalClients >= 2,
      30_000,
    )
    assert.deepEqual(await endpoints(), [it.ip(2)])
  }
  const counts = await load.stop()
  t.diagnostic(describe(counts))
  assert.equal(counts.failed, 0, describe(counts))
})

test('a sidecar that comes back within the grace was never away', { timeout: 60_000 }, async () => {
  const first = await vm(3)
  await until('two endpoints', async () => (await endpoints()).length === 2)
  let seen = 2
  const watch = setInterval(async () => {
    seen = Math.min(seen, (await endpoints()).length)
  }, 50)
  await first.envoy.kill()
  const second = await vm(3)
  await new Promise((resolve) => setTimeout(resolve, gracePeriod + 500))
  clearInterval(watch)
  assert.equal(seen, 2)
  await second.envoy.kill()
  const killed = performance.now()
  await until('the workload to be gone', async () => (await endpoints()).length === 1)
  assert.ok(performance.now() - killed > gracePeriod - 500, 'not before the grace is over')
  assert.ok(await answers())
})

test('what claims to be another service account than its group says is not registered', {
  timeout: 60_000,
}, async () => {
  const strict = group()
  const template = { ...strict.spec.template, serviceAccount: 'orders' }
  await it.put('group', { ...strict, spec: { ...strict.spec, template } })
  const stranger = await vm(4, ({ node }) => {
    node.metadata.SERVICE_ACCOUNT = 'billing'
  })
  assert.deepEqual(await endpoints(), [it.ip(2)])
  await stranger.envoy.stop()
})

test('a group that is taken away takes its workloads along', { timeout: 60_000 }, async () => {
  await it.remove('group')
  await until('nothing to be left', async () => (await endpoints()).length === 0)
})
