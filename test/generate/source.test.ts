import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BehaviorSubject, Observable, ReplaySubject, Subject } from 'rxjs'
import type { InboundView, OutboundView, Sidecar, ViewUpdate } from '#sidecar/view.ts'
import type { AssignedViews } from '#sidecar/views.ts'
import { silentLogger } from '#support/logger.ts'
import { createGenerator, type Generator } from '#xds/generate/index.ts'
import { meshResourceSource } from '#xds/generate/source.ts'
import type { Node, ResourceUpdate } from '#xds/resources.ts'
import { createRestHandler } from '#xds/server/index.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { createClient } from '../contract/xds-client.ts'
import { counting, endpoint, inbound, inboundPort, outbound, port, service, settings } from './fixtures.ts'
import { changedNames } from './read.ts'

const orders = service('orders.example.com', [port(80, 'HTTP')], [endpoint('10.0.0.1')])
const node = (id: string): Node => ({
  id,
  cluster: '',
  metadata: {},
  userAgentName: 'envoy',
  userAgentVersion: '',
})
const sidecar = ({ id }: Node): Sidecar => ({ id }) as Sidecar

/** Throws in the half that is in `broken`, as a fault of ours would. */
function breakable(generator: Generator, broken: ReadonlySet<string>): Generator {
  const half =
    <A extends readonly unknown[], R>(name: string, run: (...args: A) => R) =>
    (...args: A): R => {
      if (broken.has(name)) throw new Error(`${name} is broken`)
      return run(...args)
    }
  return { outbound: half('outbound', generator.outbound), inbound: half('inbound', generator.inbound) }
}

/** A stream of views as src/sidecar gives it: the current one at once, then changes. */
function stream<View>(view: View) {
  const updates = new Subject<ViewUpdate<View>>()
  let current = view
  let listeners = 0
  return {
    views: new Observable<ViewUpdate<View>>((subscriber) => {
      listeners++
      subscriber.next({ view: current, changes: 'all' })
      const subscription = updates.subscribe(subscriber)
      return () => {
        listeners--
        subscription.unsubscribe()
      }
    }),
    next(update: ViewUpdate<View>) {
      current = update.view
      updates.next(update)
    },
    listeners: () => listeners,
  }
}

function setUp(broken = new Set<string>()) {
  const counters = counting()
  const out = stream<OutboundView>(outbound([orders]))
  const into = stream<InboundView>(inbound([]))
  const assigned = new BehaviorSubject<AssignedViews>({ outbound: out.views, inbound: into.views })
  const elsewhere = new ReplaySubject<AssignedViews>(1)
  const settled = new Subject<void>()
  const source = meshResourceSource({
    views: { connect: ({ id }) => (id === 'other' ? elsewhere : assigned), settled },
    generator: breakable(createGenerator(settings, counters), broken),
    parseNode: (n) =>
      n.id === 'bad' ? { error: { code: 'X', message: 'no address', remedy: 'Give one.' } } : sidecar(n),
  })
  const watch = (id: string) => {
    const updates: ResourceUpdate[] = []
    return { updates, subscription: source.connect(node(id)).subscribe((update) => updates.push(update)) }
  }
  return { counters, out, into, assigned, elsewhere, settled, source, watch }
}

test('emits at once; equal nodes share one generated set', () => {
  const { counters, watch } = setUp()
  const [a, b] = [watch('a'), watch('b')]
  assert.deepEqual(changedNames(a.updates[0]!.changed), ['all'])
  assert.equal(b.updates[0]!.resources, a.updates[0]!.resources)
  assert.deepEqual(changedNames(b.updates[0]!.changed), ['all'])
  assert.equal(counters.of('generator_runs'), 2)
})

test('a change reaches all with its names, generated once; what changes nothing is not told', () => {
  const { counters, out, watch } = setUp()
  const [a, b] = [watch('a'), watch('b')]
  const next = { ...orders, endpoints: [endpoint('10.0.0.2')] }
  out.next({ view: outbound([next]), changes: new Map([['orders.example.com', 'endpoints']]) })
  for (const { updates } of [a, b])
    assert.deepEqual(changedNames(updates[1]!.changed), ['endpoint outbound|80||orders.example.com'])
  assert.equal(counters.of('generator_runs'), 3)
  out.next({ view: outbound([next]), changes: new Map([['orders.example.com', 'endpoints']]) })
  assert.equal(a.updates.length, 2)
})

test('a sidecar that moves to another inbound view keeps its outbound layer', () => {
  const { counters, out, assigned, watch } = setUp()
  const { updates } = watch('a')
  const other = stream<InboundView>(inbound([], { ips: ['fd00::1'] }))
  assigned.next({ outbound: out.views, inbound: other.views })
  assert.equal(counters.of('generator_runs outbound_all'), 1)
  assert.deepEqual(changedNames(updates[1]!.changed), ['all'])
  assert.equal(out.listeners(), 1)
})

test('a sidecar that moves to views which have moved on is told that anything may differ, once', () => {
  const { out, into, assigned, elsewhere, watch } = setUp()
  const { updates } = watch('a')
  const outThere = stream<OutboundView>(outbound([orders]))
  const intoThere = stream<InboundView>(inbound([], { ips: ['fd00::1'] }))
  const there = { outbound: outThere.views, inbound: intoThere.views }
  elsewhere.next(there)
  const other = watch('other')
  const next = { ...orders, endpoints: [endpoint('10.0.0.2')] }
  outThere.next({ view: outbound([next]), changes: new Map([['orders.example.com', 'endpoints']]) })
  assert.notEqual(other.updates[1]!.changed, 'all')
  assigned.next(there)
  assert.equal(updates.length, 2)
  assert.equal(updates[1]!.changed, 'all')
  assert.deepEqual([out.listeners(), into.listeners()], [0, 0])
})

test('a change of both halves is told once, one of the inbound half when the change is through', () => {
  const { out, into, settled, watch } = setUp()
  const { updates } = watch('a')
  const here = inbound([inboundPort(orders, port(8080, 'HTTP'))])
  into.next({ view: here, changes: 'all' })
  assert.equal(updates.length, 1)
  const next = { ...orders, endpoints: [endpoint('10.0.0.2')] }
  out.next({ view: outbound([next]), changes: new Map([['orders.example.com', 'endpoints']]) })
  settled.next()
  assert.equal(updates.length, 2)
  const names = changedNames(updates[1]!.changed)
  for (const name of ['cluster inbound|8080||', 'endpoint outbound|80||orders.example.com'])
    assert.ok(names.includes(name), `${name} of ${names}`)
  into.next({ view: inbound([]), changes: 'all' })
  assert.equal(updates.length, 2)
  settled.next()
  assert.equal(updates.length, 3)
})

test('sidecars of one outbound view and equal inbound ones share one set', () => {
  const { out, assigned, watch } = setUp()
  const a = watch('a')
  const replica = stream<InboundView>(inbound([], { ips: ['10.1.0.2'] }))
  const other = stream<InboundView>(inbound([], { ips: ['fd00::1'] }))
  assigned.next({ outbound: out.views, inbound: replica.views })
  const b = watch('b')
  assert.equal(b.updates[0]!.resources, a.updates[0]!.resources)
  assigned.next({ outbound: out.views, inbound: other.views })
  assert.notEqual(b.updates[1]!.resources, a.updates[0]!.resources)
})

for (const half of ['outbound', 'inbound'] as const)
  test(`a fault of the ${half} generator ends who listens, at the start and later`, () => {
    const broken = new Set<string>()
    const { out, into, source } = setUp(broken)
    const errors: string[] = []
    const connect = (id: string) =>
      source.connect(node(id)).subscribe({ error: (error: Error) => errors.push(error.message) })
    connect('a')
    broken.add(half)
    if (half === 'outbound') out.next({ view: outbound([orders]), changes: new Map() })
    else into.next({ view: inbound([]), changes: 'all' })
    connect('b')
    assert.deepEqual(errors, [`${half} is broken`, `${half} is broken`])
    assert.deepEqual([out.listeners(), into.listeners()], [0, 0])
    broken.clear()
    connect('c')
    assert.equal(errors.length, 2)
  })

for (const half of ['outbound', 'inbound'] as const)
  test(`a fault of the ${half} generator: its client learns that it is ours, the operator what it is`, async () => {
    const broken = new Set<string>([half])
    const { source } = setUp(broken)
    const logged: { node?: string; error?: Error }[] = []
    const logger = { ...silentLogger, error: (fields: object) => void logged.push(fields) }
    const client = createClient({ protocol: 'delta', aggregated: true }, source, { node: 'a', logger })
    client.subscribe(typeUrls.cluster, '*')
    assert.deepEqual(client.failures, ['INTERNAL: internal error of this Pilot; its log has more'])
    const rest = createRestHandler(source, logger)
    const answer = await rest('/v3/discovery:clusters', JSON.stringify({ node: { id: 'b' } }))
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [500, 'XDS_INTERNAL'])
    assert.doesNotMatch(answer.body, /broken/)
    assert.deepEqual(
      logged.map(({ node, error }) => [node, error?.message]),
      [
        ['a', `${half} is broken`],
        ['b', `${half} is broken`],
      ],
    )
    assert.match(logged[0]!.error!.stack!, /source\.test/)
  })

test('the last to leave lets go of the views', () => {
  const { out, into, watch } = setUp()
  const [a, b] = [watch('a'), watch('b')]
  assert.deepEqual([out.listeners(), into.listeners()], [1, 1])
  a.subscription.unsubscribe()
  assert.equal(out.listeners(), 1)
  b.subscription.unsubscribe()
  assert.deepEqual([out.listeners(), into.listeners()], [0, 0])
})

test('a node that cannot be understood is refused with cause and remedy', async () => {
  const { source } = setUp()
  const client = createClient({ protocol: 'sotw', aggregated: true }, source, { node: 'bad' })
  client.subscribe(typeUrls.cluster, '*')
  assert.deepEqual(client.failures, ['INVALID_ARGUMENT: no address. Give one.'])
  const answer = await createRestHandler(source)(
    '/v3/discovery:clusters',
    JSON.stringify({ node: { id: 'bad' } }),
  )
  assert.equal(answer.status, 400)
  const { code, message } = JSON.parse(answer.body)
  assert.deepEqual([code, message], ['XDS_NODE_REFUSED', 'no address. Give one.'])
})
