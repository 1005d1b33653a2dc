/** Pilots that share a directory: each knows the workloads of the others, whoever comes, moves, dies. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { asyncScheduler, BehaviorSubject, map, of, ReplaySubject, type SchedulerLike } from 'rxjs'
import type { ConfigSource } from '#config/source.ts'
import { filesSource } from '#config/sources/files.ts'
import type { ConfigObject } from '#model/config.ts'
import type { Group } from '#registries/autoregistration/entry.ts'
import { autoregistrationRegistry } from '#registries/autoregistration/index.ts'
import type { ProxyEvent } from '#registries/autoregistration/proxy.ts'
import { toObject } from '#registries/autoregistration/record.ts'
import { RENEWAL, type Store } from '#registries/autoregistration/shared.ts'
import { silentLogger } from '#support/logger.ts'
import { temporary } from '../config/watched.ts'
import { until } from '../support/cleanup.ts'
import { virtualClock } from './dns-zone.ts'

const group: Group = {
  ...{ kind: 'WorkloadGroup', apiVersion: 'networking.istio.io/v1', namespace: 'default', name: 'vm' },
  ...{ labels: {}, annotations: {}, version: '1', issues: [] },
  spec: { metadata: { labels: { app: 'vm' } }, template: { ports: { http: 8080 }, locality: 'eu/a' } },
  origin: { source: 'files/config', object: 'WorkloadGroup/default/vm' },
}

/** A directory in memory: what is put is seen by all, `delay` ms later. */
function directory(clock: ReturnType<typeof virtualClock>['clock'], delay = 20) {
  const objects = new Map<string, ConfigObject>()
  const seen = new BehaviorSubject<readonly ConfigObject[]>([])
  const tell = () => clock.schedule(() => seen.next([...objects.values()]), delay)
  let writes = 0
  const store: Store = {
    put(key, record) {
      writes++
      objects.set(key, parsed(toObject(record)))
      tell()
    },
    remove(key) {
      if (objects.delete(key)) tell()
    },
  }
  const files = (): ConfigSource => ({
    ...{ name: 'files/shared', kind: 'files' },
    updates: seen.pipe(map((all) => ({ kind: 'full', objects: all, issues: [] }) as const)),
  })
  return { store, files, keys: () => [...objects.keys()].sort(), writes: () => writes }
}

/** As it comes back from a file. */
function parsed(object: object): ConfigObject {
  const { metadata, spec, ...rest } = object as {
    metadata: Pick<ConfigObject, 'name' | 'namespace' | 'annotations'>
    spec: object
  }
  return {
    ...(rest as Pick<ConfigObject, 'kind' | 'apiVersion'>),
    ...metadata,
    ...{ labels: {}, version: '', issues: [], origin: { source: 'files/shared', object: metadata.name } },
    spec: { network: '', locality: '', serviceAccount: '', ...spec },
  }
}

type Shared = { readonly files: (path: string) => ConfigSource; readonly store?: Store }

function pilot(controller: string, clock: SchedulerLike, shared: Shared, path = '/shared') {
  const proxies = new ReplaySubject<ProxyEvent>()
  const known = new Set<string>()
  const history: string[] = []
  const registry = autoregistrationRegistry(
    { kind: 'autoregistration', name: 'autoregistration', gracePeriod: 10_000, shared: path },
    {
      ...{
        clock,
        log: silentLogger,
        proxies,
        groups: of([group]),
        controller,
        restored: [],
        files: shared.files,
      },
      ...(shared.store && { store: shared.store }),
    },
  )
  const subscription = registry.updates.subscribe((update) => {
    if (update.kind === 'trouble') return void history.push('trouble')
    const added = update.kind === 'full' ? update.workloads : update.changedWorkloads
    for (const { workload } of added) known.add(workload)
    for (const key of update.kind === 'full' ? [] : update.removedWorkloads) {
      known.delete(key.split('/')[1]!)
      history.push(`-${key}`)
    }
  })
  proxies.next({ kind: 'open' })
  return {
    ...{ history, stop: () => subscription.unsubscribe() },
    knows: () => [...known].sort(),
    connect: (stream: string, ip = '10.0.0.1') =>
      proxies.next({
        kind: 'connect',
        proxy: {
          stream,
          ip,
          node: stream,
          group: 'vm',
          namespace: 'default',
          labels: {},
          network: '',
          serviceAccount: '',
        },
      }),
    disconnect: (stream: string) => proxies.next({ kind: 'disconnect', stream }),
  }
}

test('a workload that connects to one Pilot is known to all; when it is gone, to none', async () => {
  const { clock, pass } = virtualClock()
  const shared = directory(clock)
  const [a, b] = [pilot('a', clock, shared), pilot('b', clock, shared)]
  a.connect('1')
  await pass(100)
  assert.deepEqual([a.knows(), b.knows()], [['vm-10.0.0.1'], ['vm-10.0.0.1']])
  a.disconnect('1')
  await pass(9_500)
  assert.deepEqual(b.knows(), ['vm-10.0.0.1'])
  await pass(1_000)
  assert.deepEqual([a.knows(), b.knows(), shared.keys()], [[], [], []])
})

test('a workload that moves to another Pilot is never away, at none of three', async () => {
  const { clock, pass } = virtualClock()
  const shared = directory(clock)
  const [a, b, c] = [pilot('a', clock, shared), pilot('b', clock, shared), pilot('c', clock, shared)]
  a.connect('1')
  await pass(1_000)
  a.disconnect('1')
  await pass(3_000)
  b.connect('2')
  await pass(60_000)
  for (const each of [a, b, c]) assert.deepEqual([each.knows(), each.history], [['vm-10.0.0.1'], []])
  b.disconnect('2')
  await pass(11_000)
  for (const each of [a, b, c]) assert.deepEqual(each.knows(), [])
})

test('two sidecars of one workload at two Pilots: when one leaves, it stays', async () => {
  const { clock, pass } = virtualClock()
  const shared = directory(clock)
  const [a, b] = [pilot('a', clock, shared), pilot('b', clock, shared)]
  a.connect('1')
  await pass(1_000)
  b.connect('2')
  await pass(1_000)
  b.disconnect('2')
  await pass(30_000)
  assert.deepEqual(
    [a.knows(), b.knows(), shared.keys()],
    [['vm-10.0.0.1'], ['vm-10.0.0.1'], ['default/vm-10.0.0.1']],
  )
})

test('a Pilot that dies with its workloads: others keep them for three renewals, then take them away', async () => {
  const { clock, pass } = virtualClock()
  const shared = directory(clock)
  const [a, b] = [pilot('a', clock, shared), pilot('b', clock, shared)]
  a.connect('1')
  await pass(1_000)
  a.stop()
  await pass(2 * RENEWAL)
  assert.deepEqual(b.knows(), ['vm-10.0.0.1'])
  await pass(RENEWAL + 60_000)
  assert.deepEqual([b.knows(), shared.keys()], [[], []])
})

test('a Pilot that comes back finds its own records, and takes away those whose proxies do not return', async () => {
  const { clock, pass } = virtualClock()
  const shared = directory(clock)
  const first = pilot('a', clock, shared)
  first.connect('1', '10.0.0.1')
  first.connect('2', '10.0.0.2')
  await pass(1_000)
  first.stop()
  const again = pilot('a', clock, shared)
  await pass(100)
  assert.deepEqual(again.knows(), ['vm-10.0.0.1', 'vm-10.0.0.2'])
  again.connect('3', '10.0.0.2')
  await pass(50_000)
  assert.deepEqual([again.knows(), again.history], [['vm-10.0.0.2'], ['-default/vm-10.0.0.1']])
  assert.deepEqual(shared.keys(), ['default/vm-10.0.0.2'])
})

test('renewed while it lasts, and no oftener', async () => {
  const { clock, pass } = virtualClock()
  const shared = directory(clock)
  const [a, b] = [pilot('a', clock, shared), pilot('b', clock, shared)]
  a.connect('1')
  await pass(12 * RENEWAL, 5_000)
  assert.deepEqual(b.knows(), ['vm-10.0.0.1'])
  assert.ok(shared.writes() >= 12 && shared.writes() <= 14, `${shared.writes()}`)
  assert.deepEqual(b.history, [])
})

test('in a real directory: whole files for this user only, read back as they were', async (t) => {
  const path = join(temporary(t), 'shared')
  const files = (dir: string) => filesSource({ name: 'files/shared', path: dir, timing: { retry: 20 } })
  const [a, b] = [pilot('a', asyncScheduler, { files }, path), pilot('b', asyncScheduler, { files }, path)]
  t.after(() => {
    a.stop()
    b.stop()
  })
  a.connect('1')
  await until('the other Pilot to know it', () => b.knows().length === 1)
  const [file, ...more] = readdirSync(path)
  assert.deepEqual([file, more], ['default_vm-10.0.0.1.json', []])
  assert.equal(statSync(join(path, file!)).mode & 0o777, 0o600)
  const { kind, metadata, spec } = JSON.parse(readFileSync(join(path, file!), 'utf8'))
  assert.deepEqual([kind, metadata.annotations['istio.io/workloadController']], ['WorkloadEntry', 'a'])
  assert.deepEqual(spec, {
    address: '10.0.0.1',
    ports: { http: 8080 },
    labels: { app: 'vm' },
    weight: 1,
    locality: 'eu/a',
  })
})
