import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshEndpoint, ServiceAttributes } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { counting, endpoint, outbound, port, service, settings } from './fixtures.ts'
import { type Json, names, read } from './read.ts'

const here = { region: 'eu', zone: 'eu-1', subzone: 'a' }
const at = (region: string, zone: string, subzone: string) => ({ locality: { region, zone, subzone } })

function assignment(
  endpoints: readonly MeshEndpoint[],
  view: Partial<OutboundView> = {},
  servicePort = port(80, 'HTTP', 'http'),
) {
  const counters = counting()
  const one = service('a.example.com', [servicePort], endpoints)
  const { set } = createGenerator(settings, counters).outbound(undefined, {
    view: outbound([one], view),
    changes: 'all',
  })
  return { json: read(set, 'endpoint', `outbound|${servicePort.port}||a.example.com`), counters }
}
const places = (json: Json) =>
  (json.endpoints ?? []).map((place: Json) => [
    place.priority ?? 0,
    place.locality?.subZone ?? '',
    place.lbEndpoints.map(
      (lb: Json) => lb.endpoint.address.socketAddress?.address ?? lb.endpoint.address.pipe.path,
    ),
  ])

test('port: by name at the endpoint, then target port, then the service port', () => {
  const ports = (e: MeshEndpoint, targetPort?: number) =>
    assignment([e], {}, { ...port(80, 'HTTP', 'http'), targetPort }).json.endpoints[0].lbEndpoints[0].endpoint
      .address.socketAddress.portValue
  assert.equal(ports(endpoint('10.0.0.1', { ports: { http: 8080 } }), 8081), 8080)
  assert.equal(ports(endpoint('10.0.0.1', { ports: { other: 8080 } }), 8081), 8081)
  assert.equal(ports(endpoint('10.0.0.1')), 80)
})

test('an endpoint without a port (0) is left out of that port, wherever its addresses stand', () => {
  const web = port(80, 'HTTP', 'http')
  const raw = port(9000, 'TCP', 'tcp')
  const endpoints = [
    endpoint('10.0.0.1', { ports: { tcp: 0 } }),
    endpoint('10.0.0.2', { ports: { http: 0 } }),
  ]
  const make = (more: Partial<ServiceAttributes>, view: Partial<OutboundView> = {}) => {
    const one = service('a.example.com', [web, raw], endpoints, more)
    return createGenerator(settings).outbound(undefined, { view: outbound([one], view), changes: 'all' }).set
  }
  const addresses = (json: Json) => places(json).map(([, , found]: [number, string, string[]]) => found)
  const eds = make({})
  assert.deepEqual(addresses(read(eds, 'endpoint', 'outbound|80||a.example.com')), [['10.0.0.1']])
  assert.deepEqual(addresses(read(eds, 'endpoint', 'outbound|9000||a.example.com')), [['10.0.0.2']])
  const dns = make({ resolution: 'DNS' })
  assert.deepEqual(addresses(read(dns, 'cluster', 'outbound|80||a.example.com').loadAssignment), [
    ['10.0.0.1'],
  ])
  const grpc = make({ resolution: 'DNS' }, { mode: 'grpc' })
  assert.deepEqual(addresses(read(grpc, 'cluster', 'outbound|9000||a.example.com').loadAssignment), [
    ['10.0.0.2'],
  ])
  assert.ok(names(make({ headless: true }), 'listener').includes('10.0.0.2_9000'))
  assert.ok(!names(make({ headless: true }), 'listener').includes('10.0.0.1_9000'))
})

test('health: healthy costs no byte, the others by their name', () => {
  const { json } = assignment([
    endpoint('10.0.0.1'),
    endpoint('10.0.0.2', { health: 'DEGRADED' }),
    endpoint('10.0.0.3', { health: 'DRAINING' }),
    endpoint('10.0.0.4', { health: 'UNHEALTHY' }),
  ])
  assert.deepEqual(
    json.endpoints[0].lbEndpoints.map((e: Json) => e.healthStatus),
    [undefined, 'DEGRADED', 'DRAINING', 'UNHEALTHY'],
  )
})

test('weight: 1 costs no byte; a locality weighs what its endpoints weigh', () => {
  const { json } = assignment([endpoint('10.0.0.1'), endpoint('10.0.0.2', { weight: 5 })])
  assert.deepEqual(
    json.endpoints[0].lbEndpoints.map((e: Json) => e.loadBalancingWeight),
    [undefined, 5],
  )
  assert.equal(json.endpoints[0].loadBalancingWeight, 6)
})

test('locality: nearer endpoints have the lower priority, without a gap', () => {
  const endpoints = [
    endpoint('10.0.0.4', at('us', 'us-1', 'd')),
    endpoint('10.0.0.3', at('eu', 'eu-2', 'c')),
    endpoint('10.0.0.1', at('eu', 'eu-1', 'a')),
  ]
  assert.deepEqual(places(assignment(endpoints, { locality: here }).json), [
    [0, 'a', ['10.0.0.1']],
    [1, 'c', ['10.0.0.3']],
    [2, 'd', ['10.0.0.4']],
  ])
  assert.deepEqual(
    places(assignment(endpoints).json).map(([priority]: Json) => priority),
    [0, 0, 0],
    'a proxy of unknown place',
  )
})

test('failover between registries comes before nearness', () => {
  const endpoints = [
    endpoint('10.0.0.1', { ...at('eu', 'eu-1', 'a'), priority: 1 }),
    endpoint('10.0.0.2', { ...at('us', 'us-1', 'b'), priority: 0 }),
  ]
  assert.deepEqual(places(assignment(endpoints, { locality: here }).json), [
    [0, 'b', ['10.0.0.2']],
    [1, 'a', ['10.0.0.1']],
  ])
})

test("networks: only those that are asked for, and the proxy's own", () => {
  const endpoints = [
    endpoint('10.0.0.1'),
    endpoint('10.0.0.2', { network: 'vm' }),
    endpoint('10.0.0.3', { network: 'k8s' }),
  ]
  assert.deepEqual(places(assignment(endpoints, { networkView: ['vm'] }).json)[0][2], [
    '10.0.0.1',
    '10.0.0.2',
  ])
  assert.equal(places(assignment(endpoints).json)[0][2].length, 3)
})

test('an address that two registries report is taken once, from the better rank', () => {
  const { json } = assignment([
    endpoint('10.0.0.1', { registry: 'consul/dc1', health: 'UNHEALTHY', priority: 1 }),
    endpoint('10.0.0.1', { registry: 'file/services' }),
  ])
  assert.deepEqual(places(json), [[0, '', ['10.0.0.1']]])
  assert.equal(json.endpoints[0].lbEndpoints[0].healthStatus, undefined)
})

test('IPv6 and Unix sockets are addresses; a name is not, and is left out and counted', () => {
  const endpoints = [endpoint('fd00::1'), endpoint('unix:///run/app.sock'), endpoint('host.example.com')]
  const { json, counters } = assignment(endpoints)
  assert.deepEqual(places(json)[0][2], ['fd00::1', '/run/app.sock'])
  assert.equal(counters.of('invalid_endpoints'), 1)
})

test('gRPC clients get nothing but IP addresses', () => {
  const { json } = assignment([endpoint('10.0.0.1'), endpoint('unix:///run/app.sock')], { mode: 'grpc' })
  assert.deepEqual(places(json), [[0, '', ['10.0.0.1']]])
})

test('a service without endpoints has an empty assignment', () => {
  assert.deepEqual(places(assignment([]).json), [])
})
