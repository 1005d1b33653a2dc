/** On demand: what a wildcard subscription gets, what a name gets, and who hears of which change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshService } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { AnySchema, decode } from '#xds/proto/index.ts'
import { toJson } from '#xds/proto/json.ts'
import type { ResourceSet } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { scene, subscribe } from '../server/scene.ts'
import { counting, endpoint, outbound, port, service, settings } from './fixtures.ts'
import { caseInput, generateCase, generateSet, goldenCases } from './golden.ts'
import { type Json, names, read } from './read.ts'

const orders = service('orders.shop.svc.cluster.local', [port(80, 'HTTP')], [endpoint('10.0.0.1')], {
  namespace: 'shop',
  aliases: ['orders.example'],
})
const wild = service('*.wild.example', [port(80, 'HTTP')], [endpoint('10.0.0.2')])
const db = service('db.example', [port(5432, 'TCP')], [endpoint('10.0.0.3')])
const all = [orders, wild, db]
const view = (services: readonly MeshService[], more: Partial<OutboundView> = {}) =>
  outbound(services, { onDemand: true, ...more })
const first = (services: readonly MeshService[], more: Partial<OutboundView> = {}) =>
  createGenerator(settings).outbound(undefined, { view: view(services, more), changes: 'all' })

/** What a subscription by name gets. */
const asked = (set: ResourceSet, kind: 'cluster' | 'virtualHost', name: string): Json => {
  const resource = set.get(typeUrls[kind], name) ?? set.missing(typeUrls[kind], name)
  return resource && toJson(AnySchema, decode(AnySchema, resource.bytes))
}
/** Where the virtual host leads. */
const leadsTo = (set: ResourceSet, name: string): unknown => {
  const { routes } = asked(set, 'virtualHost', name)
  return routes.at(-1).route?.cluster ?? routes.at(-1).directResponse.status
}
const ordersCluster = 'outbound|80||orders.shop.svc.cluster.local'

test('a wildcard gets no cluster of a service; by name it gets it', () => {
  const { set } = first(all)
  assert.deepEqual(names(set, 'cluster'), ['BlackHoleCluster', 'PassthroughCluster'])
  assert.equal(set.get(typeUrls.cluster, ordersCluster), undefined)
  assert.equal(asked(set, 'cluster', ordersCluster).name, ordersCluster)
  assert.equal(asked(set, 'cluster', 'outbound|80||nobody'), undefined)
  assert.equal([...set.all(typeUrls.virtualHost)].length, 0)
  const plain = createGenerator(settings).outbound(undefined, { view: outbound(all), changes: 'all' }).set
  const given = plain.get(typeUrls.cluster, ordersCluster)
  assert.equal(set.missing(typeUrls.cluster, ordersCluster)?.version, given?.version, 'the same bytes')
})

test('a route configuration has no virtual hosts; each has the one domain that was asked for', () => {
  const { set } = first(all)
  const route = read(set, 'route', '80')
  assert.equal(route.virtualHosts, undefined)
  assert.equal(route.ignorePortInHostMatching, undefined)
  assert.deepEqual(route.vhds.configSource.ads, {})
  for (const host of [
    'orders.shop.svc.cluster.local',
    'orders.example',
    'orders.shop',
    'orders.shop:80',
    'orders.shop:81',
  ]) {
    const { name, domains } = asked(set, 'virtualHost', `80/${host}`)
    assert.deepEqual([name, ...domains], [`80/${host}`, host])
    assert.equal(leadsTo(set, `80/${host}`), ordersCluster)
  }
})

test('hosts outside the mesh are answered as the catch-all would', () => {
  const { set } = first(all)
  assert.equal(leadsTo(set, '80/nobody.example'), 'PassthroughCluster')
  assert.equal(leadsTo(set, '80/orders'), 'PassthroughCluster', 'a short name of another namespace')
  assert.equal(leadsTo(first(all, { namespace: 'shop' }).set, '80/orders'), ordersCluster)
  assert.equal(leadsTo(first(all, { policy: 'REGISTRY_ONLY' }).set, '80/nobody.example'), 502)
  assert.equal(
    leadsTo(set, '4711/nobody.example'),
    'PassthroughCluster',
    'of a route configuration that is gone',
  )
  assert.equal(asked(set, 'virtualHost', '80'), undefined, 'no authority')
  assert.deepEqual(
    asked(set, 'virtualHost', '80/*').domains,
    ['%2A'],
    'no pattern for hosts that nobody asked for',
  )
})

test('a pattern is found by any host, the longest first, after an exact name', () => {
  const closer = service('*.very.wild.example', [port(80, 'HTTP')])
  const exact = service('a.wild.example', [port(80, 'HTTP')])
  const { set } = first([...all, closer, exact])
  assert.equal(leadsTo(set, '80/b.wild.example'), 'outbound|80||*.wild.example')
  assert.equal(leadsTo(set, '80/b.wild.example:8080'), 'outbound|80||*.wild.example')
  assert.equal(leadsTo(set, '80/c.very.wild.example'), 'outbound|80||*.very.wild.example')
  assert.equal(leadsTo(set, '80/a.wild.example'), 'outbound|80||a.wild.example')
  assert.equal(leadsTo(set, '80/.wild.example'), 'PassthroughCluster')
})

test('the explicit proxy counts the port, and tunnels', () => {
  const { set } = first(all, { mode: 'explicit' })
  const db = asked(set, 'virtualHost', 'http_proxy/db.example:5432')
  assert.deepEqual(db.routes[0].match, { connectMatcher: {} })
  assert.equal(leadsTo(set, 'http_proxy/orders.example'), ordersCluster)
  assert.equal(leadsTo(set, 'http_proxy/orders.example:81'), 'PassthroughCluster')
})

/** The layers before and after a change of one service, and the names that are said to have changed, by type. */
function changed(
  before: readonly MeshService[],
  after: readonly MeshService[],
  key: string,
  kind: Kind,
  ask: readonly string[] = [],
) {
  const generator = createGenerator(settings)
  const old = generator.outbound(undefined, { view: view(before), changes: 'all' })
  for (const name of ask) old.set.missing(typeUrls.virtualHost, name)
  const next = generator.outbound(old, { view: view(after), changes: new Map([[key, kind]]) })
  if (next.changed === 'all') throw new Error('all changed')
  const of = (typeUrl: string) => [
    ...((next.changed as ReadonlyMap<string, ReadonlySet<string>>).get(typeUrl) ?? []),
  ]
  return {
    old: old.set,
    next: next.set,
    clusters: of(typeUrls.cluster),
    hosts: of(typeUrls.virtualHost),
    routes: of(typeUrls.route),
  }
}
type Kind = 'attributes' | 'endpoints' | 'removed'

test('a service that goes takes its cluster along, and its hosts are outside the mesh then', () => {
  const { key } = orders.attributes
  const { old, next, clusters, hosts, routes } = changed(all, [wild, db], key, 'removed')
  assert.deepEqual(clusters, [ordersCluster])
  assert.deepEqual(routes, [], 'the route configuration stays as it is')
  for (const name of ['80/orders.example', '80/orders.shop:80']) {
    assert.ok(hosts.includes(name), name)
    assert.equal(leadsTo(next, name), 'PassthroughCluster')
    assert.equal(leadsTo(old, name), ordersCluster, 'an older set stays as it was')
  }
  assert.ok(
    hosts.every((name) => name.includes('orders')),
    'nothing of others',
  )
  assert.equal(asked(next, 'cluster', ordersCluster), undefined)
  assert.equal(asked(old, 'cluster', ordersCluster).name, ordersCluster)
})

test('an endpoint changes no cluster and no virtual host', () => {
  const moved = { ...orders, endpoints: [endpoint('10.0.0.9')] }
  const { clusters, hosts } = changed(all, [moved, wild, db], orders.attributes.key, 'endpoints', [
    '80/nobody.example',
  ])
  assert.deepEqual([...clusters, ...hosts], [])
})

test('a service that comes has the hosts that it is asked for, and takes those that a pattern had', () => {
  const came = service('a.wild.example', [port(80, 'HTTP')])
  const names = ['80/a.wild.example:81', '80/b.wild.example', '80/nobody.example']
  const { hosts, next } = changed(all, [...all, came], came.attributes.key, 'attributes', names)
  assert.deepEqual(hosts.sort(), ['80/a.wild.example', '80/a.wild.example:80', '80/a.wild.example:81'])
  assert.equal(leadsTo(next, '80/a.wild.example:81'), 'outbound|80||a.wild.example')
})

test('who has hosts of a pattern is not known here: all is looked at when it changes', () => {
  const generator = createGenerator(settings)
  const old = generator.outbound(undefined, { view: view(all), changes: 'all' })
  const [gone, moved] = (['removed', 'endpoints'] as const).map((kind) => {
    const services = kind === 'removed' ? [orders, db] : [orders, { ...wild, endpoints: [] }, db]
    return generator.outbound(old, { view: view(services), changes: new Map([[wild.attributes.key, kind]]) })
  })
  assert.equal(gone!.changed, 'all')
  assert.equal(leadsTo(gone!.set, '80/b.wild.example'), 'PassthroughCluster')
  assert.notEqual(moved!.changed, 'all')
})

test('with more odd names than are remembered, all is looked at', () => {
  const generator = createGenerator(settings)
  const old = generator.outbound(undefined, { view: view(all), changes: 'all' })
  for (let i = 0; i <= 10_000; i++) old.set.missing(typeUrls.virtualHost, `80/odd-${i}.example:81`)
  const changes = new Map([[orders.attributes.key, 'removed']] as const)
  assert.equal(generator.outbound(old, { view: view([wild, db]), changes }).changed, 'all')
})

test('views share the bytes of virtual hosts', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const [one, two] = [{}, { networkView: ['n'] }].map((more) =>
    generator.outbound(undefined, { view: view(all, more), changes: 'all' }),
  )
  const name = '80/orders.example'
  const host = one!.set.missing(typeUrls.virtualHost, name)
  const before = counters.of('encodes')
  assert.equal(two!.set.missing(typeUrls.virtualHost, name), host)
  assert.equal(counters.of('encodes'), before)
})

test('what is not there is encoded once for all who ask, in each view', () => {
  const counters = counting()
  const { set } = createGenerator(settings, counters).outbound(undefined, { view: view(all), changes: 'all' })
  const names = [
    [typeUrls.virtualHost, '80/nobody.example'],
    [typeUrls.virtualHost, '80/b.wild.example'],
    [typeUrls.virtualHost, '4711/nobody.example'],
    [typeUrls.endpoint, 'outbound|80||nobody.example'],
    [typeUrls.route, '4711'],
  ] as const
  for (const [typeUrl, name] of names) {
    const before = counters.of('encodes')
    const said = set.missing(typeUrl, name)
    assert.equal(said?.name, name)
    assert.equal(set.missing(typeUrl, name), said)
    assert.equal(counters.of('encodes'), before + 1, name)
  }
})

test('each view has its own answer to a host outside the mesh', () => {
  const generator = createGenerator(settings)
  const [any, none, tunnels] = (
    [{}, { policy: 'REGISTRY_ONLY' }, { mode: 'explicit' }] satisfies Partial<OutboundView>[]
  ).map((more) => generator.outbound(undefined, { view: view(all, more), changes: 'all' }).set)
  assert.equal(leadsTo(any!, '80/nobody.example'), 'PassthroughCluster')
  assert.equal(leadsTo(none!, '80/nobody.example'), 502)
  assert.equal(asked(tunnels!, 'virtualHost', 'http_proxy/nobody.example:1').routes.length, 2)
  assert.equal(asked(any!, 'virtualHost', 'http_proxy/nobody.example:1').routes.length, 1)
})

test('showing what a client has encodes nothing, and looks nothing up until it is asked for', () => {
  let lookups = 0
  const counters = counting()
  const { set } = createGenerator(settings, counters).outbound(undefined, { view: view(all), changes: 'all' })
  const client = scene('delta', {
    missing(typeUrl, name) {
      lookups++
      return set.missing(typeUrl, name)
    },
  })
  client.request(typeUrls.virtualHost, subscribe.delta('80/orders.example', '80/nobody.example'))
  client.answer(typeUrls.virtualHost)
  client.request(typeUrls.endpoint, subscribe.delta('outbound|80||nobody.example'))
  client.answer(typeUrls.endpoint)
  const [encodes, before] = [counters.of('encodes'), lookups]
  const types = client.status()
  assert.equal(lookups, before)
  assert.deepEqual(
    types.map(({ resourceCount }) => resourceCount),
    [1, 2],
  )
  assert.equal(counters.of('encodes'), encodes)
})

for (const name of goldenCases().filter((each) => each !== 'grpc' && !each.startsWith('on-demand')))
  test(`${name}: each name leads where it does where all is loaded`, () => {
    const input = caseInput(name)
    const metadata = { ...input.node.metadata, PILOTHOUSE_ON_DEMAND: 'true' }
    const set = generateSet({ ...input, node: { ...input.node, metadata } })
    const { routes, clusters, listeners } = generateCase(name)
    for (const { name: route, virtualHosts = [], ignorePortInHostMatching: anyPort } of routes) {
      // Whatever the host: there is nothing to ask.
      if (read(set, 'route', route).vhds === undefined) continue
      for (const { domains, routes } of virtualHosts)
        for (const domain of domains) {
          const authority = domain.replace('*', 'x')
          for (const each of anyPort ? [authority, `${authority}:4711`] : [authority])
            assert.deepEqual(asked(set, 'virtualHost', `${route}/${each}`).routes, routes, each)
        }
    }
    for (const cluster of clusters) {
      const { '@type': _, ...given } = cluster
      const { '@type': __, ...same } = set.get(typeUrls.cluster, cluster.name)
        ? read(set, 'cluster', cluster.name)
        : asked(set, 'cluster', cluster.name)
      assert.deepEqual(same, given)
    }
    assert.deepEqual(names(set, 'listener'), listeners.map((each) => each.name).sort())
  })
