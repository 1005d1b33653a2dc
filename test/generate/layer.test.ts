import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshService } from '#model/mesh.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { counting, endpoint, inbound, inboundPort, outbound, port, service, settings } from './fixtures.ts'
import { changedNames, names, versions } from './read.ts'

const orders = service(
  'orders.default.svc.cluster.local',
  [port(80, 'HTTP'), port(9000, 'GRPC')],
  [endpoint('10.0.0.1')],
)
const users = service('users.default.svc.cluster.local', [port(80, 'HTTP')], [endpoint('10.0.1.1')])
const db = service('db.example.com', [port(5432, 'TCP')], [endpoint('10.0.2.1')], {
  addresses: ['240.0.0.9'],
})
const all = [orders, users, db]
const replace = (services: readonly MeshService[], next: MeshService) =>
  services.map((s) => (s.attributes.key === next.attributes.key ? next : s))
const only = (key: string, kind: 'attributes' | 'endpoints' | 'removed') => new Map([[key, kind]] as const)

test('a change of one endpoint encodes one assignment for each port, whatever the number of views', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const views = ['a', 'b', 'c'].map((namespace) => outbound(all, { namespace }))
  const first = views.map((view) => generator.outbound(undefined, { view, changes: 'all' }))
  const before = counters.of('encodes')
  const next: MeshService = { ...orders, endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }
  const layers = views.map((view, i) =>
    generator.outbound(first[i], {
      view: outbound(replace(all, next), { namespace: view.namespace }),
      changes: only(orders.attributes.key, 'endpoints'),
    }),
  )
  assert.equal(counters.of('encodes') - before, 2)
  for (const layer of layers)
    assert.deepEqual(changedNames(layer.changed), [
      'endpoint outbound|80||orders.default.svc.cluster.local',
      'endpoint outbound|9000||orders.default.svc.cluster.local',
    ])
})

test('views share the bytes of clusters and endpoints', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const one = generator.outbound(undefined, { view: outbound(all, { namespace: 'a' }), changes: 'all' })
  const [clusters, endpoints] = [counters.of('encodes cds'), counters.of('encodes eds')]
  const two = generator.outbound(undefined, { view: outbound(all, { namespace: 'b' }), changes: 'all' })
  assert.equal(counters.of('encodes cds') - clusters, 2, 'only the two clusters that no service owns')
  assert.equal(counters.of('encodes eds'), endpoints)
  for (const [a, b] of zip(
    one.set.all('type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'),
    two.set.all('type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'),
  ))
    assert.equal(a.bytes, b.bytes)
})

test('a change of attributes touches the service and its ports, and nothing else', () => {
  const generator = createGenerator(settings)
  const first = generator.outbound(undefined, { view: outbound(all), changes: 'all' })
  const next: MeshService = { ...db, attributes: { ...db.attributes, addresses: ['240.0.0.10'] } }
  const layer = generator.outbound(first, {
    view: outbound(replace(all, next)),
    changes: only(db.attributes.key, 'attributes'),
  })
  assert.deepEqual(changedNames(layer.changed), ['listener 240.0.0.10_5432', 'listener 240.0.0.9_5432'])
})

test('a new service on a shared port changes its routes, not its listener', () => {
  const generator = createGenerator(settings)
  const first = generator.outbound(undefined, { view: outbound([orders, db]), changes: 'all' })
  const layer = generator.outbound(first, {
    view: outbound(all),
    changes: only(users.attributes.key, 'attributes'),
  })
  assert.deepEqual(changedNames(layer.changed), [
    'cluster outbound|80||users.default.svc.cluster.local',
    'endpoint outbound|80||users.default.svc.cluster.local',
    'route 80',
  ])
})

test('a removed service takes its resources along, and the ports that nobody else has', () => {
  const generator = createGenerator(settings)
  const first = generator.outbound(undefined, { view: outbound(all), changes: 'all' })
  const layer = generator.outbound(first, {
    view: outbound([users, db]),
    changes: only(orders.attributes.key, 'removed'),
  })
  assert.deepEqual(changedNames(layer.changed), [
    'cluster outbound|80||orders.default.svc.cluster.local',
    'cluster outbound|9000||orders.default.svc.cluster.local',
    'endpoint outbound|80||orders.default.svc.cluster.local',
    'endpoint outbound|9000||orders.default.svc.cluster.local',
    'listener 0.0.0.0_9000',
    'route 80',
    'route 9000',
  ])
})

test('a service that shadows another of the same name leaves no gap', () => {
  const generator = createGenerator(settings)
  const first = generator.outbound(undefined, { view: outbound(all), changes: 'all' })
  const shadow = service(users.attributes.hostname, [port(80, 'HTTP')], [endpoint('10.0.1.1')], {
    key: `default/${users.attributes.hostname}`,
  })
  const layer = generator.outbound(first, {
    view: outbound([orders, db, shadow]),
    changes: new Map([
      [users.attributes.key, 'removed'],
      [shadow.attributes.key, 'attributes'],
    ] as const),
  })
  assert.deepEqual(changedNames(layer.changed), [], 'equal bytes are no change')
  assert.deepEqual(versions(layer.set), versions(first.set))
})

test('a step and a rebuild arrive at the same', () => {
  const generator = createGenerator(settings)
  for (const mode of ['transparent', 'explicit', 'grpc'] as const) {
    let layer = generator.outbound(undefined, { view: outbound([orders], { mode }), changes: 'all' })
    layer = generator.outbound(layer, {
      view: outbound([orders, db], { mode }),
      changes: only(db.attributes.key, 'attributes'),
    })
    layer = generator.outbound(layer, {
      view: outbound(all, { mode }),
      changes: only(users.attributes.key, 'attributes'),
    })
    layer = generator.outbound(layer, {
      view: outbound([users, db], { mode }),
      changes: only(orders.attributes.key, 'removed'),
    })
    const rebuilt = createGenerator(settings).outbound(undefined, {
      view: outbound([db, users], { mode }),
      changes: 'all',
    })
    assert.deepEqual(versions(layer.set), versions(rebuilt.set), mode)
  }
})

test('equal views give equal bytes, in whatever order they came', () => {
  const shuffled = [db, users, { ...orders, endpoints: orders.endpoints.toReversed() }]
  for (const mode of ['transparent', 'explicit', 'grpc'] as const) {
    const one = createGenerator(settings).outbound(undefined, {
      view: outbound(all, { mode }),
      changes: 'all',
    })
    const two = createGenerator(settings).outbound(undefined, {
      view: outbound(shuffled, { mode }),
      changes: 'all',
    })
    assert.deepEqual(versions(two.set), versions(one.set), mode)
  }
})

test('every route configuration and assignment that is asked for is there', () => {
  const generator = createGenerator(settings)
  for (const mode of ['transparent', 'explicit', 'grpc'] as const) {
    const { set } = generator.outbound(undefined, { view: outbound(all, { mode }), changes: 'all' })
    for (const [kind, child] of [
      ['listener', 'route'],
      ['cluster', 'endpoint'],
    ] as const)
      for (const resource of set.all(
        `type.googleapis.com/envoy.config.${kind}.v3.${kind === 'listener' ? 'Listener' : 'Cluster'}`,
      ))
        for (const name of resource.children) assert.ok(names(set, child).includes(name), `${mode} ${name}`)
  }
})

test('the inbound half says nothing where nothing changed', () => {
  const generator = createGenerator(settings)
  const view = inbound([inboundPort(orders, port(80, 'HTTP'))])
  const first = generator.inbound(undefined, { view, changes: 'all' })
  const same = generator.inbound(first, { view: { ...view }, changes: 'all' })
  assert.deepEqual(changedNames(same.changed), [])
  const more = generator.inbound(same, {
    view: inbound([...view.ports, inboundPort(orders, port(9000, 'GRPC'))]),
    changes: 'all',
  })
  assert.deepEqual(changedNames(more.changed), ['cluster inbound|9000||', 'listener virtualInbound'])
})

test('what is not there is empty, so that nobody waits for it', () => {
  const { set } = createGenerator(settings).outbound(undefined, { view: outbound([]), changes: 'all' })
  assert.equal(
    set.missing('type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment', 'x')?.name,
    'x',
  )
  assert.equal(set.missing('type.googleapis.com/envoy.config.route.v3.RouteConfiguration', 'x')?.name, 'x')
  assert.equal(set.missing('type.googleapis.com/envoy.config.cluster.v3.Cluster', 'x'), undefined)
})

function* zip<A, B>(a: Iterable<A>, b: Iterable<B>): Iterable<[A, B]> {
  const other = b[Symbol.iterator]()
  for (const value of a) yield [value, other.next().value as B]
}
