/** Custom resources of a cluster as configuration: fake lists in, updates out. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Observable, type Subscriber, VirtualTimeScheduler } from 'rxjs'
import type { KubernetesCluster, ListWatchEvent } from '#config/connections/kubernetes-api.ts'
import { kubernetesSource, type Verdict } from '#config/sources/kubernetes.ts'
import type { ApiObject } from '#config/sources/kubernetes-served.ts'
import type { ConfigUpdate } from '#model/config.ts'

const SIDECARS = '/apis/networking.istio.io/v1/sidecars'
const ENTRIES = '/apis/networking.istio.io/v1/serviceentries'
const PLUGINS = '/apis/extensions.istio.io/v1alpha1/wasmplugins'

const away = { code: 'PH3001', message: 'away', remedy: 'wait' }

/** An API server that has the lists which `serve` names; all others are not installed. */
function cluster(...served: string[]) {
  const clock = new VirtualTimeScheduler()
  const lists = new Map<string, Subscriber<readonly ListWatchEvent<ApiObject>[]>>()
  const installed = new Set(served)
  const verdicts: Verdict[] = []
  const source = kubernetesSource(
    { name: 'kubernetes/test', namespaces: [] },
    {
      cluster: {
        listWatch: ({ path }: { path: string }) =>
          new Observable<readonly ListWatchEvent<ApiObject>[]>((subscriber) => {
            if (!installed.has(path)) {
              const times = { since: new Date(clock.now()), retryAt: new Date(clock.now()) }
              subscriber.next([{ kind: 'trouble', error: away, status: 404, ...times }])
              return undefined
            }
            lists.set(path, subscriber)
            return () => lists.delete(path)
          }),
      } as Pick<KubernetesCluster, 'listWatch'>,
      clock,
      writeStatus: (given) => given.subscribe((verdict) => verdicts.push(verdict)),
    },
  )
  const updates: ConfigUpdate[] = []
  const pass = (ms = 0): void => {
    const end = clock.frame + ms
    clock.maxFrames = end
    clock.flush()
    clock.frame = end
  }
  return {
    source,
    updates,
    verdicts,
    pass,
    lists,
    install: (path: string) => installed.add(path),
    /** From now on it is answered with 404. */
    uninstall(path: string) {
      installed.delete(path)
      const times = { since: new Date(clock.now()), retryAt: new Date(clock.now()) }
      lists.get(path)!.next([{ kind: 'trouble', error: away, status: 404, ...times }])
      pass()
    },
    start: () => source.updates.subscribe((update) => updates.push(update)),
    say(path: string, event: ListWatchEvent<ApiObject>) {
      lists.get(path)!.next([event])
      pass()
    },
  }
}

const entry = (name: string, hosts: readonly string[] = [`${name}.example.com`]): ApiObject => ({
  metadata: { name, namespace: 'default', generation: 3, resourceVersion: '7' },
  spec: { hosts, ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'DNS' },
})

const listed = (...objects: ApiObject[]): ListWatchEvent<ApiObject> => ({
  kind: 'listed',
  items: new Map(objects.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object])),
  history: 'first',
})
const put = (value: ApiObject): ListWatchEvent<ApiObject> => ({
  kind: 'put',
  key: `default/${value.metadata.name}`,
  value,
})

const trouble = (status: number, since = 0): ListWatchEvent<ApiObject> => ({
  kind: 'trouble',
  error: { code: status === 403 ? 'PH3002' : 'PH3004', message: `${status} no.`, remedy: 'Look.' },
  ...{ status, since: new Date(since), retryAt: new Date(since + 1) },
})
/** `full ServiceEntry/a; PH1016`: objects, `-` what is removed, and issues. */
const short = (update: ConfigUpdate): string => {
  if (update.kind === 'trouble') return `trouble ${update.error.code}`
  const objects = update.kind === 'full' ? update.objects : update.changed
  const removed = update.kind === 'full' ? [] : update.removed
  const words = [...objects.map(({ kind, name }) => `${kind}/${name}`), ...removed.map((key) => `-${key}`)]
  return `${update.kind} ${words.join(' ')}; ${update.issues.map(({ code }) => code).join(' ')}`
}

/** Its first scan is done. */
function started(...kinds: Parameters<typeof cluster>) {
  const c = cluster(...kinds)
  c.start()
  c.pass()
  return c
}

suite('kubernetes configuration source', () => {
  test('full when all lists have spoken; what is not installed is not waited for', () => {
    const c = started(SIDECARS, ENTRIES)
    c.say(SIDECARS, listed())
    assert.equal(c.updates.length, 0)
    c.say(ENTRIES, listed(entry('a')))
    const [full] = c.updates
    assert.ok(full?.kind === 'full')
    assert.deepEqual(
      full.objects.map((o) => [o.kind, o.name, o.origin.source, o.origin.at]),
      [['ServiceEntry', 'a', 'kubernetes/test', 'kubernetes/test/ServiceEntry/default/a']],
    )
  })
  test('changes and deletions are deltas; a refused version keeps the last good one', () => {
    const c = started(ENTRIES)
    c.say(ENTRIES, listed(entry('a'), entry('b')))
    c.say(ENTRIES, put(entry('a', ['no host'])))
    const refused = c.updates.at(-1)!
    assert.ok(refused.kind === 'delta')
    assert.equal(refused.issues[0]?.code, 'PH1101')
    assert.equal(refused.issues[0]?.at, 'kubernetes/test/ServiceEntry/default/a')
    assert.deepEqual((refused.changed[0]!.spec as { hosts: string[] }).hosts, ['a.example.com'])
    c.say(ENTRIES, { kind: 'gone', key: 'default/b' })
    const gone = c.updates.at(-1)!
    assert.ok(gone.kind === 'delta')
    assert.deepEqual(gone.removed, ['ServiceEntry/default/b'])
  })
  test('an outage is trouble and takes nothing away; a list after it is the whole', () => {
    const c = started(ENTRIES)
    c.say(ENTRIES, listed(entry('a')))
    c.say(ENTRIES, { kind: 'trouble', error: away, since: new Date(1), retryAt: new Date(2) })
    c.say(ENTRIES, { kind: 'trouble', error: away, since: new Date(1), retryAt: new Date(2) })
    assert.deepEqual(c.updates.slice(1), [{ kind: 'trouble', error: away, since: new Date(1) }])
    c.say(ENTRIES, listed(entry('a'), entry('b')))
    const full = c.updates.at(-1)!
    assert.ok(full.kind === 'full')
    assert.equal(full.objects.length, 2)
  })
  test('a kind that may not be read is an issue, and the others are told', () => {
    const c = started(ENTRIES, PLUGINS)
    c.say(ENTRIES, listed(entry('a')))
    assert.equal(c.updates.length, 0)
    c.say(PLUGINS, trouble(403))
    const full = c.updates[0]!
    assert.ok(full.kind === 'full')
    assert.equal(short(full), 'full ServiceEntry/a; PH1016')
    assert.equal(full.missing?.error.code, 'PH3002')
    const { message, remedy, at } = full.issues[0]!
    assert.match(message, /^WasmPlugin \(extensions\.istio\.io\) cannot be read.*403 no\.$/)
    assert.match(remedy, /wasmplugins\.extensions\.istio\.io/)
    assert.equal(at, 'kubernetes/test')
    c.say(ENTRIES, put(entry('b')))
    c.say(PLUGINS, listed())
    assert.deepEqual(c.updates.slice(1).map(short), [
      'delta ServiceEntry/b; PH1016',
      'full ServiceEntry/a ServiceEntry/b; ',
    ])
    const complete = c.updates.at(-1)!
    assert.ok(complete.kind === 'full' && complete.missing === undefined)
  })
  test('a kind in other trouble holds up the first word for 10 s; with it nothing else goes or comes', () => {
    const c = started(ENTRIES, SIDECARS)
    c.say(SIDECARS, trouble(500))
    c.say(ENTRIES, listed(entry('a')))
    c.pass(9_999)
    assert.equal(c.updates.length, 0)
    c.pass(1)
    c.say(ENTRIES, { kind: 'gone', key: 'default/a' })
    c.say(SIDECARS, listed())
    assert.deepEqual(c.updates.map(short), [
      'full ServiceEntry/a; PH1016',
      'delta -ServiceEntry/default/a; PH1016',
      'full ; ',
    ])
  })
  test('what a kind had said before its trouble stays; what is over soon is no issue', () => {
    const c = started(ENTRIES, SIDECARS)
    c.say(ENTRIES, listed(entry('a')))
    c.say(SIDECARS, listed())
    c.say(ENTRIES, trouble(500, 0))
    c.pass(9_000)
    c.say(ENTRIES, { kind: 'well' })
    c.say(ENTRIES, trouble(500, 9_000))
    c.pass(10_000)
    c.say(ENTRIES, listed(entry('a'), entry('b')))
    assert.deepEqual(c.updates.map(short), [
      'full ServiceEntry/a; ',
      'delta ; PH1016',
      'delta ServiceEntry/b; ',
    ])
  })
  test('where no kind can be read the source is in trouble, and says nothing else', () => {
    const c = started(ENTRIES, SIDECARS)
    c.say(ENTRIES, trouble(500))
    c.say(SIDECARS, trouble(403))
    c.pass(20_000)
    assert.deepEqual(c.updates.map(short), ['trouble PH3004'])
    c.say(SIDECARS, listed())
    assert.deepEqual(c.updates.map(short), ['trouble PH3004', 'full ; PH1016'])
  })
  test('a resource installed later is found; kinds without effect are issues', () => {
    const c = started(ENTRIES)
    c.say(ENTRIES, listed())
    const routes = '/apis/gateway.networking.k8s.io/v1/httproutes'
    c.install(routes)
    c.pass(30_000)
    c.say(routes, listed({ metadata: { name: 'r', namespace: 'default' }, spec: {} }))
    const told = c.updates.at(-1)!
    assert.ok(told.kind === 'delta')
    assert.deepEqual(
      told.issues.map(({ code, at }) => [code, at]),
      [['PH1007', 'kubernetes/test/HTTPRoute/default/r']],
    )
  })
  test('a kind that is not found any more is believed to be gone after 30 s', () => {
    const c = started(ENTRIES, SIDECARS)
    c.say(ENTRIES, listed(entry('a')))
    c.say(SIDECARS, listed())
    c.uninstall(ENTRIES)
    c.pass(29_999)
    assert.deepEqual(c.updates.map(short), ['full ServiceEntry/a; ', 'delta ; PH1016'])
    c.pass(1)
    assert.deepEqual(c.updates.slice(2).map(short), ['delta -ServiceEntry/default/a; '])
    c.install(ENTRIES)
    c.pass(30_000)
    c.say(ENTRIES, listed(entry('a')))
    assert.deepEqual(c.updates.slice(3).map(short), ['delta ServiceEntry/a; '])
  })
  test('a kind that is found again before, by whichever version, has lost nothing', () => {
    for (const back of [ENTRIES, '/apis/networking.istio.io/v1beta1/serviceentries']) {
      const c = started(ENTRIES, SIDECARS)
      c.say(ENTRIES, listed(entry('a')))
      c.say(SIDECARS, listed())
      c.uninstall(ENTRIES)
      c.pass(7_000)
      c.install(back)
      c.pass(3_000)
      c.say(back, listed(entry('a'), entry('b')))
      c.pass(60_000)
      const removed = c.updates.flatMap((update) => (update.kind === 'delta' ? update.removed : []))
      assert.deepEqual(removed, [])
      assert.match(short(c.updates.at(-1)!), /ServiceEntry\/b; $/)
    }
  })
  test('what was in other trouble meanwhile was not gone all the time', () => {
    const c = started(ENTRIES, SIDECARS)
    c.say(ENTRIES, listed(entry('a')))
    c.say(SIDECARS, listed())
    c.uninstall(ENTRIES)
    c.pass(7_000)
    c.install(ENTRIES)
    c.pass(3_000)
    c.say(ENTRIES, trouble(500, 10_000))
    c.uninstall(ENTRIES)
    c.pass(29_999)
    assert.ok(!c.updates.some((update) => update.kind === 'delta' && update.removed.length > 0))
    c.pass(1)
    assert.deepEqual(short(c.updates.at(-1)!), 'delta -ServiceEntry/default/a; ')
  })
  test('all kinds not found any more: trouble, till it is believed', () => {
    const c = started(ENTRIES)
    c.say(ENTRIES, listed(entry('a')))
    c.uninstall(ENTRIES)
    c.pass(29_999)
    assert.deepEqual(c.updates.map(short), ['full ServiceEntry/a; ', 'trouble PH3001'])
    c.pass(1)
    assert.deepEqual(c.updates.slice(2).map(short), ['full ; '])
  })
  test('an older version of a resource is followed where the newest is not served', () => {
    const c = started('/apis/networking.istio.io/v1beta1/serviceentries')
    c.say('/apis/networking.istio.io/v1beta1/serviceentries', listed(entry('a')))
    const full = c.updates[0]!
    assert.ok(full.kind === 'full')
    assert.equal(full.objects.length, 1)
  })
  test('verdicts name the object, its generation and what is wrong; our own status is no change', () => {
    const c = cluster(ENTRIES)
    const { verdicts } = c
    c.start()
    c.pass()
    c.say(ENTRIES, listed(entry('a')))
    assert.deepEqual(
      verdicts.map(({ path, generation, issues }) => [path, generation, issues]),
      [['/apis/networking.istio.io/v1/namespaces/default/serviceentries/a', 3, []]],
    )
    const before = c.updates.length
    c.say(ENTRIES, put({ ...entry('a'), status: { conditions: [{ type: 'Reconciled' }] } }))
    assert.equal(c.updates.length, before)
    assert.deepEqual(verdicts.at(-1)?.status, { conditions: [{ type: 'Reconciled' }] })
  })
  test('unsubscribing ends every list and timer', () => {
    const c = cluster(ENTRIES)
    const one = c.start()
    const two = c.start()
    c.pass()
    c.say(ENTRIES, listed(entry('a')))
    one.unsubscribe()
    assert.equal(c.lists.size, 1)
    two.unsubscribe()
    assert.equal(c.lists.size, 0)
    const after = c.updates.length
    c.pass(120_000)
    assert.equal(c.updates.length, after)
  })
})
