import assert from 'node:assert/strict'
import { test } from 'node:test'
import { config, Observable } from 'rxjs'
import type { MeshUpdate } from '#model/mesh.ts'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'
import {
  configObject,
  delta,
  type FakeRegistry,
  fakeConfigSource,
  fakeRegistry,
  full,
  outage,
  service,
  trouble,
} from './fakes.ts'
import { addresses, setup, waitsFor } from './setup.ts'

test('registries and config sources become one stream of snapshots', () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', ['10.0.0.1'])])])
  const b = fakeRegistry('b')
  const files = fakeConfigSource('files', [{ kind: 'full', objects: [configObject('v')], issues: [] }])
  const { mesh, seen } = setup([a, b], [files])
  assert.deepEqual(
    [a, b, files].map((source) => source.subscribers()),
    [0, 0, 0],
    'nothing before start',
  )
  const running = mesh.start()
  assert.equal(mesh.start(), running, 'starts once')
  b.say(full([service('x.test', 'b', ['10.0.0.2'])]))
  assert.deepEqual(addresses(mesh), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual([...mesh.snapshot().configs.keys()], ['VirtualService/default/v'])
  let completed = false
  mesh.updates.subscribe({
    complete: () => {
      completed = true
    },
  })
  running.unsubscribe()
  assert.deepEqual(
    [a, b, files].map((source) => source.subscribers()),
    [0, 0, 0],
  )
  assert.ok(completed)
  assert.deepEqual(
    seen.map(({ snapshot }) => snapshot.revision),
    [0, 1, 2, 3],
  )
})

test('one endpoint’s change is one merge that touches one service and keeps its attributes', () => {
  const names = Array.from({ length: 50 }, (_, i) => `s${i}.test`)
  const a = fakeRegistry('a', [full(names.map((name) => service(name, 'a', ['10.0.0.1'])))])
  const { mesh, seen } = setup([a])
  const running = mesh.start()
  const before = mesh.snapshot()
  const counted = { ...mesh.counters }
  a.say(delta({ changed: [service('s7.test', 'a', ['10.0.0.2'])] }))
  assert.deepEqual(mesh.counters, {
    ...counted,
    merges: counted.merges + 1,
    servicesTouched: counted.servicesTouched + 1,
    emitted: counted.emitted + 1,
  })
  assert.deepEqual([...seen.at(-1)!.changes.services], [['s7.test', 'endpoints']])
  for (const name of names)
    assert.equal(mesh.snapshot().services.get(name) === before.services.get(name), name !== 's7.test')
  assert.equal(
    mesh.snapshot().services.get('s7.test')!.attributes,
    before.services.get('s7.test')!.attributes,
  )
  assert.deepEqual(
    before.services.get('s7.test')!.endpoints[0]!.address,
    '10.0.0.1',
    'the old snapshot stands',
  )
  running.unsubscribe()
})

test('equal content emits nothing, but the time of the last word moves on', () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', ['10.0.0.1'])])])
  const { mesh, seen, until, clock } = setup([a])
  const running = mesh.start()
  const count = seen.length
  clock.schedule(() => a.say(full([service('x.test', 'a', ['10.0.0.1'])])), 5_000)
  until(5_000)
  assert.equal(seen.length, count)
  assert.deepEqual(mesh.snapshot().sources.get('a')!.lastUpdate, new Date(5_000))
  running.unsubscribe()
})

test('a late subscriber gets the current snapshot first, with everything as changes', () => {
  const a = fakeRegistry('a', [full([service('x.test'), service('y.test')])])
  const files = fakeConfigSource('files', [{ kind: 'full', objects: [configObject('v')], issues: [] }])
  const { mesh, until } = setup([a], [files])
  const running = mesh.start()
  const late: MeshUpdate[] = []
  mesh.updates.subscribe((update) => late.push(update))
  assert.equal(late.length, 1)
  assert.equal(late[0]!.snapshot, mesh.snapshot())
  assert.deepEqual(
    [...late[0]!.changes.services],
    [
      ['x.test', 'attributes'],
      ['y.test', 'attributes'],
    ],
  )
  assert.deepEqual([...late[0]!.changes.configs], ['VirtualService/default/v'])
  a.say(delta({ removed: ['default/y.test'] }))
  until(300)
  assert.deepEqual([...late[1]!.changes.services], [['y.test', 'removed']])
  running.unsubscribe()
})

test('trouble marks stale and removes nothing; the next word makes fresh', () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', ['10.0.0.1'])])])
  const b = fakeRegistry('b', [full([service('x.test', 'b', ['10.0.0.2'])])])
  const { mesh, seen } = setup([a, b])
  const running = mesh.start()
  const { services } = mesh.snapshot()
  const since = new Date(77)
  a.say(trouble(since))
  assert.equal(mesh.snapshot().services, services)
  assert.deepEqual(mesh.snapshot().freshness('x.test', 'a'), {
    state: 'stale',
    since,
    reason: outage.message,
  })
  assert.deepEqual(mesh.snapshot().freshness('x.test', 'b'), { state: 'fresh' })
  assert.equal(mesh.snapshot().sources.get('a')!.state, 'stale')
  assert.deepEqual([seen.at(-1)!.changes.services.size, seen.at(-1)!.changes.configs.size], [0, 0])
  const count = seen.length
  a.say(trouble(since))
  assert.equal(seen.length, count, 'the same trouble again is no news')
  for (const word of [delta({}), full([service('x.test', 'a', ['10.0.0.1'])])]) {
    a.say(word)
    assert.equal(mesh.snapshot().sources.get('a')!.state, 'fresh')
    assert.equal(mesh.snapshot().sources.get('a')!.error, undefined)
    assert.equal(mesh.snapshot().services, services)
    a.say(trouble(since))
  }
  a.say(full([]))
  assert.deepEqual(addresses(mesh), ['10.0.0.2'], 'empty is a fact')
  running.unsubscribe()
})

test('readiness names what it waits for, until all have said full', async () => {
  const [a, b] = [fakeRegistry('a'), fakeRegistry('b')]
  const files = fakeConfigSource('files')
  const { mesh } = setup([a, b], [files])
  assert.deepEqual(waitsFor(mesh), ['a', 'b', 'files'], 'before start')
  const running = mesh.start()
  const told: boolean[] = []
  mesh.ready$.subscribe(({ ready }) => told.push(ready))
  const whenReady = mesh.whenReady()
  a.say(full([]))
  b.say(trouble(new Date(5)))
  assert.deepEqual(mesh.readiness(), {
    ready: false,
    waitingFor: [
      { registry: 'b', since: new Date(0), error: outage },
      { registry: 'files', since: new Date(0), error: undefined },
    ],
  })
  b.say(delta({ changed: [service('x.test')] }))
  assert.deepEqual(waitsFor(mesh), ['b', 'files'], 'a delta is not a full')
  b.say(full([]))
  files.say({ kind: 'full', objects: [], issues: [] })
  assert.deepEqual(mesh.readiness(), { ready: true })
  b.say(trouble(new Date(9)))
  assert.deepEqual(mesh.readiness(), { ready: true }, 'ready once, ready for good')
  assert.equal(await whenReady, true)
  assert.equal(told.filter((ready) => ready).length, 1)
  running.unsubscribe()
})

test('the grace ends the wait for a registry that never speaks', async () => {
  const { mesh, until, clock } = setup([fakeRegistry('a', [full([])]), fakeRegistry('b')])
  const running = mesh.start()
  until(29_999)
  assert.deepEqual(waitsFor(mesh), ['b'])
  until(30_000)
  assert.deepEqual(mesh.readiness(), { ready: true })
  running.unsubscribe()
  assert.equal(clock.actions.length, 0)
  const { mesh: stopped } = setup([fakeRegistry('c')])
  const whenReady = stopped.whenReady()
  stopped.start().unsubscribe()
  assert.equal(await whenReady, false)
})

test('no registry has ever spoken: no grace makes that a mesh', () => {
  const [a, b, files] = [fakeRegistry('a'), fakeRegistry('b'), fakeConfigSource('files')]
  const { mesh, until } = setup([a, b], [files])
  const running = mesh.start()
  a.say(trouble(new Date(5)))
  until(60_000)
  assert.deepEqual(waitsFor(mesh), ['a', 'b'], 'configuration is not waited for any longer')
  b.say(full([]))
  assert.deepEqual(mesh.readiness(), { ready: true })
  running.unsubscribe()
})

test('a mesh without sources is ready at start', () => {
  const { mesh } = setup([])
  mesh.start()
  assert.deepEqual(mesh.readiness(), { ready: true })
})

test('a signal stops all, also one that is aborted already', () => {
  const a = fakeRegistry('a')
  const controller = new AbortController()
  setup([a]).mesh.start(controller.signal)
  assert.equal(a.subscribers(), 1)
  controller.abort()
  assert.equal(a.subscribers(), 0)
  setup([a]).mesh.start(controller.signal)
  assert.equal(a.subscribers(), 0)
})

test('a registry that throws, errors or ends becomes trouble, is asked again, and hinders no other', () => {
  let subscriptions = 0
  const throwing: Registry = {
    name: 'throwing',
    kind: 'fake',
    updates: new Observable(() => {
      subscriptions++
      throw new Error('boom')
    }),
  }
  const ending: Registry = { name: 'ending', kind: 'fake', updates: new Observable((s) => s.complete()) }
  const failing = fakeRegistry('failing', [full([service('y.test', 'failing', ['10.0.0.9'])])])
  const good = fakeRegistry('good', [full([service('x.test', 'good', ['10.0.0.1'])])])
  const { mesh, until } = setup([throwing, ending, failing, good])
  const running = mesh.start()
  assert.deepEqual(addresses(mesh), ['10.0.0.1'])
  failing.fail(new Error('lost'))
  const { sources } = mesh.snapshot()
  assert.deepEqual(
    ['throwing', 'ending', 'failing', 'good'].map((name) => [
      sources.get(name)!.state,
      sources.get(name)!.error?.code,
    ]),
    [
      ['connecting', 'PH2040'],
      ['connecting', 'PH2040'],
      ['stale', 'PH2040'],
      ['fresh', undefined],
    ],
  )
  assert.match(sources.get('throwing')!.error!.message, /boom/)
  assert.deepEqual(addresses(mesh, 'y.test'), ['10.0.0.9'])
  until(1_000)
  assert.equal(mesh.snapshot().sources.get('failing')!.state, 'fresh')
  until(7_000)
  assert.equal(subscriptions, 4, 'after 1, 2 and 4 seconds')
  running.unsubscribe()
})

test('an update that can not be merged is trouble of its source only', () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', ['10.0.0.1'])])])
  const { mesh, seen } = setup([a])
  const running = mesh.start()
  a.say(delta({ changed: [{ hostname: 'half.test' } as never] }))
  assert.equal(mesh.snapshot().sources.get('a')!.error?.code, 'PH2041')
  a.say({ kind: 'nonsense' } as never as RegistryUpdate)
  assert.equal(mesh.snapshot().sources.get('a')!.state, 'stale')
  assert.deepEqual([...mesh.snapshot().services.keys()], ['x.test'])
  a.say(delta({ changed: [service('x.test', 'a', ['10.0.0.2'])] }))
  assert.deepEqual(addresses(mesh), ['10.0.0.2'])
  assert.deepEqual([...seen.at(-1)!.changes.services], [['x.test', 'endpoints']])
  running.unsubscribe()
})

test('a subscriber that throws hinders neither the pipe nor the others', async (t) => {
  const a = fakeRegistry('a')
  const { mesh, seen } = setup([a])
  const caught: unknown[] = []
  const before = config.onUnhandledError
  t.after(() => {
    config.onUnhandledError = before
  })
  const reported = new Promise<void>((resolve) => {
    config.onUnhandledError = (error) => {
      caught.push(error)
      if (caught.length === 2) resolve()
    }
  })
  const running = mesh.start()
  const bad = mesh.updates.subscribe(({ snapshot }) => {
    if (snapshot.services.size > 0) throw new Error('bad subscriber')
  })
  const after: number[] = []
  mesh.updates.subscribe(({ snapshot }) => after.push(snapshot.services.size))
  a.say(full([service('x.test')]))
  a.say(full([service('x.test'), service('y.test')]))
  await reported
  assert.deepEqual(after, [0, 1, 2])
  assert.equal(seen.at(-1)!.snapshot.services.size, 2)
  bad.unsubscribe()
  running.unsubscribe()
})

test('an update that a subscriber causes comes after the one it was told, for everybody', () => {
  const a: FakeRegistry = fakeRegistry('a')
  const { mesh, seen } = setup([a])
  const running = mesh.start()
  const later: MeshUpdate[] = []
  mesh.updates.subscribe(({ snapshot }) => {
    if (snapshot.services.size === 1) a.say(full([service('x.test'), service('y.test')]))
  })
  mesh.updates.subscribe((update) => later.push(update))
  a.say(full([service('x.test')]))
  for (const list of [seen, later])
    assert.deepEqual(
      list.map(({ snapshot }) => snapshot.services.size),
      [0, 1, 2],
    )
  running.unsubscribe()
})

test('an object of two config sources: the first holds, the other is an issue', () => {
  const first = fakeConfigSource('files', [
    { kind: 'full', objects: [configObject('v', { from: 1 })], issues: [] },
  ])
  const second = fakeConfigSource('kv', [
    { kind: 'full', objects: [configObject('v', { from: 2 })], issues: [] },
  ])
  const { mesh } = setup([], [first, second])
  const running = mesh.start()
  const spec = (): unknown => mesh.snapshot().configs.get('VirtualService/default/v')?.spec
  assert.deepEqual(spec(), { from: 1 })
  assert.deepEqual(
    mesh.issues().map(({ code, object }) => [code, object]),
    [['PH2020', 'VirtualService/default/v']],
  )
  assert.equal(mesh.snapshot().sources.get('kv')!.issues.length, 1)
  first.say({ kind: 'delta', changed: [], removed: ['VirtualService/default/v'], issues: [] })
  assert.deepEqual(spec(), { from: 2 })
  assert.deepEqual(mesh.issues(), [])
  running.unsubscribe()
})

test('issues are those of sources and services together', () => {
  const issue = { severity: 'error' as const, code: 'PH1001', message: 'bad', remedy: 'fix' }
  const files = fakeConfigSource('files', [{ kind: 'full', objects: [], issues: [issue] }])
  const a = fakeRegistry('a', [full([service('x.test', 'a', [], { location: 'MESH_EXTERNAL' })])])
  const b = fakeRegistry('b', [full([service('x.test', 'b')])])
  const { mesh, seen } = setup([a, b], [files])
  const running = mesh.start()
  assert.deepEqual(
    mesh.issues().map(({ code }) => code),
    ['PH1001', 'PH2007'],
  )
  files.say({ kind: 'delta', changed: [], removed: [], issues: [] })
  assert.deepEqual(mesh.snapshot().sources.get('files')!.issues, [])
  assert.deepEqual([seen.at(-1)!.changes.configs.size, seen.at(-1)!.snapshot], [0, mesh.snapshot()])
  running.unsubscribe()
})

test('two sources of one name are refused', () => {
  assert.throws(() => setup([fakeRegistry('a')], [fakeConfigSource('a')]), /Two sources are named a/)
})
