/** A namespace that may not be read, or is away, holds up the others' word only for a while. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { Observable, type Subscriber, VirtualTimeScheduler } from 'rxjs'
import type {
  KubernetesCluster,
  KubernetesObject,
  KubernetesResource,
  ListWatchEvent,
} from '#config/connections/kubernetes-api.ts'
import { kubernetesRegistry } from '#registries/kubernetes/index.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { pod, service, slice } from './kubernetes-objects.ts'

type History = 'first' | 'same' | 'new'

/** A cluster of which each collection says what a test lets it say. */
function start(t: TestContext, ...namespaces: string[]) {
  const clock = new VirtualTimeScheduler()
  const lists = new Map<
    string,
    { resource: KubernetesResource<unknown>; to: Subscriber<readonly ListWatchEvent<unknown>[]> }
  >()
  const relisted: string[] = []
  const cluster = {
    listWatch: (resource: KubernetesResource<unknown>, relist?: Observable<unknown>) =>
      new Observable<readonly ListWatchEvent<unknown>[]>((to) => {
        lists.set(resource.path, { resource, to })
        return relist?.subscribe(() => relisted.push(resource.path))
      }),
  } as unknown as KubernetesCluster
  const registry = kubernetesRegistry(
    {
      kind: 'kubernetes',
      name: 'kubernetes/test',
      connection: { from: 'in-cluster', server: 'https://fake.test', directory: '/nowhere' },
      ...{ namespaces, domain: 'cluster.local', network: '' },
    },
    { clock, log: silentLogger, cluster },
  )
  const updates: RegistryUpdate[] = []
  const subscription = registry.updates.subscribe((update) => updates.push(update))
  t.after(() => subscription.unsubscribe())
  const pass = (ms = 0): void => {
    const end = clock.frame + ms
    clock.maxFrames = end
    clock.flush()
    clock.frame = end
  }
  const say = (path: string, event: ListWatchEvent<unknown>): void => {
    lists.get(path)!.to.next([event])
    pass()
  }
  const of = (kind: 'services' | 'endpointslices' | 'pods', namespace: string): string =>
    `${kind === 'endpointslices' ? '/apis/discovery.k8s.io/v1' : '/api/v1'}/namespaces/${namespace}/${kind}`
  const listed = (path: string, objects: readonly object[], history: History = 'first'): void => {
    const { resource } = lists.get(path)!
    const items = (objects as readonly KubernetesObject[]).map((it): [string, unknown] => [
      `${it.metadata.namespace}/${it.metadata.name}`,
      resource.translate(it),
    ])
    say(path, { kind: 'listed', items: new Map(items), history })
  }
  const trouble = (path: string, status: number, retryIn = 250): void => {
    const error = { code: status === 403 ? 'PH3002' : 'PH3004', message: `${path}: ${status}.`, remedy: '' }
    const [since, retryAt] = [new Date(clock.now()), new Date(clock.now() + retryIn)]
    say(path, { kind: 'trouble', error, status, since, retryAt })
  }
  const nodes = '/api/v1/nodes'
  return {
    ...{ pass, of, listed, trouble, say, nodes, relisted },
    /** What was told since the last call. */
    told: () => updates.splice(0).map(short),
    last: () => updates.at(-1)!,
    /** All of a namespace: services of these names, with one pod each. */
    listAll(namespace: string, names: readonly string[], history: History = 'first'): void {
      listed(of('pods', namespace), [pod('p', '10.0.0.1', { namespace })], history)
      listed(
        of('services', namespace),
        names.map((name) => service(name, { namespace })),
        history,
      )
      listed(
        of('endpointslices', namespace),
        names.map((name) => slice(name, ['10.0.0.1'], { namespace })),
        history,
      )
    },
    refuse(namespace: string): void {
      for (const kind of ['services', 'endpointslices', 'pods'] as const) trouble(of(kind, namespace), 403)
    },
  }
}

/** `full a/p a/x without PH3002`, `delta -a/y a/x`, `trouble PH3002 of b/x`. */
function short(update: RegistryUpdate): string {
  if (update.kind === 'trouble')
    return `trouble ${update.error.code}${update.services ? ` of ${update.services.join(' ')}` : ''}`
  const [services, pods] =
    update.kind === 'full' ? [update.services, update.workloads] : [update.changed, update.changedWorkloads]
  const words = [
    ...services.map(({ namespace, hostname }) => `${namespace}/${hostname.split('.')[0]}`),
    ...pods.map(({ namespace, workload }) => `${namespace}/${workload}`),
    ...(update.kind === 'full' ? [] : update.removed.map((key) => `-${key.split('.')[0]}`)),
  ].sort()
  const missing = update.kind === 'full' && update.missing ? [`without ${update.missing.error.code}`] : []
  return [update.kind, ...words, ...missing].join(' ')
}

suite('kubernetes: what a part of it keeps back', () => {
  test('a namespace that is refused is missing after 10 s; changes follow; the whole when it may be read', (t) => {
    const c = start(t, 'a', 'b')
    c.listed(c.nodes, [])
    c.listAll('a', ['x'])
    c.refuse('b')
    c.pass(9_000)
    assert.deepEqual(c.told(), ['trouble PH3002'])
    c.pass(1_000)
    const full = c.last()
    assert.deepEqual(c.told(), ['full a/p a/x without PH3002'])
    assert.ok(full.kind === 'full')
    assert.deepEqual(full.missing?.since, new Date(0))
    assert.match(full.missing!.error.message, /namespaces\/b\/services: 403/)

    c.say(c.of('services', 'a'), { kind: 'gone', key: 'a/x' })
    assert.deepEqual(c.told(), ['delta -a/x'])
    c.listAll('b', ['y'])
    assert.deepEqual(c.told(), ['full a/p b/p b/y'])
  })
  test('of a namespace that is known by half nothing is told', (t) => {
    const c = start(t, 'a', 'b')
    c.listed(c.nodes, [])
    c.listAll('a', ['x'])
    c.listed(c.of('services', 'b'), [service('y', { namespace: 'b' })])
    c.listed(c.of('pods', 'b'), [pod('p', '10.0.0.1', { namespace: 'b' })])
    c.trouble(c.of('endpointslices', 'b'), 500)
    c.pass(10_000)
    assert.deepEqual(c.told(), ['trouble PH3004', 'full a/p a/x without PH3004'])
    const more = service('z', { namespace: 'b' }) as unknown as KubernetesObject
    c.listed(c.of('services', 'b'), [more], 'same')
    assert.deepEqual(c.told(), [])
    c.listed(c.of('endpointslices', 'b'), [])
    assert.deepEqual(c.told(), ['full a/p a/x b/p b/z'])
  })
  test('each namespace that comes is told, with what is missing still; when it is tried again, if that is ahead', (t) => {
    const c = start(t, 'a', 'b', 'c')
    c.listed(c.nodes, [])
    for (const namespace of ['b', 'c'])
      for (const kind of ['services', 'endpointslices', 'pods'] as const)
        c.trouble(c.of(kind, namespace), 503, namespace === 'c' ? 60_000 : 250)
    c.pass(15_000)
    assert.deepEqual(c.told(), ['trouble PH3004'])
    c.listAll('a', ['x'])
    const first = c.last()
    assert.deepEqual(c.told(), ['full a/p a/x without PH3004'])
    c.listAll('b', ['y'])
    const second = c.last()
    assert.deepEqual(c.told(), ['full a/p a/x b/p b/y without PH3004'])
    assert.ok(first.kind === 'full' && second.kind === 'full')
    assert.equal(first.missing?.retryAt, undefined)
    assert.deepEqual(second.missing?.retryAt, new Date(60_000))
  })
  test('where nothing is complete, nothing is told but the trouble', (t) => {
    const c = start(t, 'a', 'b')
    c.listed(c.nodes, [])
    c.refuse('b')
    c.listed(c.of('services', 'a'), [])
    c.trouble(c.of('endpointslices', 'a'), 500)
    c.pass(60_000)
    assert.deepEqual(c.told(), ['trouble PH3002', 'trouble PH3004'])
  })
  test('what is listed slowly is waited for', (t) => {
    const c = start(t, 'a', 'b')
    c.listed(c.nodes, [])
    c.listAll('a', ['x'])
    c.pass(20_000)
    assert.deepEqual(c.told(), [])
    c.listAll('b', [])
    assert.deepEqual(c.told(), ['full a/p a/x b/p'])
  })
  test('another history while a namespace is refused: the others of it after 10 s', (t) => {
    const c = start(t, 'a', 'b')
    c.listed(c.nodes, [])
    c.listAll('a', ['x'])
    c.listAll('b', ['y'])
    c.refuse('b')
    c.told()
    c.listed(c.of('services', 'a'), [service('n', { namespace: 'a' })], 'new')
    assert.equal(c.relisted.length, 6)
    c.listed(c.nodes, [], 'same')
    c.listed(c.of('endpointslices', 'a'), [], 'new')
    c.listed(c.of('pods', 'a'), [], 'new')
    c.pass(10_000)
    assert.equal(c.told().at(-1), 'full a/n without PH3002')
    c.listed(c.of('services', 'a'), [service('m', { namespace: 'a' })], 'same')
    assert.deepEqual(c.told(), ['delta -a/n a/m'])
    c.listAll('b', ['y'], 'new')
    assert.deepEqual(c.told(), ['full a/m b/p b/y'])
    assert.equal(c.relisted.length, 6, 'it has come to the history of the others')
  })
  test('of namespaces in trouble each is told to be well when it is, the whole with the first', (t) => {
    const c = start(t, 'a', 'b')
    c.listed(c.nodes, [])
    c.listAll('a', ['x'])
    c.listAll('b', ['y'])
    c.told()
    const lists = (namespace: string) => [c.of('services', namespace), c.of('endpointslices', namespace)]
    for (const path of [...lists('a'), ...lists('b')]) c.trouble(path, 403)
    const y = 'trouble PH3002 of b/y.b.svc.cluster.local'
    const [first, ...more] = c.told()
    assert.equal(first, 'trouble PH3002 of a/x.a.svc.cluster.local')
    assert.equal(more.at(-1), 'trouble PH3002')
    for (const path of lists('a')) c.say(path, { kind: 'well' })
    assert.deepEqual(c.told().slice(-2), ['delta a/x', y])
    for (const path of lists('b')) c.say(path, { kind: 'well' })
    assert.deepEqual(c.told(), ['delta b/y'])
  })
})
