import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import type { MeshUpdate } from '#model/mesh.ts'
import { silentLogger } from '#support/logger.ts'
import { createMesh, defaultMeshOptions } from '../../src/mesh/mesh.ts'
import { configObject, delta, fakeConfigSource, fakeRegistry, full, service } from './fakes.ts'

test('registries and config sources become one stream of snapshots', () => {
  const a = fakeRegistry('a', [full([service('x.test', 'a', ['10.0.0.1'])])])
  const b = fakeRegistry('b')
  const files = fakeConfigSource('files', [{ kind: 'full', objects: [configObject('v')], issues: [] }])
  const clock = new VirtualTimeScheduler()
  const mesh = createMesh({
    registries: [a, b],
    configs: [files],
    settings: defaultMeshOptions,
    clock,
    log: silentLogger,
  })
  const seen: MeshUpdate[] = []
  mesh.updates.subscribe((update) => seen.push(update))
  const subscription = mesh.start()
  assert.deepEqual(mesh.readiness(), {
    ready: false,
    waitingFor: [{ registry: 'b', since: new Date(0), error: undefined }],
  })
  b.say(full([service('x.test', 'b', ['10.0.0.2'])]))
  assert.deepEqual(mesh.readiness(), { ready: true })
  const before = mesh.snapshot().services.get('x.test')!
  b.say(delta({ changed: [service('x.test', 'b', ['10.0.0.3'])] }))
  const after = mesh.snapshot().services.get('x.test')!
  assert.deepEqual(
    after.endpoints.map((e) => [e.registry, e.address]),
    [
      ['a', '10.0.0.1'],
      ['b', '10.0.0.3'],
    ],
  )
  assert.equal(after.attributes, before.attributes)
  assert.deepEqual([...seen.at(-1)!.changes.services], [['x.test', 'endpoints']])
  assert.deepEqual([...mesh.snapshot().configs.keys()], ['VirtualService/default/v'])
  subscription.unsubscribe()
  assert.deepEqual(
    [a, b, files].map((source) => source.subscribers()),
    [0, 0, 0],
  )
})
