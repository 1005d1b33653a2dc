import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SidecarSpec } from '#model/config.ts'
import type { MeshService, ServiceAttributes } from '#model/mesh.ts'
import { inboundView } from '#sidecar/inbound.ts'
import { MeshIndex } from '#sidecar/mesh-index.ts'
import { parseNode } from '#sidecar/node.ts'
import type { Sidecar } from '#sidecar/view.ts'
import { endpoint, service, sidecar, sidecarConfig, snapshotOf } from './mesh.ts'

function inbound(services: MeshService[], of: Partial<Sidecar> = {}, spec?: SidecarSpec) {
  const config = spec && sidecarConfig('s', 'default', spec)
  return inboundView(new MeshIndex(snapshotOf(services)), sidecar(of), config)
}
/** `service port>where bind -> target` */
const lines = (view: ReturnType<typeof inbound>) =>
  view.ports.map(
    ({ service: { hostname }, port, protocol, bind, target }) =>
      `${hostname} ${port} ${protocol} ${bind ?? '-'} ${target ? `${target.address}:${target.port}` : '-'}`,
  )

const ports: ServiceAttributes['ports'] = [
  { name: 'http', port: 80, protocol: 'HTTP', targetPort: 8080 },
  { name: 'grpc', port: 81, protocol: 'GRPC' },
  { name: 'dns', port: 53, protocol: 'UDP' },
]
const a = service('a.test', {
  ports,
  endpoints: [endpoint('10.0.0.1', { ports: { grpc: 9090 } }), endpoint('10.0.0.2')],
})

describe('from services at the own address', () => {
  const cases: [name: string, services: MeshService[], of: Partial<Sidecar>, wanted: string[]][] = [
    ['transparent', [a], {}, ['a.test 8080 HTTP - -', 'a.test 9090 GRPC - -']],
    [
      'explicit',
      [a],
      { mode: 'explicit' },
      ['a.test 8080 HTTP 10.0.0.1 127.0.0.1:8080', 'a.test 9090 GRPC 10.0.0.1 127.0.0.1:9090'],
    ],
    ['grpc', [a], { mode: 'grpc', ips: ['10.0.0.2'] }, ['a.test 81 GRPC - -', 'a.test 8080 HTTP - -']],
    [
      'an endpoint without a port (0) does not listen there',
      [service('p.test', { ports, endpoints: [endpoint('10.0.0.1', { ports: { http: 0 } })] })],
      {},
      ['p.test 81 GRPC - -'],
    ],
    ['no address known', [a], { ips: [] }, []],
    ['a gateway', [a], { type: 'router' }, []],
    ['another namespace’s service opens nothing', [a], { namespace: 'shop' }, []],
    [
      'a service of several registries is of each of their namespaces',
      [service('u.test', { namespaces: ['default', 'shop'], endpoints: [endpoint('10.0.0.1')] })],
      { namespace: 'shop' },
      ['u.test 80 HTTP - -'],
    ],
    [
      'an equal address of another network is another host',
      [service('n.test', { endpoints: [endpoint('10.0.0.1', { network: 'x' })] })],
      { network: 'y' },
      [],
    ],
    [
      'health does not matter',
      [service('d.test', { endpoints: [endpoint('10.0.0.1', { health: 'DRAINING' })] })],
      {},
      ['d.test 80 HTTP - -'],
    ],
    [
      'two addresses, transparent: one port',
      [service('two.test', { endpoints: [endpoint('10.0.0.1'), endpoint('fd00::1')] })],
      { ips: ['10.0.0.1', 'fd00::1'] },
      ['two.test 80 HTTP - -'],
    ],
    [
      'two addresses, explicit: two sockets',
      [service('two.test', { endpoints: [endpoint('10.0.0.1'), endpoint('fd00::1')] })],
      { ips: ['10.0.0.1', 'fd00::1'], mode: 'explicit' },
      ['two.test 80 HTTP 10.0.0.1 127.0.0.1:80', 'two.test 80 HTTP fd00::1 127.0.0.1:80'],
    ],
  ]
  for (const [name, services, of, wanted] of cases)
    test(name, () => assert.deepEqual(lines(inbound(services, of)), wanted))

  test('two services on one port: the older wins, and it is noted', () => {
    const at = [endpoint('10.0.0.1')]
    const young = service('b.test', { endpoints: at, createdAt: '2026-02-01T00:00:00Z' })
    const old = service('z.test', { endpoints: at, createdAt: '2026-01-01T00:00:00Z' })
    const view = inbound([young, old])
    assert.deepEqual(lines(view), ['z.test 80 HTTP - -'])
    assert.deepEqual(view.conflicts, [{ port: 80, service: 'b.test', reason: 'taken', winner: 'z.test' }])
  })

  test('a service of another namespace is noted', () => {
    const view = inbound([service('f.test', { namespace: 'shop', endpoints: [endpoint('10.0.0.1')] })])
    assert.deepEqual(view.ports, [])
    assert.deepEqual(view.conflicts, [{ port: 80, service: 'f.test', reason: 'namespace' }])
  })

  test('a union is foreign only to namespaces that none of its registries names', () => {
    const union = service('u.test', { namespaces: ['default', 'shop'], endpoints: [endpoint('10.0.0.1')] })
    assert.deepEqual(inbound([union], { namespace: 'other' }).conflicts, [
      { port: 80, service: 'u.test', reason: 'namespace' },
    ])
    assert.equal(inbound([union], { namespace: 'shop' }).conflicts, undefined)
  })

  test('a listener that would call itself is left out, and it is noted', () => {
    const view = inbound([service('l.test', { endpoints: [endpoint('127.0.0.1')] })], {
      ips: ['127.0.0.1'],
      mode: 'explicit',
    })
    assert.deepEqual(view.ports, [])
    assert.deepEqual(view.conflicts, [{ port: 80, service: 'l.test', reason: 'self' }])
  })
})

test('a port at the socket of the explicit proxy itself is left out, and it is noted', () => {
  const services = [service('p.test', { endpoints: [endpoint('10.0.0.1')] })]
  const at = (port: number) =>
    inbound(services, { mode: 'explicit', outbound: { address: '10.0.0.1', port } })
  assert.deepEqual(at(80).ports, [])
  assert.deepEqual(at(80).conflicts, [{ port: 80, service: 'p.test', reason: 'self' }])
  assert.equal(at(15002).ports.length, 1)
})

describe('from a Sidecar resource’s ingress, in the place of services', () => {
  const port = (number: number) => ({ number, protocol: 'http', name: 'web' })
  const cases: [
    name: string,
    ingress: NonNullable<SidecarSpec['ingress']>[0],
    of: Partial<Sidecar>,
    wanted: string,
  ][] = [
    ['captured, no target', { port: port(7000) }, {}, 's.default 7000 HTTP - -'],
    [
      'loopback',
      { port: port(7000), defaultEndpoint: '127.0.0.1:7001' },
      {},
      's.default 7000 HTTP - 127.0.0.1:7001',
    ],
    [
      'any address is the own',
      { port: port(7000), defaultEndpoint: '0.0.0.0:7001' },
      {},
      's.default 7000 HTTP - 10.0.0.1:7001',
    ],
    [
      'a Unix socket',
      { port: port(7000), defaultEndpoint: 'unix:///run/a' },
      {},
      's.default 7000 HTTP - unix:///run/a:0',
    ],
    [
      'bound by captureMode',
      { port: port(7000), captureMode: 'NONE', defaultEndpoint: '127.0.0.1:7001' },
      {},
      's.default 7000 HTTP 10.0.0.1 127.0.0.1:7001',
    ],
    [
      'bound where it says',
      { port: port(7000), bind: '10.0.0.5' },
      { mode: 'explicit' },
      's.default 7000 HTTP 10.0.0.5 127.0.0.1:7000',
    ],
    ['the service at this port lends its name', { port: port(8080) }, {}, 'a.test 8080 HTTP - -'],
  ]
  for (const [name, ingress, of, wanted] of cases)
    test(name, () => assert.deepEqual(lines(inbound([a], of, { ingress: [ingress] })), [wanted]))

  test('connection pools: the ingress’s own, else the resource’s', () => {
    const own = { tcp: { maxConnections: 1 } }
    const all = { tcp: { maxConnections: 2 } }
    const spec = {
      inboundConnectionPool: all,
      ingress: [{ port: port(1), connectionPool: own }, { port: port(2) }],
    }
    assert.deepEqual(
      inbound([], {}, spec).ports.map(({ connectionPool }) => connectionPool),
      [own, all],
    )
    assert.equal(inbound([a], {}, { inboundConnectionPool: all }).ports[0]!.connectionPool, all)
  })
})

test('a node and an endpoint may spell the same IPv6 address differently', () => {
  const of = service('six.test', {
    ports: [{ name: 'http', port: 80, protocol: 'HTTP' }],
    endpoints: [endpoint('FD00:0::1')],
  })
  const node = parseNode({ id: 'sidecar~fd00:0:0::1~a.default~default.svc', cluster: '', metadata: {} })
  assert.ok(!('error' in node))
  assert.deepEqual(node.ips, ['fd00::1'])
  assert.deepEqual(
    inbound([of], { ips: node.ips }).ports.map(({ port }) => port),
    [80],
  )
})
