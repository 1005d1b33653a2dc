import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type NodeIdentity, parseNode } from '#sidecar/node.ts'
import type { Sidecar } from '#sidecar/view.ts'

const id = 'sidecar~10.0.0.7~orders-1.shop~shop.svc.cluster.local'
const node = (metadata: NodeIdentity['metadata'] = {}, more: Partial<NodeIdentity> = {}): NodeIdentity => ({
  id,
  cluster: 'orders.shop',
  metadata,
  ...more,
})

function parsed(from: NodeIdentity): Sidecar {
  const result = parseNode(from)
  if ('error' in result) assert.fail(result.error.message)
  return result
}

test('an Istio node with all its metadata', () => {
  const sidecar = parsed(
    node(
      {
        NAMESPACE: 'shop',
        LABELS: { app: 'orders', version: 'v1' },
        SERVICE_ACCOUNT: 'orders-sa',
        INSTANCE_IPS: '10.0.0.7,fd00::7',
        NETWORK: 'vms',
        REQUESTED_NETWORK_VIEW: 'vms,cloud',
        INTERCEPTION_MODE: 'REDIRECT',
        WORKLOAD_NAME: 'orders',
        CLUSTER_ID: 'east',
      },
      { locality: { region: 'eu', zone: 'eu-a', subZone: 'r7' } },
    ),
  )
  assert.deepEqual(sidecar, {
    id,
    type: 'sidecar',
    cluster: 'east',
    ips: ['10.0.0.7', 'fd00::7'],
    namespace: 'shop',
    workload: 'orders',
    labels: { app: 'orders', version: 'v1' },
    serviceAccount: 'orders-sa',
    locality: { region: 'eu', zone: 'eu-a', subzone: 'r7' },
    network: 'vms',
    networkView: ['vms', 'cloud'],
    mode: 'transparent',
    outbound: { address: '127.0.0.1', port: 15002 },
  })
})

test('a plain Envoy: any id, no metadata', () => {
  const sidecar = parsed(node({}, { id: 'edge-1', cluster: 'edge' }))
  assert.deepEqual(
    [sidecar.namespace, sidecar.workload, sidecar.cluster, sidecar.mode, sidecar.ips],
    ['default', 'edge-1', 'edge', 'transparent', []],
  )
  const other = parseNode(node({}, { id: 'edge-1' }), { namespace: 'legacy' })
  assert.equal('error' in other || other.namespace, 'legacy')
})

describe('what one thing says', () => {
  const cases: [name: string, from: NodeIdentity, wanted: Partial<Sidecar>][] = [
    [
      'the id names address, workload, namespace',
      node(),
      { ips: ['10.0.0.7'], workload: 'orders-1', namespace: 'shop' },
    ],
    [
      'metadata wins over the id',
      node({ NAMESPACE: 'other', INSTANCE_IPS: '10.9.9.9' }),
      { ips: ['10.9.9.9'], namespace: 'other' },
    ],
    ['a bad INSTANCE_IPS gives way to the id', node({ INSTANCE_IPS: '10.0.0.1,x' }), { ips: ['10.0.0.7'] }],
    ['a gateway', node({}, { id: 'router~10.0.0.7~gw.shop~shop.svc.cluster.local' }), { type: 'router' }],
    [
      'a workload with dots',
      node({}, { id: 'sidecar~10.0.0.7~a.b.shop~shop.svc.x' }),
      { workload: 'a.b', namespace: 'shop' },
    ],
    ['an id without a domain', node({}, { id: 'sidecar~10.0.0.7~a.shop~' }), { namespace: 'shop' }],
    ['explicit mode', node({ INTERCEPTION_MODE: 'NONE' }), { mode: 'explicit' }],
    ['TPROXY', node({ INTERCEPTION_MODE: 'TPROXY' }), { mode: 'transparent' }],
    ['GENERATOR=grpc', node({ GENERATOR: 'grpc' }), { mode: 'grpc' }],
    ['gRPC for Node', node({}, { id: 'x', userAgentName: 'gRPC Node Pure JS' }), { mode: 'grpc' }],
    ['gRPC for C++', node({}, { id: 'x', userAgentName: 'grpc-c++' }), { mode: 'grpc' }],
    ['Envoy itself', node({}, { userAgentName: 'envoy' }), { mode: 'transparent' }],
    [
      'HTTP_PROXY_PORT',
      node({ HTTP_PROXY_PORT: '8118' }),
      { outbound: { address: '127.0.0.1', port: 8118 } },
    ],
    [
      'HTTP_PROXY_PORT as a number',
      node({ HTTP_PROXY_PORT: 8118 }),
      { outbound: { address: '127.0.0.1', port: 8118 } },
    ],
    [
      'PILOTHOUSE_OUTBOUND wins',
      node({ HTTP_PROXY_PORT: '1', PILOTHOUSE_OUTBOUND: '127.0.1.7:15002' }),
      { outbound: { address: '127.0.1.7', port: 15002 } },
    ],
    [
      'PILOTHOUSE_OUTBOUND, IPv6',
      node({ PILOTHOUSE_OUTBOUND: '[::1]:80' }),
      { outbound: { address: '::1', port: 80 } },
    ],
    [
      'label istio-locality',
      node({ LABELS: { 'istio-locality': 'eu.eu-a.r7' } }),
      { locality: { region: 'eu', zone: 'eu-a', subzone: 'r7' } },
    ],
    [
      'topology labels',
      node({ LABELS: { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-a' } }),
      { locality: { region: 'eu', zone: 'eu-a', subzone: '' } },
    ],
    ['network by label', node({ LABELS: { 'topology.istio.io/network': 'n2' } }), { network: 'n2' }],
    ['the aggregated stream', node({}, { via: 'ADS' }), { configSource: undefined }],
    [
      'a stream of its own',
      node({}, { via: 'DELTA_GRPC' }),
      { configSource: { api: 'DELTA_GRPC', cluster: 'xds-grpc' } },
    ],
    [
      'REST',
      node({}, { via: 'REST' }),
      { configSource: { api: 'REST', cluster: 'xds-rest', refreshDelay: 5000 } },
    ],
    [
      'PILOTHOUSE_XDS_REFRESH_DELAY',
      node({ PILOTHOUSE_XDS_REFRESH_DELAY: '500ms' }, { via: 'REST' }),
      { configSource: { api: 'REST', cluster: 'xds-rest', refreshDelay: 500 } },
    ],
    [
      'PILOTHOUSE_XDS_CLUSTER',
      node({ PILOTHOUSE_XDS_CLUSTER: 'pilot' }, { via: 'GRPC' }),
      { configSource: { api: 'GRPC', cluster: 'pilot' } },
    ],
    ['PILOTHOUSE_ON_DEMAND', node({ PILOTHOUSE_ON_DEMAND: 'true' }, { via: 'ADS' }), { onDemand: true }],
    ['all at once unless it says so', node({ PILOTHOUSE_ON_DEMAND: 'false' }), { onDemand: undefined }],
    [
      'gRPC has nothing on demand',
      node({ GENERATOR: 'grpc', PILOTHOUSE_ON_DEMAND: 'true' }),
      { onDemand: undefined },
    ],
    [
      'gRPC knows the aggregated stream only',
      node({ GENERATOR: 'grpc' }, { via: 'GRPC' }),
      { configSource: undefined },
    ],
    ['no locality', node({}, { locality: { region: '', zone: '', subZone: '' } }), { locality: undefined }],
  ]
  for (const [name, from, wanted] of cases)
    test(name, () => {
      const sidecar = parsed(from)
      for (const [key, value] of Object.entries(wanted))
        assert.deepEqual(sidecar[key as keyof Sidecar], value, key)
    })
})

describe('a node that cannot be served', () => {
  const cases: [from: NodeIdentity, message: RegExp][] = [
    [node({}, { id: '' }), /no id/],
    [node({}, { id: 'sidecar~10.0.0~a.b~b.svc' }), /"10.0.0" is not an IP/],
    [node({}, { id: 'sidecar~10.0.0.1~a.b' }), /3 parts/],
    [node({}, { id: 'waypoint~10.0.0.1~a.b~b.svc' }), /"waypoint" is not served/],
    [node({ HTTP_PROXY_PORT: 'x' }), /HTTP_PROXY_PORT "x"/],
    [node({ PILOTHOUSE_XDS_REFRESH_DELAY: '0' }, { via: 'REST' }), /PILOTHOUSE_XDS_REFRESH_DELAY "0"/],
    [node({ PILOTHOUSE_ON_DEMAND: 'true' }, { via: 'DELTA_GRPC' }), /PILOTHOUSE_ON_DEMAND/],
    [node({ PILOTHOUSE_OUTBOUND: 'localhost:1' }), /PILOTHOUSE_OUTBOUND "localhost:1"/],
  ]
  for (const [from, message] of cases)
    test(`${message}`, () => {
      const result = parseNode(from)
      assert.ok('error' in result)
      assert.match(result.error.message, message)
      assert.notEqual(result.error.remedy, '')
    })
})
