/** Freshness of single services, while their registry as such speaks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RegistryUpdate } from '#registries/registry.ts'
import { delta, fakeRegistry, full, outage, service, trouble, workload } from './fakes.ts'
import { addresses, setup } from './setup.ts'

const troubleOf = (services: readonly string[], since: Date): RegistryUpdate => ({
  kind: 'trouble',
  error: outage,
  since,
  services,
})
const [x, y] = [service('x.test', 'a', ['10.0.0.1']), service('y.test', 'a', ['10.0.0.2'])]
const since = new Date(77)
const stale = { state: 'stale', since, reason: outage.message }

const started = () => {
  const a = fakeRegistry('a', [full([x, y])])
  const { mesh, seen } = setup([a, fakeRegistry('b', [full([service('x.test', 'b', ['10.0.0.9'])])])])
  const running = mesh.start()
  const stateOf = (key: string, registry = 'a') => mesh.snapshot().freshness(key, registry)
  const source = () => mesh.snapshot().sources.get('a')!
  return { a, mesh, seen, running, stateOf, source }
}

test('one service’s trouble marks it alone; the registry stays fresh and shows how many', () => {
  const { a, mesh, seen, running, stateOf, source } = started()
  const { services } = mesh.snapshot()
  a.say(troubleOf(['default/x.test', 'default/unheard.test'], since))
  assert.deepEqual(stateOf('x.test'), stale)
  assert.deepEqual(
    [stateOf('y.test').state, stateOf('x.test', 'b').state, stateOf('unheard.test').state],
    ['fresh', 'fresh', 'fresh'],
  )
  assert.deepEqual([source().state, source().staleServices, source().error], ['fresh', 1, undefined])
  assert.equal(mesh.snapshot().services, services, 'nothing is taken away, nothing is changed')
  assert.equal(seen.at(-1)!.snapshot.freshness('x.test', 'a').state, 'stale', 'it is told')
  assert.equal(seen.at(-1)!.changes.services.size, 0)
  const count = seen.length
  a.say(troubleOf(['default/x.test'], new Date(99)))
  assert.equal(seen.length, count, 'more of the same is no news')
  assert.deepEqual(stateOf('x.test'), stale, 'since it began')
  running.unsubscribe()
})

const endings: readonly [string, RegistryUpdate, string[] | undefined][] = [
  ['a full', full([x, y]), ['10.0.0.1', '10.0.0.9']],
  ['a delta that names it, with equal content', delta({ changed: [x] }), ['10.0.0.1', '10.0.0.9']],
  [
    'a delta that changes it',
    delta({ changed: [service('x.test', 'a', ['10.0.0.3'])] }),
    ['10.0.0.3', '10.0.0.9'],
  ],
  ['a delta that removes it', delta({ removed: ['default/x.test'] }), ['10.0.0.9']],
]
for (const [name, update, left] of endings)
  test(`it ends with ${name}`, () => {
    const { a, mesh, seen, running, stateOf, source } = started()
    a.say(troubleOf(['default/x.test'], since))
    const { services } = mesh.snapshot()
    const count = seen.length
    a.say(update)
    assert.equal(stateOf('x.test').state, 'fresh')
    assert.equal(source().staleServices, undefined)
    assert.deepEqual(addresses(mesh), left)
    assert.equal(seen.length, count + 1, 'the end of trouble is told')
    if (left?.includes('10.0.0.1')) {
      assert.equal(mesh.snapshot().services, services)
      assert.equal(seen.at(-1)!.changes.services.size, 0, 'equal content is no change')
    }
    running.unsubscribe()
  })

test('a delta about others does not end it, nor does the end of the registry’s own trouble', () => {
  const { a, running, stateOf, source } = started()
  a.say(troubleOf(['default/x.test'], since))
  a.say(delta({ changed: [y], changedWorkloads: [workload('10.1.0.1', { registry: 'a' })] }))
  assert.deepEqual(stateOf('x.test'), stale)
  a.say(trouble(new Date(88)))
  assert.deepEqual([source().state, source().staleServices], ['stale', 1])
  assert.deepEqual(stateOf('y.test').since, new Date(88))
  a.say(troubleOf(['default/y.test'], new Date(90)))
  assert.equal(source().state, 'stale', 'a service’s trouble is no word that the registry speaks')
  a.say(delta({}))
  assert.deepEqual([source().state, source().staleServices], ['fresh', 2])
  assert.deepEqual(stateOf('x.test'), stale)
  a.say(full([x, y]))
  assert.equal(source().staleServices, undefined)
  running.unsubscribe()
})

test('of two contributions of one registry to one service, an endpoint is as stale as its own', () => {
  const other = service('x.test', 'a', ['10.0.0.5'], { namespace: 'shop' })
  const a = fakeRegistry('a', [full([x, other])])
  const { mesh } = setup([a])
  const running = mesh.start()
  a.say(troubleOf(['shop/x.test'], since))
  const snapshot = mesh.snapshot()
  const states = snapshot.services
    .get('x.test')!
    .endpoints.map((one) => [one.address, snapshot.freshness('x.test', 'a', one).state])
  assert.deepEqual(states, [
    ['10.0.0.1', 'fresh'],
    ['10.0.0.5', 'stale'],
  ])
  assert.equal(snapshot.freshness('x.test', 'a').state, 'stale')
  running.unsubscribe()
})
