/** What is asked again, and what never is: two workloads with sidecars, one of which fails in different ways. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { serviceEntry } from '../support/istio.ts'
import { type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
const host = 'retried.test.mesh'
let it: World
let client: TestSidecar
let first: { app: App; sidecar: TestSidecar }
let second: { app: App; sidecar: TestSidecar }

before(async () => {
  it = await world(house)
  const workload = async (name: string, ip: string) => {
    const app = house.add(await startApp({ kind: 'http', name }), (each) => each.stop())
    return { app, endpoint: { address: ip, ports: { http: app.port } } }
  }
  const [one, two] = [await workload('one', it.ip(2)), await workload('two', it.ip(3))]
  const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }]
  await it.put('service', serviceEntry({ host, ports, endpoints: [one.endpoint, two.endpoint] }))
  first = { app: one.app, sidecar: await it.sidecar({ name: 'one', ip: it.ip(2) }) }
  second = { app: two.app, sidecar: await it.sidecar({ name: 'two', ip: it.ip(3) }) }
  client = await it.sidecar({ name: 'client', ip: it.ip(1) })
  await until('both to answer', async () => {
    for (let i = 0; i < 10; i++) await ask('GET')
    return first.app.count() > 0 && second.app.count() > 0
  })
})
after(() => house.end())

const ask = async (method: string, path = '/') =>
  (await http1({ to: client.outbound, host, method, path })).status
const requests = () => first.app.count() + second.app.count()

test('a POST that the application itself answers with 503 is not sent again; a GET is', async () => {
  const before = requests()
  assert.equal(await ask('POST', '/?status=503'), 503)
  assert.equal(requests() - before, 1)
  assert.equal(await ask('GET', '/?status=503'), 503)
  assert.equal(requests() - before, 1 + 3)
})

test('the application is gone, its sidecar is not: every POST gets to the other one', async () => {
  await first.app.stop()
  for (let i = 0; i < 30; i++) assert.equal(await ask('POST'), 200)
})

test('a workload dies with its sidecar over requests that only read: all of them are answered', async (t) => {
  const revived = house.add(
    await startApp({ kind: 'http', name: 'one again', port: first.app.port }),
    (each) => each.stop(),
  )
  const slow = () => Promise.all(Array.from({ length: 20 }, () => ask('GET', '/?delay=300')))
  const before = revived.count()
  const statuses = slow()
  await until('some to be on their way to it', () => Promise.resolve(revived.count() > before))
  await first.sidecar.envoy.kill()
  assert.deepEqual([...new Set(await statuses)], [200])
  t.diagnostic(`${revived.count() - before} of 20 requests were cut off and answered by the other`)
})
