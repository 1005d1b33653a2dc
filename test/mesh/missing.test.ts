/** A full word of which a part could not be asked: nothing of that part is gone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RegistryUpdate } from '#registries/registry.ts'
import {
  configObject,
  delta,
  fakeConfigSource,
  fakeRegistry,
  full,
  missing,
  outage,
  partial,
  service,
  trouble,
  workload,
} from './fakes.ts'
import { pilot, scratch } from './pilot.ts'
import { addresses, setup } from './setup.ts'

const [x, y] = [service('x.test', 'a', ['10.0.0.1', '10.0.0.2']), service('y.test', 'a', ['10.0.0.3'])]
const z = service('z.test', 'a', ['10.0.0.4'])
const pod = workload('10.1.0.1', { registry: 'a' })
const rule = { share: 0.5, atLeast: 10, hold: 600_000 }

const started = (first?: RegistryUpdate, protection = () => rule) => {
  const a = fakeRegistry('a', first === undefined ? [] : [first])
  const world = setup([a], [], { protection })
  const running = world.mesh.start()
  const state = (key: string) => world.mesh.snapshot().freshness(key, 'a')
  const source = () => world.mesh.snapshot().sources.get('a')!
  return { ...world, a, running, state, source }
}

test('after a restart, what could not be asked stays as it is on disk, stale, and stays on disk', async (t) => {
  const dir = await scratch(t)
  const first = await pilot(dir, fakeRegistry('a'))
  first.registry.say(full([x, y], [pod]))
  await first.stop()

  for (const _ of ['one restart', 'and another']) {
    const next = await pilot(dir, fakeRegistry('a'))
    next.registry.say(partial([y]))
    assert.deepEqual(addresses(next.mesh), ['10.0.0.1', '10.0.0.2'])
    assert.deepEqual([next.state('x.test'), next.state('y.test')], ['stale', 'fresh'])
    const { state, staleServices, error, since } = next.source()
    assert.deepEqual([state, staleServices, error, since], ['fresh', 1, outage, missing.since])
    assert.deepEqual(next.mesh.readiness(), { ready: true })
    await next.stop()
  }

  const last = await pilot(dir, fakeRegistry('a'))
  last.registry.say(partial([]))
  last.registry.say(full([y]))
  assert.deepEqual(addresses(last.mesh), [], 'gone once all has been asked')
  assert.deepEqual([last.source().staleServices, last.source().error], [undefined, undefined])
  await last.stop()
})

test('the trouble of what is kept has its reason, and ends with a delta that names it', () => {
  const { a, mesh, running, state, source } = started(full([x, y]))
  const { services } = mesh.snapshot()
  a.say(partial([y]))
  assert.equal(mesh.snapshot().services, services)
  assert.deepEqual(state('x.test'), { state: 'stale', since: missing.since, reason: outage.message })
  a.say(delta({ changed: [x] }))
  assert.deepEqual(state('x.test'), { state: 'fresh' })
  assert.deepEqual(
    [source().staleServices, source().error],
    [undefined, outage],
    'something is still missing',
  )
  a.say(delta({ removed: ['default/y.test'] }))
  assert.deepEqual(addresses(mesh, 'y.test'), [], 'an explicit word is believed')
  a.say(full([x]))
  assert.equal(source().error, undefined)
  running.unsubscribe()
})

test('a service in trouble that is told again is in trouble no more', () => {
  const { a, running, state, source } = started(full([x, y]))
  a.say(partial([y]))
  a.say(partial([x, y]))
  assert.deepEqual([state('x.test').state, source().staleServices], ['fresh', undefined])
  a.say(partial([x]))
  assert.deepEqual([state('y.test').state, source().staleServices], ['stale', 1])
  running.unsubscribe()
})

test('what is kept is no mass disappearance; endpoints that a service has lost are', () => {
  const many = service('x.test', 'a', ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'])
  const { a, mesh, running, source } = started(full([many]))
  a.say(partial([]))
  assert.deepEqual([source().protectedServices, source().staleServices], [undefined, 1])
  a.say(partial([service('x.test', 'a', ['10.0.0.1'])]))
  assert.deepEqual([source().protectedServices, addresses(mesh)!.length], [1, 4])
  running.unsubscribe()
})

test('a full that completes it is a later full: where most of what was kept is not in it, that is held back', () => {
  const { a, mesh, running, source } = started(full([x, y]))
  a.say(partial([y]))
  a.say(full([y]))
  assert.deepEqual([source().protectedServices, addresses(mesh)!.length], [1, 2])
  assert.equal(source().staleServices, undefined)
  running.unsubscribe()
})

test('a workload of a part that could not be asked is stale, be the service that selects it fresh, until it is named again', () => {
  const labels = { app: 'x' }
  const pods = ['10.1.0.1', '10.1.0.2'].map((address) => workload(address, { labels }))
  const selecting = service('x.test', 'a', [], { selector: labels })
  const { a, mesh, running } = started(full([selecting], pods))
  const states = () => {
    const { freshness, services } = mesh.snapshot()
    return services.get('x.test')!.endpoints.map((one) => freshness('x.test', 'a', one).state)
  }
  a.say(partial([selecting], [pods[0]!]))
  assert.deepEqual(states(), ['fresh', 'stale'])
  assert.deepEqual(mesh.snapshot().freshness('x.test', 'a'), {
    state: 'stale',
    since: missing.since,
    reason: outage.message,
  })
  a.say(delta({ changedWorkloads: [pods[1]!] }))
  assert.deepEqual(states(), ['fresh', 'fresh'])
  a.say(partial([selecting], [pods[1]!]))
  assert.deepEqual(states(), ['stale', 'fresh'])
  a.say(full([selecting], pods))
  assert.deepEqual(states(), ['fresh', 'fresh'])
  running.unsubscribe()
})

test('a missing part is shown where nothing of it is known, and again after an outage of all', () => {
  const { a, running, source } = started(partial([z]))
  assert.deepEqual([source().state, source().error, source().staleServices], ['fresh', outage, undefined])
  const other = { ...outage, message: 'all is away' }
  a.say({ kind: 'trouble', error: other, since: new Date(99) })
  assert.deepEqual([source().state, source().error], ['stale', other])
  a.say(delta({ changed: [z] }))
  assert.deepEqual([source().state, source().error, source().since], ['fresh', outage, missing.since])
  running.unsubscribe()
})

test('a hold goes on while a part is missing, and stands still while all is in trouble', () => {
  const { a, mesh, until, running } = started(full([x, y]))
  a.say(full([]))
  until(1_000)
  a.say(partial([]))
  until(300_000)
  a.say(trouble(new Date(300_000)))
  until(400_000)
  a.say(delta({}))
  until(699_999)
  assert.equal(addresses(mesh)!.length, 2)
  until(700_000)
  assert.deepEqual(addresses(mesh), [])
  running.unsubscribe()
})

test('one that was taken back a moment ago is not what could not be asked', () => {
  const { a, mesh, until, running, source } = started(full([x, y]))
  a.say(delta({ removed: ['default/y.test'] }))
  a.say(partial([x]))
  assert.equal(source().staleServices, undefined)
  until(300)
  assert.deepEqual([...mesh.snapshot().services.keys()], ['x.test'])
  running.unsubscribe()
})

test('configuration of which a part could not be read yet: what is known of it stays', () => {
  const config = fakeConfigSource('kubernetes/prod')
  const { mesh } = setup([], [config])
  const running = mesh.start()
  const [a, b] = [configObject('a'), configObject('b')]
  const names = () => [...mesh.snapshot().configs.values()].map(({ name }) => name)
  config.say({ kind: 'full', objects: [a, b], issues: [] })
  config.say({ kind: 'full', objects: [b], issues: [], missing })
  assert.deepEqual(names(), ['a', 'b'])
  const { state, error } = mesh.snapshot().sources.get('kubernetes/prod')!
  assert.deepEqual([state, error], ['fresh', outage])
  config.say({ kind: 'full', objects: [b], issues: [] })
  assert.deepEqual(names(), ['b'])
  running.unsubscribe()
})
