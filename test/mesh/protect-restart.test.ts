/** What is held back, with removals that linger, with the last snapshot on disk, and over a restart. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delta, fakeRegistry, full, service, trouble, workload } from './fakes.ts'
import { pilot, scratch } from './pilot.ts'
import { addresses, setup } from './setup.ts'

const protection = () => ({ share: 0.5, atLeast: 10, hold: 600_000 })
const x = service('x.test', 'a', ['10.0.0.1', '10.0.0.2'])
const y = service('y.test', 'a', ['10.0.0.3', '10.0.0.4', '10.0.0.5'])
const pod = workload('10.1.0.1', { registry: 'a', labels: { app: 'x' } })

const pilotOf = (dir: string) => pilot(dir, fakeRegistry('a'), { protection })

test('after a restart, a first full that lacks most of what is on disk is held back', async (t) => {
  const dir = await scratch(t)
  const first = await pilotOf(dir)
  first.registry.say(full([x, y], [pod]))
  await first.stop()

  const second = await pilotOf(dir)
  assert.equal(second.state('y.test'), 'stale', 'from disk')
  second.registry.say(full([service('x.test', 'a', ['10.0.0.1'])]))
  assert.deepEqual(addresses(second.mesh), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(addresses(second.mesh, 'y.test'), ['10.0.0.3', '10.0.0.4', '10.0.0.5'])
  assert.deepEqual([second.state('x.test'), second.state('y.test')], ['protected', 'protected'])
  const source = second.mesh.snapshot().sources.get('a')!
  assert.deepEqual([source.state, source.protectedServices], ['fresh', 3], 'two services and a workload')
  assert.deepEqual(second.mesh.readiness(), { ready: true })
  await second.stop()
})

test('one that lacks little is believed at once, as before', async (t) => {
  const dir = await scratch(t)
  const first = await pilotOf(dir)
  first.registry.say(full([x, y], [pod]))
  await first.stop()
  const second = await pilotOf(dir)
  second.registry.say(full([y], [pod]))
  assert.deepEqual([...second.mesh.snapshot().services.keys()], ['y.test'])
  await second.stop()
})

test('what is held is on disk as it was said last: restarts during the hold lose nothing', async (t) => {
  const dir = await scratch(t)
  const first = await pilotOf(dir)
  first.registry.say(full([x, y], [pod]))
  first.registry.say(full([]))
  assert.equal(first.state('y.test'), 'protected')
  await first.stop()

  for (const answer of [trouble(new Date(5)), full([]), full([])]) {
    const next = await pilotOf(dir)
    const before = next.mesh.snapshot().services
    next.registry.say(answer)
    assert.equal(next.mesh.snapshot().services, before)
    assert.deepEqual(addresses(next.mesh, 'y.test'), ['10.0.0.3', '10.0.0.4', '10.0.0.5'])
    assert.equal(next.state('y.test'), answer.kind === 'full' ? 'protected' : 'stale')
    await next.stop()
  }

  const filled = await pilotOf(dir)
  filled.registry.say(full([]))
  filled.registry.say(full([x, y], [pod]))
  assert.deepEqual([filled.state('x.test'), filled.state('y.test')], ['fresh', 'fresh'])
  filled.registry.say(full([]))
  filled.mesh.accept('a')
  await filled.stop()
  const last = await pilotOf(dir)
  assert.deepEqual(addresses(last.mesh, 'y.test') ?? [], [], 'what is accepted is gone on disk too')
  await last.stop()
})

test('a service that lingers is not one of what is lost, and goes in its time', () => {
  const a = fakeRegistry('a', [full([x, y])])
  const { mesh, until } = setup([a], [], { protection })
  const running = mesh.start()
  a.say(delta({ removed: ['default/x.test'] }))
  until(100)
  a.say(full([]))
  assert.match(mesh.snapshot().freshness('y.test', 'a').reason!, /3 of 3/)
  assert.deepEqual(addresses(mesh), [])
  until(300)
  assert.deepEqual([...mesh.snapshot().services.keys()], ['y.test'])
  running.unsubscribe()
})

test('let go and said again within the moment of its removal, a service was never gone', () => {
  const a = fakeRegistry('a', [full([x, y])])
  const { mesh, until } = setup([a], [], { protection })
  const running = mesh.start()
  const { attributes } = mesh.snapshot().services.get('y.test')!
  a.say(full([]))
  mesh.accept('a')
  until(200)
  assert.deepEqual(addresses(mesh, 'y.test'), [])
  a.say(delta({ changed: [y] }))
  until(1_000)
  assert.equal(mesh.snapshot().services.get('y.test')!.attributes, attributes)
  assert.equal(addresses(mesh, 'y.test')!.length, 3)
  assert.deepEqual([...mesh.snapshot().services.keys()], ['y.test'])
  running.unsubscribe()
})

test('a held service keeps the workloads that it selects; what lingers does not', () => {
  const selecting = service('z.test', 'a', [], { selector: { app: 'x' } })
  const a = fakeRegistry('a', [full([selecting])])
  const b = fakeRegistry('b', [full([], [{ ...pod, registry: 'b' }])])
  const { mesh, until } = setup([a, b], [], { protection })
  const running = mesh.start()
  a.say(full([]))
  until(1_000)
  assert.deepEqual(addresses(mesh, 'z.test'), ['10.1.0.1'])
  mesh.accept('a')
  assert.deepEqual(addresses(mesh, 'z.test'), [])
  running.unsubscribe()
})
