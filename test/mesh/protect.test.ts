/** Mass disappearance is held back by rule, and shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import type { Protection } from '../../src/mesh/mesh.ts'
import { delta, endpoint, fakeRegistry, full, service, trouble, workload } from './fakes.ts'
import { addresses, setup } from './setup.ts'

const HOLD = 600_000
const rule: Protection = { share: 0.5, atLeast: 10, hold: HOLD }
const protection = (): Protection => rule
const name = (i: number): string => `s${i}.test`
const key = (i: number): string => `default/${name(i)}`
const ip = (i: number, j: number): string => `10.0.${i}.${j}`
const one = (i: number, count = 5): Service =>
  service(
    name(i),
    'a',
    Array.from({ length: count }, (_, j) => ip(i, j)),
  )
/** Ten services of five endpoints. */
const ten = Array.from({ length: 10 }, (_, i) => one(i))

const started = (first: RegistryUpdate = full(ten)) => {
  const a = fakeRegistry('a', [first])
  const world = setup([a], [], { protection })
  const running = world.mesh.start()
  const { mesh } = world
  const shown = (): number =>
    [...mesh.snapshot().services.values()].reduce((sum, { endpoints }) => sum + endpoints.length, 0)
  const states = (of: string): string[] => {
    const snapshot = mesh.snapshot()
    const { endpoints } = snapshot.services.get(of)!
    return endpoints.map((e) => `${e.address} ${snapshot.freshness(of, 'a', e).state}`)
  }
  const held = (): number | undefined => mesh.snapshot().sources.get('a')!.protectedServices
  return { ...world, a, running, shown, states, held }
}

const deltas: readonly [string, RegistryUpdate, number, number | undefined][] = [
  ['few of many: believed', delta({ removed: [key(0), key(1)] }), 40, undefined],
  ['half: believed', delta({ removed: [0, 1, 2, 3, 4].map(key) }), 25, undefined],
  ['more than half: held', delta({ removed: [0, 1, 2, 3, 4, 5].map(key) }), 50, 6],
  ['half-empty services count in the same sum', delta({ changed: ten.map((_, i) => one(i, 2)) }), 50, 10],
  ['new ones come at once', delta({ changed: [...ten.map((_, i) => one(i, 2)), one(11)] }), 55, 10],
  [
    'replaced by as many others is no disappearance',
    delta({
      changed: ten.map((_, i) =>
        service(
          name(i),
          'a',
          [6, 7, 8, 9, 10].map((j) => ip(i, j)),
        ),
      ),
    }),
    50,
    undefined,
  ],
]
for (const [text, update, left, protectedServices] of deltas)
  test(`a delta that takes ${text}`, () => {
    const { a, shown, held, running } = started()
    a.say(update)
    assert.deepEqual([shown(), held()], [left, protectedServices])
    running.unsubscribe()
  })

test('a delta that takes all, but few, is believed: somebody deregistered them', () => {
  const { a, shown, held, running } = started(full([one(0, 9)]))
  a.say(delta({ removed: [key(0)] }))
  assert.deepEqual([shown(), held()], [0, undefined])
  running.unsubscribe()
})

const fulls: readonly [string, RegistryUpdate, number, number | undefined][] = [
  ['few: believed', full(ten.slice(2)), 40, undefined],
  ['half: believed', full(ten.slice(5)), 25, undefined],
  ['more than half: held', full(ten.slice(6)), 50, 6],
  ['all: held', full([]), 50, 10],
  ['a part of each: held', full(ten.map((_, i) => one(i, 2))), 50, 10],
  ['all, and says new ones: held, and these come at once', full([one(11)]), 55, 10],
]
for (const [text, update, left, protectedServices] of fulls)
  test(`a full after another that leaves out ${text}`, () => {
    const { a, shown, held, running } = started()
    a.say(update)
    assert.deepEqual([shown(), held()], [left, protectedServices])
    running.unsubscribe()
  })

test('an empty full always counts: one endpoint, or services that have none', () => {
  for (const only of [one(0, 1), service('x.test', 'a', [], { resolution: 'DNS' })]) {
    const { a, mesh, held, running } = started(full([only]))
    a.say(full([]))
    assert.equal(mesh.snapshot().services.size, 1)
    assert.equal(held(), 1)
    assert.match(mesh.snapshot().freshness(only.hostname, 'a').reason!, /^held back: (1 of 1|all of 1)/)
    running.unsubscribe()
  }
})

test('the first word of a registry is believed, and where no rule is set each is', () => {
  const { shown, held, running } = started(full([]))
  assert.deepEqual([shown(), held()], [0, undefined])
  running.unsubscribe()
  const a = fakeRegistry('a', [full(ten)])
  const { mesh, until } = setup([a], [], { protection: () => undefined })
  const second = mesh.start()
  a.say(full([]))
  until(300)
  assert.equal(mesh.snapshot().services.size, 0)
  second.unsubscribe()
})

test('only held endpoints say protected, with since and reason; said again they are plainly fresh', () => {
  const { a, mesh, seen, states, clock, until, held, running } = started()
  const { services } = mesh.snapshot()
  clock.schedule(() => a.say(full(ten.map((_, i) => one(i, 1)))), 5_000)
  until(5_000)
  assert.equal(mesh.snapshot().services, services, 'nothing of it changes')
  assert.deepEqual(mesh.snapshot().freshness(name(3), 'a'), {
    state: 'protected',
    since: new Date(5_000),
    reason: 'held back: 40 of 50 endpoints went at once',
  })
  assert.equal(seen.at(-1)!.snapshot, mesh.snapshot(), 'it is told')
  assert.deepEqual(states(name(3)), [
    `${ip(3, 0)} fresh`,
    ...[1, 2, 3, 4].map((j) => `${ip(3, j)} protected`),
  ])
  a.say(delta({ changed: [one(3, 2)] }))
  assert.deepEqual(states(name(3)).slice(0, 3), [
    `${ip(3, 0)} fresh`,
    `${ip(3, 1)} fresh`,
    `${ip(3, 2)} protected`,
  ])
  assert.equal(held(), 10)
  a.say(delta({ changed: [one(3)] }))
  assert.equal(mesh.snapshot().freshness(name(3), 'a').state, 'fresh')
  assert.equal(held(), 9)
  a.say(full(ten))
  assert.equal(held(), undefined)
  assert.equal(mesh.snapshot().services, services)
  running.unsubscribe()
  assert.equal(clock.actions.length, 0)
})

test('a registry that fills again, service by service and instance by instance, loses nothing on the way', () => {
  const { a, shown, held, running } = started()
  a.say(full([]))
  for (const count of [1, 2, 3, 4, 5])
    for (const i of ten.keys()) {
      a.say(delta({ changed: [one(i, count)] }))
      assert.equal(shown(), 50)
    }
  assert.equal(held(), undefined)
  a.say(full([]))
  for (const count of [1, 4, 5, 6, 8, 9, 10]) {
    a.say(full(ten.slice(0, count)))
    assert.equal(shown(), 50, 'whole words count no less than deltas')
  }
  assert.equal(held(), undefined)
  running.unsubscribe()
})

test('explicit words are believed while the rest is held', () => {
  const { a, mesh, until, held, running } = started()
  a.say(full(ten.slice(0, 4)))
  a.say(delta({ removed: [key(0)] }))
  assert.deepEqual(addresses(mesh, name(0)), [], 'one that it says now')
  a.say(delta({ removed: [key(7)] }))
  assert.deepEqual(addresses(mesh, name(7)), [], 'one that is held')
  until(300)
  assert.equal(mesh.snapshot().services.get(name(7)), undefined)
  assert.equal(held(), 5)
  a.say(delta({ changed: [one(1, 4)] }))
  assert.equal(addresses(mesh, name(1))!.length, 4)
  running.unsubscribe()
})

test('after the hold it is let go, as removals are: endpoints at once, STATIC services a moment later', () => {
  const { a, mesh, seen, until, shown, held, clock, running } = started()
  a.say(full(ten.slice(6)))
  until(HOLD - 1)
  assert.equal(shown(), 50)
  const count = seen.length
  until(HOLD)
  assert.deepEqual([shown(), held()], [20, undefined])
  assert.deepEqual(addresses(mesh, name(0)), [])
  until(HOLD + 300)
  assert.equal(mesh.snapshot().services.size, 4)
  assert.equal(seen.length, count + 2)
  until(2 * HOLD)
  assert.equal(clock.actions.length, 0, 'nothing waits any more')
  running.unsubscribe()
})

test('the hold stands still while the registry is in trouble', () => {
  const { a, until, shown, clock, running } = started()
  a.say(full([]))
  until(HOLD - 10)
  a.say(trouble(new Date(clock.now())))
  until(3 * HOLD)
  assert.equal(shown(), 50)
  a.say(delta({}))
  until(3 * HOLD + 9)
  assert.equal(shown(), 50)
  until(3 * HOLD + 10)
  assert.equal(shown(), 0)
  running.unsubscribe()
})

/** A registry that speaks in the very millisecond in which its hold is over, before the hold's own timer. */
const speaksAtTheEnd = (then: (world: ReturnType<typeof started>) => void = () => {}) => {
  const world = started()
  world.clock.schedule(() => {
    world.a.say(delta({ changed: [one(20)] }))
    then(world)
  }, HOLD)
  world.a.say(full(ten.slice(6)))
  return world
}

test('a hold ends in its time whatever the registry says just then', () => {
  const { until, shown, held, clock, running } = speaksAtTheEnd()
  until(HOLD - 1)
  assert.equal(held(), 6)
  until(HOLD + 1_000)
  assert.deepEqual([shown(), held()], [25, undefined])
  assert.equal(clock.actions.length, 0, 'nothing waits any more')
  running.unsubscribe()
})

test('what the operator accepts just then is gone', () => {
  const { until, running } = speaksAtTheEnd(({ mesh, shown, held }) => {
    assert.equal(mesh.accept('a'), 6)
    assert.deepEqual([shown(), held()], [25, undefined])
  })
  until(HOLD)
  running.unsubscribe()
})

test('two holds end one after the other', () => {
  const { a, until, shown, held, running } = started()
  a.say(full(ten.slice(6)))
  until(1_000)
  a.say(full([]))
  assert.deepEqual([shown(), held()], [50, 10])
  until(HOLD)
  assert.deepEqual([shown(), held()], [20, 4])
  until(HOLD + 1_000)
  assert.equal(shown(), 0)
  running.unsubscribe()
})

test('the operator accepts', () => {
  const { a, mesh, until, shown, held, clock, running } = started()
  assert.equal(mesh.accept('nobody'), undefined)
  assert.equal(mesh.accept('a'), 0)
  a.say(full(ten.slice(6)))
  assert.equal(mesh.accept('a'), 6)
  assert.deepEqual([shown(), held()], [20, undefined])
  until(300)
  assert.equal(mesh.snapshot().services.size, 4)
  assert.equal(mesh.accept('a'), 0)
  until(HOLD)
  assert.equal(clock.actions.length, 0)
  a.say(full(ten.slice(6)))
  assert.equal(held(), undefined, 'it is not missed again')
  running.unsubscribe()
})

test('workloads count as endpoints, and are held', () => {
  const selecting = service('x.test', 'b', [], {
    selector: { app: 'x' },
    origin: { source: 'b', object: 'x' },
  })
  const pod = (i: number, address = `10.1.0.${i}`) =>
    workload(address, { registry: 'a', labels: { app: 'x' }, workload: `w${i}` })
  const pods = Array.from({ length: 12 }, (_, i) => pod(i))
  const a = fakeRegistry('a', [full([], pods)])
  const b = fakeRegistry('b', [full([selecting])])
  const { mesh } = setup([a, b], [], { protection })
  const running = mesh.start()
  a.say(full([], pods.slice(0, 2)))
  const snapshot = mesh.snapshot()
  assert.equal(addresses(mesh)!.length, 12)
  assert.equal(snapshot.sources.get('a')!.protectedServices, 10)
  assert.deepEqual(
    snapshot.services
      .get('x.test')!
      .endpoints.map((e) => snapshot.freshness('x.test', 'a', e).state)
      .sort(),
    [...Array(2).fill('fresh'), ...Array(10).fill('protected')],
  )
  assert.equal(snapshot.freshness('x.test', 'a').state, 'protected')
  assert.equal(snapshot.freshness('x.test', 'b').state, 'fresh')
  a.say(delta({ removedWorkloads: ['default/w5'] }))
  assert.equal(addresses(mesh)!.length, 11, 'explicitly gone')
  a.say(
    full(
      [],
      pods.map((_, i) => pod(i + 100)),
    ),
  )
  assert.equal(addresses(mesh)!.length, 21, 'replaced under new names: believed; what was held stays')
  assert.equal(mesh.accept('a'), 9)
  assert.equal(addresses(mesh)!.length, 12)
  running.unsubscribe()
})

test('endpoints at one address with other ports are other endpoints', () => {
  const at = (...ports: number[]) =>
    service(
      'x.test',
      'a',
      ports.map((port) => endpoint('127.0.0.1', { ports: { http: port }, workload: `i${port}` })),
    )
  const a = fakeRegistry('a', [full([at(1, 2, 3)])])
  const { mesh } = setup([a], [], { protection })
  const running = mesh.start()
  a.say(full([at(3)]))
  const snapshot = mesh.snapshot()
  assert.deepEqual(
    snapshot.services
      .get('x.test')!
      .endpoints.map((e) => [e.ports.http, snapshot.freshness('x.test', 'a', e).state]),
    [
      [1, 'protected'],
      [2, 'protected'],
      [3, 'fresh'],
    ],
  )
  running.unsubscribe()
})
