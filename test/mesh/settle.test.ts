import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delta, fakeRegistry, full, service, trouble } from './fakes.ts'
import { addresses, setup } from './setup.ts'

test('a service taken back loses its endpoints at once and itself a moment later', () => {
  const x = service('x.test', 'a', ['10.0.0.1'])
  const a = fakeRegistry('a', [full([x])])
  const { mesh, until, seen, clock } = setup([a])
  const running = mesh.start()
  const { attributes } = mesh.snapshot().services.get('x.test')!
  a.say(delta({ removed: ['default/x.test'] }))
  assert.deepEqual(addresses(mesh), [], 'at once')
  until(200)
  a.say(delta({ changed: [x] }))
  until(1_000)
  assert.deepEqual(addresses(mesh), ['10.0.0.1'], 'said again: it was never gone')
  assert.equal(mesh.snapshot().services.get('x.test')!.attributes, attributes)
  assert.deepEqual(
    seen.flatMap(({ changes }) => [...changes.services.values()]),
    ['attributes', 'endpoints', 'endpoints'],
  )
  a.say(full([]))
  until(1_200)
  a.say(full([]))
  a.say(trouble(new Date(1_200)))
  until(1_300)
  assert.equal(addresses(mesh), undefined, 'a second removal does not prolong it')
  assert.equal(
    mesh.snapshot().sources.get('a')!.state,
    'stale',
    'the passing of time is no word of the registry',
  )
  running.unsubscribe()
  assert.equal(clock.actions.length, 0)
})

test('what would mean something else without endpoints goes at once', () => {
  const dns = service('x.test', 'a', ['db.example'], { resolution: 'DNS' })
  const a = fakeRegistry('a', [full([dns])])
  const { mesh } = setup([a])
  const running = mesh.start()
  a.say(full([]))
  assert.equal(addresses(mesh), undefined)
  running.unsubscribe()
})
