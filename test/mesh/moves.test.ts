/** A service in several registries at once: moved from one to another, reported by both, with one of them away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Health } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import {
  delta,
  endpoint,
  type FakeRegistry,
  fakeRegistry,
  full,
  outage,
  service,
  trouble,
  workload,
} from './fakes.ts'
import { addresses, healths, setup } from './setup.ts'

const key = 'default/x.test'
const protection = () => ({ share: 0.5, atLeast: 10, hold: 600_000 })
const has = (registry: string, list: readonly string[]): RegistryUpdate =>
  list.length === 0 ? delta({ removed: [key] }) : delta({ changed: [service('x.test', registry, [...list])] })

test('moved endpoint by endpoint, in any order, a service is never seen without endpoints', () => {
  const all = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']
  const order = fc.shuffledSubarray(all, { minLength: all.length })
  const pauses = fc.array(fc.nat(1_000), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(
      order,
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      pauses,
      (moves, gaps, waits) => {
        const a = fakeRegistry('a', [full([service('x.test', 'a', all)])])
        const b = fakeRegistry('b', [full([])])
        const { mesh, seen, until } = setup([a, b], [], { protection })
        const running = mesh.start()
        const told = seen.length
        let now = 0
        const [inA, inB] = [new Set(all), new Set<string>()]
        moves.forEach((address, index) => {
          // The last one is known to its new registry first: else there is a moment in which nobody knows any.
          const first = gaps[index] && index < all.length - 1 ? 'leave' : 'join'
          for (const step of first === 'leave' ? ['leave', 'join'] : ['join', 'leave']) {
            if (step === 'join') b.say(has('b', [...inB.add(address)]))
            else if (inA.delete(address)) a.say(has('a', [...inA]))
            now += waits[index * 2]!
            until(now)
          }
        })
        for (const { snapshot } of seen.slice(told)) {
          const { endpoints } = snapshot.services.get('x.test')!
          assert.ok(endpoints.length >= all.length - 1)
          assert.equal(new Set(endpoints.map((e) => e.address)).size, endpoints.length, 'each once')
        }
        until(now + 1_000)
        assert.deepEqual(addresses(mesh), all)
        assert.deepEqual(mesh.snapshot().services.get('x.test')!.registries, ['b'])
        running.unsubscribe()
      },
    ),
    { numRuns: 60 },
  )
})

const both = (inA: Health = 'HEALTHY', inB: Health = 'HEALTHY') => {
  const of = (registry: string, health: Health) =>
    service('x.test', registry, [endpoint('10.0.0.1', { registry, health })])
  const a = fakeRegistry('a', [full([of('a', inA), service('y.test', 'a', ['10.0.0.7'])])])
  const b = fakeRegistry('b', [full([of('b', inB)])])
  const world = setup([a, b], [], { protection })
  const running = world.mesh.start()
  const owners = () =>
    world.mesh
      .snapshot()
      .services.get('x.test')!
      .endpoints.map((e) => e.registry)
  const codes = () =>
    world.mesh
      .snapshot()
      .services.get('x.test')!
      .issues.map(({ code }) => code)
  return { ...world, a, b, of, owners, codes, running }
}

test('the same endpoint of two registries is counted once; the other’s takes over without a gap', () => {
  const { a, mesh, seen, owners, codes, until, running } = both()
  assert.deepEqual([addresses(mesh), owners(), codes()], [['10.0.0.1'], ['a'], ['PH2012']])
  a.say(delta({ removed: [key] }))
  until(1_000)
  assert.deepEqual([addresses(mesh), owners(), codes()], [['10.0.0.1'], ['b'], []])
  for (const { snapshot } of seen.slice(-2))
    assert.equal(snapshot.services.get('x.test')!.endpoints.length, 1, 'in every snapshot')
  running.unsubscribe()
})

test('what is the same is told by address, port and network together', () => {
  const of = (registry: string, port: number, network = '') =>
    full([service('x.test', registry, [endpoint('10.0.0.1', { registry, network, ports: { http: port } })])])
  const sockets = (second: RegistryUpdate): number => {
    const { mesh } = setup([fakeRegistry('a', [of('a', 8080)]), fakeRegistry('b', [second])])
    const running = mesh.start()
    const count = mesh.snapshot().services.get('x.test')!.endpoints.length
    running.unsubscribe()
    return count
  }
  assert.deepEqual([sockets(of('b', 8080)), sockets(of('b', 8081)), sockets(of('b', 8080, 'n'))], [1, 2, 2])
})

const away: readonly [string, (a: FakeRegistry) => void, 'stale' | 'protected'][] = [
  ['stale', (a) => a.say(trouble(new Date(5))), 'stale'],
  [
    'in trouble with this service',
    (a) => a.say({ kind: 'trouble', error: outage, since: new Date(5), services: [key] }),
    'stale',
  ],
  ['held back', (a) => a.say(full([])), 'protected'],
]
for (const [name, go, state] of away)
  test(`of two words on an endpoint’s health the first holds, unless its registry is ${name}`, () => {
    const { a, b, of, mesh, seen, owners, codes, running } = both('HEALTHY', 'UNHEALTHY')
    assert.deepEqual([healths(mesh), codes()], [['10.0.0.1 HEALTHY'], ['PH2012', 'PH2015']])
    assert.match(mesh.issues()[1]!.message, /by a, which holds, and another by b/)
    go(a)
    assert.equal(mesh.snapshot().freshness('x.test', 'a').state, state)
    assert.deepEqual([healths(mesh), owners()], [['10.0.0.1 UNHEALTHY'], ['a']])
    assert.match(mesh.issues()[1]!.message, /by b, which holds, and another by a/)
    assert.deepEqual([...seen.at(-1)!.changes.services], [['x.test', 'endpoints']])
    b.say(delta({ changed: [of('b', 'DRAINING')] }))
    assert.deepEqual(healths(mesh), ['10.0.0.1 DRAINING'])
    b.say(trouble(new Date(6)))
    assert.deepEqual(healths(mesh), ['10.0.0.1 HEALTHY'], 'neither is fresh: the first holds')
    b.say(delta({}))
    assert.deepEqual(healths(mesh), ['10.0.0.1 DRAINING'])
    a.say(full([of('a', 'HEALTHY'), service('y.test', 'a', ['10.0.0.7'])]))
    assert.deepEqual(healths(mesh), ['10.0.0.1 HEALTHY'], 'the first is back')
    b.say(delta({ changed: [of('b', 'HEALTHY')] }))
    assert.deepEqual(codes(), ['PH2012'])
    const touched = mesh.counters.servicesTouched
    a.say(trouble(new Date(9)))
    assert.equal(mesh.counters.servicesTouched, touched, 'trouble costs nothing where nothing is disputed')
    running.unsubscribe()
  })

test('the first fresh one of three holds', () => {
  const of = (registry: string, health: Health) =>
    full([service('x.test', registry, [endpoint('10.0.0.1', { registry, health })])])
  const a = fakeRegistry('a', [of('a', 'HEALTHY')])
  const others = [fakeRegistry('b', [of('b', 'HEALTHY')]), fakeRegistry('c', [of('c', 'UNHEALTHY')])]
  const { mesh } = setup([a, ...others])
  const running = mesh.start()
  a.say(trouble(new Date(1)))
  assert.deepEqual(healths(mesh), ['10.0.0.1 HEALTHY'])
  others[0]!.say(trouble(new Date(1)))
  assert.deepEqual(healths(mesh), ['10.0.0.1 UNHEALTHY'])
  running.unsubscribe()
})

test('two words of one registry are told as well, and the word of another that is fresh holds while it is away', () => {
  const picked = endpoint('10.0.0.1', { registry: 'c', health: 'HEALTHY' })
  const c = fakeRegistry('c', [
    full([], [workload('10.0.0.1', { ...picked, workload: 'w', labels: { app: 'x' } })]),
  ])
  const words = ['HEALTHY', 'UNHEALTHY'] as const
  const twice = words.map((health) => endpoint('10.0.0.1', { registry: 'a', health }))
  const a = fakeRegistry('a', [full([service('x.test', 'a', twice, { selector: { app: 'x' } })])])
  const { mesh } = setup([a, c])
  const running = mesh.start()
  const said = () =>
    mesh
      .issues()
      .filter(({ code }) => code === 'PH2015')
      .map(({ message }) => message)
  assert.deepEqual(healths(mesh), ['10.0.0.1 HEALTHY'])
  assert.match(said().join(), /^1 endpoint has two different healths by a; the first that is fresh holds/)
  a.say(trouble(new Date(1)))
  assert.match(said().join(), /by c, which holds, and another by a/)
  running.unsubscribe()
})

test('a registry of which only a workload is picked, and counted for another, still decides when it goes', () => {
  const of = (registry: string, health: Health) => endpoint('10.0.0.1', { registry, health })
  const a = fakeRegistry('a', [
    full([service('x.test', 'a', [of('a', 'UNHEALTHY')], { selector: { app: 'x' } })]),
  ])
  const c = fakeRegistry('c', [
    full([], [workload('10.0.0.1', { ...of('c', 'HEALTHY'), workload: 'w', labels: { app: 'x' } })]),
  ])
  const { mesh } = setup([a, c])
  const running = mesh.start()
  assert.deepEqual(mesh.snapshot().services.get('x.test')!.registries, ['a', 'c'])
  a.say(trouble(new Date(1)))
  assert.deepEqual(healths(mesh), ['10.0.0.1 HEALTHY'])
  c.say(trouble(new Date(2)))
  assert.deepEqual(healths(mesh), ['10.0.0.1 UNHEALTHY'], 'neither is fresh: the first holds')
  running.unsubscribe()
})

test('conflicts of port, protocol and address name both owners', () => {
  const [a, b] = [
    service('x.test', 'a', ['10.0.0.1'], { addresses: ['240.0.0.1'] }),
    service('x.test', 'b', ['10.0.0.2'], {
      addresses: ['240.0.0.2'],
      ports: [
        { name: 'http', port: 8080, protocol: 'TCP' },
        { name: 'web', port: 80, protocol: 'HTTP' },
      ],
    }),
  ]
  const { mesh } = setup([fakeRegistry('a', [full([a])]), fakeRegistry('b', [full([b])])])
  const running = mesh.start()
  const issues = mesh.issues()
  for (const code of ['PH2001', 'PH2002', 'PH2008']) {
    const { message } = issues.find((issue) => issue.code === code)!
    assert.match(
      message,
      /by a \(Service\/default\/x\.test\), which holds.*by b \(Service\/default\/x\.test\)/,
    )
  }
  running.unsubscribe()
})

test('failover: endpoints of a first registry that is stale or held count as there', () => {
  const a = fakeRegistry('a', [
    full([service('x.test', 'a', ['10.0.0.1']), service('y.test', 'a', ['10.0.0.9'])]),
  ])
  const b = fakeRegistry('b', [full([service('x.test', 'b', ['10.0.0.2'])])])
  const { mesh } = setup([a, b], [], { protection, failover: ['x.test'] })
  const running = mesh.start()
  const priorities = () =>
    mesh
      .snapshot()
      .services.get('x.test')!
      .endpoints.map((e) => `${e.address} ${e.priority}`)
  const [usual, { endpoints }] = [priorities(), mesh.snapshot().services.get('x.test')!]
  assert.deepEqual(usual, ['10.0.0.1 0', '10.0.0.2 1'])
  a.say(trouble(new Date(1)))
  assert.equal(mesh.snapshot().services.get('x.test')!.endpoints, endpoints)
  a.say(full([]))
  assert.equal(mesh.snapshot().services.get('x.test')!.endpoints, endpoints)
  mesh.accept('a')
  assert.deepEqual(priorities(), ['10.0.0.2 0'], 'let go, the next one is first')
  running.unsubscribe()
})

test('a union has the namespaces of all its contributions, while it has them', () => {
  const b = fakeRegistry('b', [full([service('x.test', 'b', ['10.0.0.2'], { namespace: 'shop' })])])
  const c = fakeRegistry('c', [full([service('x.test', 'c', ['10.0.0.3'], { namespace: 'apps' })])])
  const { mesh, until } = setup([fakeRegistry('a', [full([service('x.test', 'a', ['10.0.0.1'])])]), b, c])
  const running = mesh.start()
  const attributes = () => mesh.snapshot().services.get('x.test')!.attributes
  assert.deepEqual(attributes().namespaces, ['default', 'apps', 'shop'])
  b.say(full([]))
  c.say(full([]))
  until(300)
  assert.deepEqual([attributes().namespace, attributes().namespaces], ['default', undefined])
  running.unsubscribe()
})
