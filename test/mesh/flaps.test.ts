/** Flapping is damped in the down direction only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Health } from '#model/service.ts'
import { delta, endpoint, fakeRegistry, full, service, workload } from './fakes.ts'
import { addresses, healths, setup } from './setup.ts'

const [one, two] = ['10.0.0.1', '10.0.0.2']
const saying = (health: Health = 'HEALTHY') =>
  delta({ changed: [service('x.test', 'a', [endpoint(one, { health }), two])] })
const without = delta({ changed: [service('x.test', 'a', [two])] })
const key = 'default/x.test'

const started = () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', [one, two])])])
  const world = setup([a])
  const running = world.mesh.start()
  const { mesh, until } = world
  const shown = (): string | undefined =>
    healths(mesh)!
      .find((text) => text.startsWith(one))
      ?.split(' ')[1]
  const issue = (): string | undefined =>
    mesh
      .snapshot()
      .services.get('x.test')!
      .issues.find(({ code }) => code === 'PH2016')?.message
  /** Two downs and ups, one a second: the next down is the third. */
  const twice = (down = saying('UNHEALTHY')): void => {
    for (const at of [1_000, 2_000]) {
      until(at)
      a.say(down)
      assert.notEqual(shown(), 'HEALTHY', 'the first downs are immediate')
      a.say(saying())
      assert.equal(shown(), 'HEALTHY')
    }
    until(3_000)
  }
  return { ...world, a, running, shown, issue, twice }
}

test('a check that passes and fails each second takes the endpoint away twice, not each second', () => {
  const { a, mesh, seen, shown, issue, twice, until, running } = started()
  twice()
  assert.equal(issue(), undefined)
  const { endpoints } = mesh.snapshot().services.get('x.test')!
  for (let at = 3_000; at < 20_000; at += 2_000) {
    until(at)
    a.say(saying('UNHEALTHY'))
    assert.equal(shown(), 'HEALTHY')
    until(at + 1_000)
    a.say(saying())
    assert.equal(mesh.snapshot().services.get('x.test')!.endpoints, endpoints)
  }
  assert.equal(issue(), 'Endpoint 10.0.0.1:80 is flapping: 11 downs in 30 s.')
  assert.equal(mesh.counters.flaps, 9)
  assert.equal(seen.at(-1)!.changes.services.get('x.test'), 'endpoints', 'the issue is told')
  running.unsubscribe()
})

test('worse health that stays takes effect after 5 s', () => {
  const { a, shown, twice, until, running } = started()
  twice()
  a.say(saying('DEGRADED'))
  until(5_000)
  a.say(saying('UNHEALTHY'))
  until(7_999)
  assert.equal(shown(), 'HEALTHY')
  until(8_000)
  assert.equal(shown(), 'UNHEALTHY', 'five seconds since it was first worse')
  a.say(saying())
  assert.equal(shown(), 'HEALTHY', 'an up is immediate')
  running.unsubscribe()
})

test('an explicit removal is done at once, however often; the service with its last endpoint too', () => {
  const { a, mesh, shown, twice, until, clock, running } = started()
  twice(without)
  a.say(without)
  assert.equal(shown(), undefined)
  a.say(saying())
  assert.equal(shown(), 'HEALTHY')
  a.say(delta({ removed: [key] }))
  assert.deepEqual(addresses(mesh), [])
  until(60_000)
  assert.equal(addresses(mesh), undefined)
  assert.equal(clock.actions.length, 0)
  running.unsubscribe()
})

test('an up cancels the down that waits: comes back, or is better', () => {
  for (const down of [without, saying('UNHEALTHY')]) {
    const { a, mesh, seen, shown, twice, until, running } = started()
    twice(down)
    a.say(down)
    until(3_500)
    a.say(saying())
    const { endpoints } = mesh.snapshot().services.get('x.test')!
    const count = seen.length
    until(20_000)
    assert.equal(shown(), 'HEALTHY')
    assert.equal(mesh.snapshot().services.get('x.test')!.endpoints, endpoints)
    assert.equal(seen.length, count)
    running.unsubscribe()
  }
})

test('gone and back with a check that has not passed yet is told as it is', () => {
  const { a, shown, twice, until, running } = started()
  twice(without)
  a.say(without)
  until(3_500)
  a.say(saying('UNHEALTHY'))
  assert.equal(shown(), 'UNHEALTHY')
  running.unsubscribe()
})

test('worse, then gone: the removal does not wait', () => {
  const { a, shown, twice, until, running } = started()
  twice()
  a.say(saying('UNHEALTHY'))
  until(3_100)
  a.say(without)
  assert.equal(shown(), undefined)
  running.unsubscribe()
})

test('draining is said on purpose: it does not wait', () => {
  const { a, shown, twice, running } = started()
  twice()
  a.say(saying('DRAINING'))
  assert.equal(shown(), 'DRAINING')
  running.unsubscribe()
})

test('what flapped is forgotten after the window: memory, issue and timers', () => {
  const { a, mesh, issue, twice, until, clock, running } = started()
  twice()
  a.say(saying('UNHEALTHY'))
  a.say(saying())
  assert.match(issue()!, /3 downs/)
  until(40_000)
  assert.equal(issue(), undefined)
  assert.equal(clock.actions.length, 0, 'nothing waits')
  a.say(saying('UNHEALTHY'))
  assert.equal(healths(mesh)![0], `${one} UNHEALTHY`, 'a first down again')
  running.unsubscribe()
})

test('it is counted for each endpoint, and each registry', () => {
  const other = (list: string[]) => delta({ changed: [service('x.test', 'b', list)] })
  const a = fakeRegistry('a', [full([service('x.test', 'a', [one])])])
  const b = fakeRegistry('b', [full([service('x.test', 'b', ['10.0.0.9'])])])
  const { mesh } = setup([a, b])
  const running = mesh.start()
  const twoDowns = () => {
    for (let i = 0; i < 2; i++) {
      a.say(delta({ removed: [key] }))
      a.say(delta({ changed: [service('x.test', 'a', [one])] }))
    }
  }
  twoDowns()
  b.say(other([]))
  assert.deepEqual(addresses(mesh), [one])
  a.say(delta({ changed: [service('x.test', 'a', [one, two])] }))
  a.say(delta({ changed: [service('x.test', 'a', [one])] }))
  assert.deepEqual(addresses(mesh), [one], 'the first down of the second endpoint')
  running.unsubscribe()
})

test('the issue names the socket, IPv6 and named ports too', () => {
  const more = { ports: { http: 8080 }, registry: 'a' }
  const six = service('x.test', 'a', [endpoint('fd00::1', more)])
  const a = fakeRegistry('a', [full([six])])
  const { mesh } = setup([a])
  const running = mesh.start()
  for (let i = 0; i < 60; i++) {
    a.say(delta({ changed: [service('x.test', 'a', [])] }))
    a.say(delta({ changed: [six] }))
  }
  assert.deepEqual(
    mesh.issues().map(({ message }) => message),
    ['Endpoint [fd00::1]:8080 is flapping: 50 or more downs in 30 s.'],
  )
  running.unsubscribe()
})

test('selected workloads are damped alike', () => {
  const pod = workload(one, { registry: 'a', labels: { app: 'x' } })
  const a = fakeRegistry('a', [full([service('x.test', 'a', [], { selector: { app: 'x' } })], [pod])])
  const { mesh, until } = setup([a])
  const running = mesh.start()
  for (let i = 0; i < 2; i++) {
    a.say(delta({ removedWorkloads: ['default/vm-10.0.0.1'] }))
    assert.deepEqual(addresses(mesh), [])
    a.say(delta({ changedWorkloads: [pod] }))
  }
  a.say(delta({ changedWorkloads: [{ ...pod, health: 'UNHEALTHY' }] }))
  assert.deepEqual(healths(mesh), [`${one} HEALTHY`])
  until(5_000)
  assert.deepEqual(healths(mesh), [`${one} UNHEALTHY`])
  a.say(delta({ removedWorkloads: ['default/vm-10.0.0.1'] }))
  until(5_800)
  assert.deepEqual(addresses(mesh), [])
  running.unsubscribe()
})

test('no rule, no damping', () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', [one])])])
  const { mesh } = setup([a], [], { flapping: false })
  const running = mesh.start()
  for (let i = 0; i < 5; i++) {
    a.say(delta({ changed: [service('x.test', 'a', [])] }))
    assert.deepEqual(addresses(mesh), [])
    a.say(delta({ changed: [service('x.test', 'a', [one])] }))
  }
  running.unsubscribe()
})
