import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshService } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { counting, endpoint, outbound, port, service, settings } from './fixtures.ts'
import { type Json, names, read } from './read.ts'

const local = (name: string, namespace = 'default', more: Parameters<typeof service>[3] = {}) =>
  service(`${name}.${namespace}.svc.cluster.local`, [port(80, 'HTTP')], [endpoint('10.0.0.1')], {
    namespace,
    ...more,
  })

function route(name: string, services: readonly MeshService[], view: Partial<OutboundView> = {}) {
  const counters = counting()
  const { set } = createGenerator(settings, counters).outbound(undefined, {
    view: outbound(services, view),
    changes: 'all',
  })
  return { json: read(set, 'route', name), counters, set }
}
const domains = (json: Json, host: string): Json =>
  json.virtualHosts.find((v: Json) => v.name.startsWith(host))?.domains

test('a virtual host for each service, by its names, whatever the port in the Host', () => {
  const { json } = route('80', [
    local('orders', 'default', { addresses: ['240.0.0.1', 'fd00::1', '10.0.0.0/8'] }),
    local('users', 'other'),
  ])
  assert.equal(json.ignorePortInHostMatching, true)
  assert.equal(json.validateClusters, false)
  assert.deepEqual(
    json.virtualHosts.map((v: Json) => v.name),
    ['orders.default.svc.cluster.local:80', 'users.other.svc.cluster.local:80', 'allow_any'],
  )
  assert.deepEqual(domains(json, 'orders'), [
    'orders.default.svc.cluster.local',
    'orders',
    'orders.default',
    'orders.default.svc',
    '240.0.0.1',
    '[fd00::1]',
  ])
  assert.deepEqual(
    domains(json, 'users'),
    ['users.other.svc.cluster.local', 'users.other', 'users.other.svc'],
    'the bare name is of the own namespace',
  )
})

test('the route: to the cluster, no time limit, retried on other hosts', () => {
  const { json } = route('80', [local('orders')])
  const [host] = json.virtualHosts
  const [safe, any] = host.routes
  assert.deepEqual(any, {
    name: 'default',
    match: { prefix: '/' },
    route: { cluster: 'outbound|80||orders.default.svc.cluster.local', timeout: '0s' },
  })
  assert.equal(host.retryPolicy.numRetries, 2)
  const unsent = 'connect-failure,refused-stream,unavailable,cancelled,reset-before-request,retriable-headers'
  assert.equal(host.retryPolicy.retryOn, unsent)
  assert.deepEqual(host.retryPolicy.retriableHeaders, [
    { name: 'x-pilothouse-undelivered', presentMatch: true },
  ])
  // What only reads is asked again on any 503, and if its answer was cut off.
  assert.deepEqual(safe.match, {
    prefix: '/',
    headers: [{ name: ':method', stringMatch: { safeRegex: { regex: 'GET|HEAD|OPTIONS' } } }],
  })
  assert.deepEqual(safe.route, {
    ...any.route,
    retryPolicy: {
      ...host.retryPolicy,
      retryOn: `${unsent},retriable-status-codes,reset`,
      retriableStatusCodes: [503],
    },
  })
  assert.deepEqual(host.metadata.filterMetadata.pilothouse.origins, [
    {
      source: 'file/services',
      object: 'ServiceEntry/default/orders.default.svc.cluster.local',
      at: 'services/all.yaml:12',
    },
  ])
})

test('hosts outside the mesh', () => {
  const last = (policy: OutboundView['policy']) =>
    route('80', [local('orders')], { policy }).json.virtualHosts.at(-1)
  assert.equal(last('ALLOW_ANY').name, 'allow_any')
  assert.equal(last('ALLOW_ANY').routes[0].route.cluster, 'PassthroughCluster')
  assert.equal(last('REGISTRY_ONLY').name, 'block_all')
  assert.equal(last('REGISTRY_ONLY').routes[0].directResponse.status, 502)
})

test('two services want one domain: the own host name first, then the older; and it is counted', () => {
  const young = service('a.example.com', [port(80, 'HTTP')], [], {
    aliases: ['Shared.example.com', 'b.example.com'],
    createdAt: '2026-01-02T00:00:00Z',
  })
  const old = service('b.example.com', [port(80, 'HTTP')], [], {
    aliases: ['shared.example.com'],
    createdAt: '2026-01-01T00:00:00Z',
  })
  const { json, counters } = route('80', [young, old])
  assert.deepEqual(domains(json, 'a.example.com'), ['a.example.com'])
  assert.deepEqual(domains(json, 'b.example.com'), ['b.example.com', 'shared.example.com'])
  assert.equal(counters.of('pilot_vservice_dup_domain'), 2)
})

test('a sniffed address has routes of its own, for any Host', () => {
  const auto = service('a.example.com', [port(7000, 'AUTO')], [], { addresses: ['240.0.0.1'] })
  const { json, set } = route('a.example.com:7000', [auto])
  assert.deepEqual(domains(json, 'a.example.com'), ['*'])
  assert.deepEqual(names(set, 'route'), ['a.example.com:7000'])
})

test('explicit: by host and port, and without a port for 80; CONNECT to every service', () => {
  const db = service('db.example.com', [port(5432, 'TCP')])
  const api = service('*.api.example.com', [port(8080, 'HTTP')], [], { resolution: 'NONE' })
  const { json } = route('http_proxy', [local('orders', 'other'), db, api], { mode: 'explicit' })
  assert.deepEqual(domains(json, 'orders').slice(0, 2), [
    'orders.other.svc.cluster.local',
    'orders.other.svc.cluster.local:80',
  ])
  assert.deepEqual(domains(json, 'db'), ['db.example.com:5432'])
  assert.deepEqual(domains(json, '*.api'), ['*.api.example.com:8080'])
  const [tunnel] = json.virtualHosts.find((v: Json) => v.name === 'db.example.com:5432').routes
  assert.deepEqual(tunnel.match, { connectMatcher: {} })
  assert.deepEqual(tunnel.route.upgradeConfigs, [{ upgradeType: 'CONNECT', connectConfig: {} }])
  assert.deepEqual(
    json.virtualHosts.at(-1).routes.map((r: Json) => r.route.cluster),
    ['PassthroughCluster', 'PassthroughCluster'],
  )
  assert.equal(json.ignorePortInHostMatching, undefined)
})

test('explicit: a service of the mesh with one HTTP port is called by its name alone, too', () => {
  const web = service('web.service.consul', [port(8080, 'HTTP')])
  const two = service('two.service.consul', [port(8080, 'HTTP'), port(9090, 'HTTP')])
  const outside = service('out.example.com', [port(8080, 'HTTP')], [], { location: 'MESH_EXTERNAL' })
  const { json } = route('http_proxy', [web, two, outside], { mode: 'explicit' })
  assert.deepEqual(domains(json, 'web'), ['web.service.consul', 'web.service.consul:8080'])
  assert.deepEqual(domains(json, 'two'), ['two.service.consul:8080'])
  assert.deepEqual(domains(json, 'out'), ['out.example.com:8080'])
})

test('explicit, REGISTRY_ONLY: neither request nor tunnel gets out', () => {
  const { json } = route('http_proxy', [], { mode: 'explicit', policy: 'REGISTRY_ONLY' })
  assert.deepEqual(
    json.virtualHosts[0].routes.map((r: Json) => r.directResponse.status),
    [502, 502],
  )
})
