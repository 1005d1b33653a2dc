/** One registry that is slow, floods, throws or is away never delays another; and nothing runs while nothing is due. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NEVER, Observable } from 'rxjs'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'
import { delta, endpoint, fakeRegistry, full, service, trouble, workload } from './fakes.ts'
import { addresses, setup, spent, waitsFor } from './setup.ts'

const silent: Registry = { name: 'silent', kind: 'fake', updates: NEVER }
const throwing: Registry = {
  name: 'throwing',
  kind: 'fake',
  updates: new Observable(() => {
    throw new Error('boom')
  }),
}
const fatal: Registry = {
  name: 'fatal',
  kind: 'fake',
  get updates(): Observable<RegistryUpdate> {
    throw new Error('boom: no observable')
  },
}
const good = () => fakeRegistry('good', [full([service('x.test', 'good', ['10.0.0.1'])])])

test('one that never answers holds back the start for its grace, and no update of another', () => {
  const registry = good()
  const { mesh, until } = setup([silent, registry])
  const running = mesh.start()
  registry.say(delta({ changed: [service('x.test', 'good', ['10.0.0.2'])] }))
  assert.deepEqual(addresses(mesh), ['10.0.0.2'], 'at once')
  assert.deepEqual(waitsFor(mesh), ['silent'])
  until(30_000)
  assert.deepEqual(mesh.readiness(), { ready: true })
  running.unsubscribe()
})

test('one that throws is trouble of its own; others are heard at once, wherever it stands', () => {
  for (const bad of [throwing, fatal])
    for (const order of ['first', 'last']) {
      const registry = good()
      const { mesh, until } = setup(order === 'first' ? [bad, registry] : [registry, bad])
      const running = mesh.start()
      assert.deepEqual(addresses(mesh), ['10.0.0.1'])
      assert.match(mesh.snapshot().sources.get(bad.name)!.error!.message, /boom/)
      until(29_999)
      assert.deepEqual(waitsFor(mesh), [bad.name])
      until(30_000)
      assert.deepEqual(mesh.readiness(), { ready: true })
      running.unsubscribe()
    }
})

test('one that floods: each update is one merge of what it names, and others are heard in between', () => {
  const flooding = fakeRegistry('flooding', [
    full(
      Array.from({ length: 1_000 }, (_, i) =>
        service(`s${i}.test`, 'flooding', [`10.1.${i >> 8}.${i & 255}`]),
      ),
    ),
  ])
  const registry = good()
  const { mesh, seen, until, clock } = setup([flooding, registry], [], {
    protection: () => ({ share: 0.5, atLeast: 10, hold: 600_000 }),
  })
  const running = mesh.start()
  const before = { ...mesh.counters }
  for (let n = 0; n < 10_000; n++) {
    const health = Math.floor(n / 1_000) % 2 === 0 ? 'UNHEALTHY' : 'HEALTHY'
    const address = endpoint(`10.1.0.${n % 250}`, { registry: 'flooding', health, weight: 1 + (n % 7) })
    flooding.say(delta({ changed: [service(`s${n % 1_000}.test`, 'flooding', [address])] }))
    if (n % 1_000 !== 500) continue
    const count = seen.length
    registry.say(delta({ changed: [service('x.test', 'good', [`10.2.0.${n / 500}`])] }))
    assert.deepEqual(addresses(mesh), [`10.2.0.${n / 500}`])
    assert.equal(seen.length, count + 1)
  }
  assert.equal(mesh.counters.merges - before.merges, 10_010)
  assert.ok(mesh.counters.servicesTouched - before.servicesTouched <= 10_010, 'one service an update')
  until(60_000)
  assert.equal(clock.actions.length, 0, 'and all of it is forgotten')
  running.unsubscribe()
})

test('the cost of an update of services that vanish one by one does not grow with their number', () => {
  const count = 3_000
  const names = Array.from({ length: count }, (_, i) => `s${i}.test`)
  const a = fakeRegistry('a', [full(names.map((name) => service(name, 'a', ['10.0.0.1'])))])
  const { mesh, until, clock } = setup([a])
  const running = mesh.start()
  const time = (some: readonly string[]): number => {
    const begin = spent()
    for (const name of some) a.say(delta({ removed: [`default/${name}`] }))
    return spent() - begin
  }
  const parts = Array.from({ length: 10 }, (_, i) => time(names.slice(i * 300, (i + 1) * 300)))
  // Five times covers noise; a scan of what waits would make the last part cost as much as all before it together.
  assert.ok(Math.min(...parts.slice(5)) < 5 * Math.min(...parts.slice(0, 5)), parts.map(Math.round).join(' '))
  until(60_000)
  assert.equal(mesh.snapshot().services.size, 0)
  assert.equal(clock.actions.length, 0)
  running.unsubscribe()
})

test('at rest nothing is scheduled, and an unchanged word schedules nothing', () => {
  const list = [
    service('x.test', 'a', ['10.0.0.1', '10.0.0.2']),
    service('y.test', 'a', [], { resolution: 'DNS' }),
  ]
  const pods = [workload('10.1.0.1', { registry: 'a' })]
  const a = fakeRegistry('a', [full(list, pods)])
  const b = fakeRegistry('b', [full([])])
  const { mesh, seen, clock } = setup([a, b], [], {
    protection: () => ({ share: 0.5, atLeast: 10, hold: 600_000 }),
  })
  const running = mesh.start()
  assert.deepEqual(mesh.readiness(), { ready: true })
  assert.equal(clock.actions.length, 0, 'ready, and all is fresh')
  const count = seen.length
  for (const word of [full(structuredClone(list), pods), delta({ changed: [list[0]!] }), delta({})]) {
    a.say(word)
    assert.equal(clock.actions.length, 0)
  }
  assert.equal(seen.length, count)
  a.say(trouble(new Date(0)))
  assert.equal(clock.actions.length, 0, 'trouble is waited out by the adapter')
  running.unsubscribe()
})
