import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import type { DemandUpdate } from '#model/load.ts'
import type { MeshService } from '#model/mesh.ts'
import { watchDemand } from '#src/load/demand.ts'
import type { LoadReport } from '#xds/server/index.ts'
import { endpoint, port, service } from '../generate/fixtures.ts'
import { cluster, report, to } from './reports.ts'

const at = (zone: string) => ({ locality: { region: 'r', zone, subzone: '' } })
const orders = service(
  'orders.test',
  [port(80, 'HTTP'), port(90, 'TCP')],
  [endpoint('10.0.0.1', at('a')), endpoint('10.0.0.2', at('b'))],
)
const name = 'outbound|80||orders.test'

/** Clients of zones a and b with so many requests in two seconds. */
const clients = (a: number, b: number, of = name): LoadReport[] => [
  report('a', 'r/a', cluster(of, to('r/a', a))),
  report('b', 'r/b', cluster(of, to('r/b', b))),
]

function watched(...services: MeshService[]) {
  const clock = new VirtualTimeScheduler()
  const mesh = new Map(services.map((each) => [each.attributes.key, each]))
  let latest: readonly LoadReport[] = []
  const seen: DemandUpdate[] = []
  const begin = () =>
    watchDemand({
      latest: () => latest,
      services: () => mesh,
      interval: 30_000,
      threshold: 0.05,
      clock,
    }).subscribe((update) => void seen.push(update))
  return {
    begin,
    mesh,
    seen,
    say: (reports: readonly LoadReport[]) => (latest = reports),
    /** So many intervals later. */
    async later(times = 1) {
      clock.maxFrames = clock.frame + 30_000 * times
      clock.flush()
    },
    now: (of = 80, key = 'orders.test') => {
      const demand = seen.at(-1)?.demands.get(key)?.get(of)
      return demand && Object.fromEntries(demand)
    },
  }
}

test('looked at when subscribed to, then at the interval; told only where requests move', async () => {
  const it = watched(orders)
  it.say(clients(6000, 2000))
  const watching = it.begin()
  assert.deepEqual(it.now(), { 'r/a': 3000, 'r/b': 1000 })
  assert.deepEqual([...it.seen[0]!.changed], ['orders.test'])
  assert.equal(it.seen[0]!.demands.get('orders.test')?.get(90), undefined)

  await it.later(3)
  assert.equal(it.seen.length, 1, 'nothing has changed')
  it.say(clients(6100, 1950))
  await it.later(10)
  assert.equal(it.seen.length, 1, 'less than the threshold')
  it.say(clients(2000, 6000))
  await it.later()
  assert.equal(it.seen.length, 2)
  watching.unsubscribe()
  it.say(clients(6000, 2000))
  await it.later(5)
  assert.equal(it.seen.length, 2)
})

test('smoothed: a change comes in steps, and ends where it should', async () => {
  const it = watched(orders)
  it.say(clients(6000, 2000))
  it.begin()
  it.say(clients(2000, 6000))
  await it.later()
  assert.deepEqual(it.now(), { 'r/a': 2000, 'r/b': 2000 })
  await it.later(20)
  const { 'r/a': a, 'r/b': b } = it.now()!
  assert.ok(Math.abs(b! / a! - 3) < 0.4, `${a} and ${b}`)
  assert.ok(it.seen.length <= 5, `${it.seen.length} changes`)
})

test('few requests prove nothing: what chance can make moves no weight', async () => {
  const it = watched(orders)
  it.say(clients(6, 2))
  it.begin()
  for (let i = 0; i < 50; i++) {
    it.say(clients(2 + (i % 7), 8 - (i % 5)))
    await it.later()
  }
  assert.equal(it.seen.length, 0)
})

test('no reports: forgotten, so that weights are by capacity again', async () => {
  const it = watched(orders)
  it.say(clients(6000, 2000))
  it.begin()
  it.say([])
  await it.later()
  assert.equal(it.seen.length, 1, 'a gap in the reports changes nothing')
  await it.later(30)
  assert.equal(it.now(), undefined)
  assert.deepEqual([...it.seen[1]!.changed], ['orders.test'])
  assert.equal(it.seen.length, 2)
})

const twin = { ...orders, attributes: { ...orders.attributes, key: 'shop/orders.test' } }
const withoutPort = { ...orders, attributes: { ...orders.attributes, ports: [port(90, 'TCP')] } }
/** What happens to a service with a demand for one look, and how it ends. */
const losses: readonly (readonly [string, (mesh: Map<string, MeshService>) => void])[] = [
  ['the service is gone', (mesh) => mesh.delete('orders.test')],
  ['its port is gone', (mesh) => mesh.set('orders.test', withoutPort)],
  ['another has its hostname', (mesh) => mesh.set('shop/orders.test', twin)],
]
for (const [what, lose] of losses) {
  test(`${what}: forgotten, and told so`, async () => {
    const it = watched(orders)
    it.say(clients(6000, 2000))
    it.begin()
    lose(it.mesh)
    await it.later()
    assert.equal(it.now(), undefined)
    assert.deepEqual([...it.seen[1]!.changed], ['orders.test'])
    await it.later(3)
    assert.equal(it.seen.length, 2, 'told once')
  })

  test(`${what} for one look: without reports by capacity, with reports as before`, async () => {
    for (const reports of [[], clients(6000, 2000)]) {
      const it = watched(orders)
      it.say(clients(6000, 2000))
      it.begin()
      lose(it.mesh)
      await it.later()
      it.mesh.delete('shop/orders.test')
      it.mesh.set('orders.test', orders)
      it.say(reports)
      await it.later(30)
      assert.deepEqual(it.now(), reports.length === 0 ? undefined : { 'r/a': 3000, 'r/b': 1000 })
      assert.deepEqual([...it.seen.at(-1)!.changed], ['orders.test'])
    }
  })
}

test('one port is forgotten, the demand of another stays the same object', async () => {
  const other = 'outbound|90||orders.test'
  const it = watched(orders)
  it.say([...clients(6000, 2000), ...clients(3000, 1000, other)])
  it.begin()
  const before = it.seen[0]!.demands.get('orders.test')!.get(90)
  it.mesh.set('orders.test', withoutPort)
  await it.later()
  assert.deepEqual([...it.seen[1]!.demands.get('orders.test')!], [[90, before]])
  assert.equal(it.seen[1]!.demands.get('orders.test')!.get(90), before)
})

test('only what the mesh has, and a hostname that one service has', async () => {
  const private_ = { ...orders, attributes: { ...orders.attributes, key: 'shop/orders.test' } }
  const it = watched(orders, private_)
  it.say([...clients(6000, 2000), ...clients(6000, 2000, 'outbound|80||no.test')])
  it.begin()
  assert.equal(it.seen.length, 0)
  it.mesh.delete('shop/orders.test')
  await it.later()
  assert.equal(it.seen.length, 1)
  it.mesh.delete('orders.test')
  await it.later()
  it.mesh.set('other.test', service('other.test', [port(80, 'HTTP')], orders.endpoints))
  it.say(clients(6000, 2000, 'outbound|80||other.test'))
  await it.later()
  assert.deepEqual([...it.seen.at(-1)!.demands.keys()], ['other.test'])
})

test('where all endpoints are in one zone there is nothing to tell', async () => {
  const it = watched({ ...orders, endpoints: [endpoint('10.0.0.1', at('a'))] })
  it.say(clients(6000, 2000))
  it.begin()
  await it.later(5)
  assert.equal(it.seen.length, 0)
})
