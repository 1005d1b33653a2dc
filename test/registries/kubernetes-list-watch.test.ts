import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type SchedulerLike, Subject, VirtualTimeScheduler } from 'rxjs'
import type {
  KubernetesObject,
  KubernetesResource,
  ListWatchEvent,
} from '#config/connections/kubernetes-api.ts'
import { listWatch } from '#registries/kubernetes/list-watch.ts'
import { createMachine, type Outcome } from '#registries/kubernetes/list-watch-state.ts'
import { silentLogger } from '#support/logger.ts'
import { type FakeKubernetes, fakeKubernetes, status } from './kubernetes-fake.ts'

const PATH = '/api/v1/things'
const thing = (name: string, size = 1) => ({ metadata: { name, namespace: 'default' }, size })

interface Ear {
  readonly fake: FakeKubernetes
  readonly events: ListWatchEvent<number>[]
  readonly kinds: () => string
  /** Time passes until `holds`; throws if nothing is left to happen. */
  until(holds: () => unknown): Promise<void>
  pass(ms: number): Promise<void>
  readonly relist: Subject<void>
  /** Of requests since the last call: `list`, `list more`, `probe`, `watch 101`. */
  asked(): string
}

/** Virtual time: what is scheduled happens only in `until` and `pass`. */
function start(t: TestContext, { pageSize = 500, fake = fakeKubernetes() } = {}): Ear {
  const scheduler = new VirtualTimeScheduler()
  let now = 0
  const clock: SchedulerLike = {
    now: () => now,
    schedule: (work, delay, state) =>
      scheduler.schedule(work as never, (delay ?? 0) + now - scheduler.frame, state as never),
  }
  const resource: KubernetesResource<number> = {
    path: PATH,
    pageSize,
    translate: (object: KubernetesObject) => {
      if (object.size === 'bad') throw new Error('bad size')
      return typeof object.size === 'number' ? object.size : undefined
    },
  }
  const relist = new Subject<void>()
  const deps = { clock, log: silentLogger, random: () => 0.5, api: async () => fake.api }
  const events: ListWatchEvent<number>[] = []
  const subscription = listWatch(resource, deps, relist).subscribe((some) => events.push(...some))
  t.after(() => subscription.unsubscribe())
  const settle = async () => {
    for (let i = 0; i < 30; i++) await turn()
  }
  const next = () => scheduler.actions.filter((action) => !action.closed).sort((a, b) => a.delay - b.delay)[0]
  const advance = (to: number) => {
    now = to
    for (let action = next(); action && action.delay <= to; action = next()) {
      scheduler.actions.splice(scheduler.actions.indexOf(action), 1)
      scheduler.frame = action.delay
      action.execute(action.state, action.delay)
    }
  }
  return {
    fake,
    events,
    relist,
    kinds: () => events.map(({ kind }) => kind).join(' '),
    async until(holds) {
      await settle()
      for (let i = 0; i < 200 && !holds(); i++) {
        const action = next()
        assert.ok(action, `nothing is left to happen; heard ${JSON.stringify(events)}`)
        advance(action.delay)
        await settle()
      }
      assert.ok(holds())
    },
    async pass(ms) {
      const end = now + ms
      for (let action = next(); action && action.delay <= end; action = next()) {
        advance(action.delay)
        await settle()
      }
      now = end
      await settle()
    },
    asked: () =>
      fake.requests
        .splice(0)
        .map(({ query }) =>
          query.watch
            ? `watch ${query.resourceVersion}`
            : query.limit === '1'
              ? 'probe'
              : query.continue
                ? 'more'
                : 'list',
        )
        .join(', '),
  }
}
const listed = (ear: Ear) => ear.events.findLast((event) => event.kind === 'listed')!

suite('kubernetes: list-watch', () => {
  test('an empty list is a fact', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.events.length > 0)
    assert.deepEqual(ear.events, [{ kind: 'listed', items: new Map(), history: 'first' }])
    await ear.pass(1)
    assert.equal(ear.asked(), 'list, watch 100')
  })
  test('pages of one list, then changes; what is of no interest or broken is left out', async (t) => {
    const ear = start(t, { pageSize: 2 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) ear.fake.put(PATH, thing(name))
    ear.fake.put(PATH, { metadata: { name: 'bad', namespace: 'default' }, size: 'bad' })
    await ear.until(() => ear.events.length > 0)
    assert.deepEqual(
      [...listed(ear).items.keys()].join(' '),
      'default/a default/b default/c default/d default/e',
    )
    assert.equal(ear.asked(), 'list, more, more, watch 106')
    ear.fake.put(PATH, thing('a', 2))
    ear.fake.remove(PATH, 'b', 'default')
    ear.fake.put(PATH, { metadata: { name: 'c', namespace: 'default' }, size: 'unknown kind of size' })
    await ear.until(() => ear.events.length === 3 || ear.events.length === 4)
    assert.deepEqual(ear.events.slice(1), [
      { kind: 'put', key: 'default/a', value: 2 },
      { kind: 'gone', key: 'default/b' },
      { kind: 'gone', key: 'default/c' },
    ])
  })
  test('a page whose token is stale: the list begins anew, at last in one piece', async (t) => {
    const ear = start(t, { pageSize: 1 })
    for (const name of ['a', 'b']) ear.fake.put(PATH, thing(name))
    ear.fake.fail(({ query }) => (query?.continue ? status(410, 'expired') : undefined))
    await ear.until(() => ear.events.length > 0)
    assert.equal(listed(ear).items.size, 2)
    const limits = ear.fake.requests
      .filter(({ query }) => !query.watch && !query.continue)
      .map((it) => it.query.limit)
    assert.deepEqual(limits, ['1', '1', '1', undefined])
  })
  test('the end of a watch, in time: on from the last version, bookmarks included', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.send(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '180' } } })}\n`,
    )
    await ear.pass(170_000)
    ear.fake.send(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '190' } } })}\n`,
    )
    await ear.pass(170_000)
    ear.fake.send(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '195' } } })}\n`,
    )
    await ear.pass(110_000)
    ear.asked()
    ear.fake.cut()
    await ear.pass(1)
    assert.equal(ear.asked(), 'watch 195')
    assert.equal(ear.kinds(), 'listed')
  })
  test('an early end, or a cut: looks whether the history is the same, and goes on without a word', async (t) => {
    const ear = start(t)
    for (const name of ['a', 'b']) ear.fake.put(PATH, thing(name))
    await ear.until(() => ear.fake.watching(PATH))
    ear.asked()
    for (const error of [undefined, new Error('socket hang up')]) {
      ear.fake.cut(error)
      await ear.until(() => ear.fake.watching(PATH))
      assert.equal(ear.asked(), 'probe, watch 102')
    }
    assert.equal(ear.kinds(), 'listed')
  })
  test('watches that are cut while idle are no failures; those that are cut at once are', () => {
    const cuts: readonly Outcome<number>[] = [
      { kind: 'failed', error: { code: 'PH3001', message: 'socket hang up', remedy: '' } },
      { kind: 'ended', early: true },
    ]
    for (const cut of cuts)
      for (const [stood, expected] of [
        [50_000, [250, 250, 250, 250, 250, 250]],
        [4_000, [250, 500, 1000, 2000, 4000, 8000]],
      ] as const) {
        const machine = createMachine<number>({ where: () => PATH, random: () => 1 })
        const page: Outcome<number> = { kind: 'page', page: { resourceVersion: '7', items: [] } }
        let now = 0
        machine.first()
        machine.next(page, new Date(now))
        const waits = expected.map(() => {
          machine.opened(new Date(now))
          now += stood
          const { step } = machine.next(cut, new Date(now))
          now += step.after
          assert.equal(step.do, 'probe')
          assert.equal(machine.next(page, new Date(now)).step.do, 'watch')
          return step.after
        })
        assert.deepEqual(waits, expected)
      }
  })
  test('a silent watch is left after three minutes', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.fake.watching(PATH))
    ear.asked()
    await ear.pass(179_000)
    assert.equal(ear.asked(), '')
    await ear.pass(3000)
    assert.equal(ear.asked(), 'probe, watch 100')
    assert.equal(ear.kinds(), 'listed')
  })
  test('a watch that the server never ends is ended here', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.fake.watching(PATH))
    ear.asked()
    for (let minute = 0; minute < 9; minute++) {
      await ear.pass(60_000)
      ear.fake.send(
        `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '200' } } })}\n`,
      )
    }
    assert.equal(ear.asked(), 'watch 200')
    assert.equal(ear.kinds(), 'listed')
  })
  test('an outage: told once, with when it began; tried less and less; then well, in the same history', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.fail(() => new Error('connect ECONNREFUSED'))
    ear.fake.cut(new Error('socket hang up'))
    ear.asked()
    await ear.pass(300_000)
    assert.equal(ear.kinds(), 'listed trouble')
    const trouble = ear.events[1]!
    assert.ok(trouble.kind === 'trouble')
    assert.equal(trouble.error.code, 'PH3001')
    assert.ok(trouble.since < trouble.retryAt)
    const tries = ear.asked().split(', ')
    assert.ok(tries.length > 10 && tries.length < 25, `${tries.length} tries`)
    ear.fake.fail(undefined)
    await ear.until(() => ear.kinds() === 'listed trouble well')
  })
  test('answers by status', async (t) => {
    for (const [code, expected] of [
      [403, 'PH3002'],
      [404, 'PH3005'],
      [429, 'PH3003'],
      [500, 'PH3004'],
      [504, 'PH3004'],
    ] as const) {
      const ear = start(t)
      ear.fake.fail(() => status(code, 'made up'))
      await ear.until(() => ear.events.length > 0)
      const [trouble] = ear.events
      assert.ok(trouble?.kind === 'trouble')
      assert.deepEqual([trouble.error.code, trouble.status], [expected, code])
      assert.match(trouble.error.message, /^https:\/\/fake\.test\/api\/v1\/things: \d+ made up\.$/)
      ear.fake.fail(undefined)
      await ear.until(() => ear.kinds() === 'trouble listed')
    }
  })
  test('Retry-After is kept to', async (t) => {
    const ear = start(t)
    ear.fake.fail(() => status(429, 'slowly', { retryAfter: 20_000 }))
    await ear.until(() => ear.events.length > 0)
    ear.asked()
    await ear.pass(19_000)
    assert.equal(ear.asked(), '')
    ear.fake.fail(undefined)
    await ear.pass(2000)
    assert.equal(ear.kinds(), 'trouble listed')
  })
  test('401: credentials are read anew, once without a word', async (t) => {
    const ear = start(t)
    let refused = 0
    ear.fake.fail(() => (refused++ === 0 ? status(401, 'Unauthorized') : undefined))
    await ear.until(() => ear.events.length > 0)
    assert.equal(ear.kinds(), 'listed')
    assert.equal(ear.fake.renewals(), 1)
    ear.fake.fail(() => status(401, 'Unauthorized'))
    ear.fake.cut()
    await ear.until(() => ear.events.length > 1)
    assert.equal(ear.kinds(), 'listed trouble')
    const renewed = ear.fake.renewals()
    await ear.pass(60_000)
    assert.ok(ear.fake.renewals() > renewed, 'and before each later try')
  })
  test('410, as a status and as an event: listed again in the same history', async (t) => {
    const ear = start(t)
    ear.fake.put(PATH, thing('a'))
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.cut()
    ear.fake.put(PATH, thing('b'))
    ear.fake.compact()
    await ear.until(() => ear.kinds() === 'listed listed')
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.send(`${JSON.stringify({ type: 'ERROR', object: { code: 410, message: 'too old' } })}\n`)
    await ear.until(() => ear.kinds() === 'listed listed listed')
    assert.ok(ear.events.every((event) => event.kind !== 'listed' || event.history !== 'new'))
  })
  test('a server that always says 410 is not asked all the time', async (t) => {
    const ear = start(t)
    ear.fake.fail(({ query }) => (query?.watch ? status(410, 'too old') : undefined))
    await ear.pass(120_000)
    assert.ok(ear.fake.requests.length < 40, `${ear.fake.requests.length} requests`)
  })
  test('garbage on a watch: listed again; nothing of it is told', async (t) => {
    for (const line of [
      '{"type":"ADDED","obj',
      'null',
      '{"type":"MOVED","object":{"metadata":{"name":"x","resourceVersion":"7"}}}',
    ]) {
      const ear = start(t)
      ear.fake.put(PATH, thing('a'))
      await ear.until(() => ear.fake.watching(PATH))
      ear.fake.send(`${line}\n`)
      await ear.until(() => ear.kinds() === 'listed listed')
    }
  })
  test('a line without an end is not kept for ever', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.fake.watching(PATH))
    const part = 'x'.repeat(1 << 20)
    for (let i = 0; i < 18; i++) ear.fake.send(part)
    await ear.until(() => ear.kinds() === 'listed listed')
  })
  test('another history: the version went back', async (t) => {
    const ear = start(t)
    ear.fake.put(PATH, thing('a'))
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.wipe(5)
    ear.fake.cut(new Error('socket hang up'))
    await ear.until(() => ear.kinds() === 'listed listed')
    const { items, history } = listed(ear)
    assert.deepEqual([items.size, history], [0, 'new'])
  })
  test('another history: the version is higher, but nothing of before is there', async (t) => {
    const ear = start(t)
    ear.fake.put(PATH, thing('a'))
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.wipe(500)
    ear.fake.cut(new Error('socket hang up'))
    ear.fake.put(PATH, thing('a'))
    await ear.until(() => ear.kinds() === 'listed listed')
    assert.equal(listed(ear).history, 'new')
  })
  test('all that was listed was replaced, and told: no other history', async (t) => {
    const ear = start(t)
    ear.fake.put(PATH, thing('a'))
    await ear.until(() => ear.fake.watching(PATH))
    ear.fake.put(PATH, thing('b'))
    ear.fake.remove(PATH, 'a', 'default')
    await ear.until(() => ear.events.length === 3)
    ear.relist.next()
    await ear.until(() => ear.events.length === 4)
    assert.equal(listed(ear).history, 'same')
  })
  test('a list on demand', async (t) => {
    const ear = start(t)
    await ear.until(() => ear.fake.watching(PATH))
    ear.asked()
    ear.relist.next()
    await ear.until(() => ear.kinds() === 'listed listed')
    assert.equal(ear.asked().split(', ')[0], 'list')
    assert.equal(listed(ear).history, 'same')
  })
})
