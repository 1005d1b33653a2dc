/** Valid configuration that an Envoy would refuse if it were passed on as it is (found by e2e/random-validate). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createGenerator } from '#xds/generate/index.ts'
import { endpoint, inbound, inboundPort, outbound, port, service, settings } from './fixtures.ts'
import { generateArbitrary } from './golden.ts'
import { meshes } from './meshes.ts'
import { chainMatches, type Json, names, read } from './read.ts'

const generator = createGenerator(settings)
const outboundSet = (...[services, more]: Parameters<typeof outbound>) =>
  generator.outbound(undefined, { view: outbound(services, more), changes: 'all' }).set
const inboundSet = (...args: Parameters<typeof inbound>) =>
  generator.inbound(undefined, { view: inbound(...args), changes: 'all' }).set
const proxyPorts = [15001, 15006, 15021, 15090]

test("services on the proxy's own ports take no listener from it, but keep their clusters", () => {
  const web = service(
    'web',
    proxyPorts.map((number) => port(number, 'HTTP')),
  )
  const set = outboundSet([web])
  assert.deepEqual(names(set, 'listener'), ['virtualOutbound'])
  assert.equal(names(set, 'cluster').filter((name) => name.startsWith('outbound|')).length, 4)
})

test('a virtual IP on such a port is an address of its own; 0.0.0.0 is none', () => {
  const db = service('db', [port(15001, 'TCP'), port(3306, 'TCP')], [], {
    addresses: ['10.0.0.9', '0.0.0.0'],
  })
  assert.deepEqual(names(outboundSet([db]), 'listener'), [
    '10.0.0.9_15001',
    '10.0.0.9_3306',
    'virtualOutbound',
  ])
})

test("the workload's port 15006 would be the blackhole's chain again", () => {
  const web = service('web', [])
  const set = inboundSet([inboundPort(web, port(15006, 'TCP')), inboundPort(web, port(80, 'TCP'))])
  const matched = chainMatches(read(set, 'listener', 'virtualInbound')).map((m: Json) => m.destinationPort)
  assert.deepEqual(matched, [15006, 80, undefined])
})

test('two spellings of one IPv6 address are one listener', () => {
  const a = service('a', [port(3306, 'TCP')], [], { addresses: ['FD00:0::1'] })
  const b = service('b', [port(3306, 'TCP')], [], { addresses: ['fd00::1'] })
  assert.deepEqual(names(outboundSet([a, b]), 'listener'), ['fd00::1_3306', 'virtualOutbound'])
})

test('`*-a.example` is a host but no server name', () => {
  const set = outboundSet([
    service('*-a.example', [port(443, 'TLS')], [], { resolution: 'NONE' }),
    service('*.b.example', [port(443, 'TLS')], [], { resolution: 'NONE' }),
  ])
  assert.deepEqual(
    chainMatches(read(set, 'listener', '0.0.0.0_443')).map((m: Json) => m.serverNames),
    [['*.b.example']],
  )
})

test('weights that add up to more than 32 bits keep their proportion', () => {
  const most = 4294967295
  const set = outboundSet([
    service(
      'a',
      [port(80, 'HTTP')],
      [
        endpoint('10.0.0.1', { weight: most }),
        endpoint('10.0.0.2', { weight: most, locality: { region: 'r', zone: '', subzone: '' } }),
        endpoint('10.0.0.3'),
      ],
    ),
  ])
  const { endpoints } = read(set, 'endpoint', 'outbound|80||a')
  const weights = endpoints.map((each: Json) => each.loadBalancingWeight)
  assert.ok(weights.reduce((sum: number, each: number) => sum + each, 0) <= most)
  assert.ok(Math.abs(weights[0] - weights[1]) < 2, `${weights}`)
})

test('a socket path longer than the kernel takes is left out', () => {
  const long = `unix:///${'x'.repeat(107)}`
  const set = outboundSet([service('a', [port(80, 'HTTP')], [endpoint(long), endpoint(long.slice(0, -1))])])
  const { endpoints } = read(set, 'endpoint', 'outbound|80||a')
  assert.equal(endpoints[0].lbEndpoints.length, 1)
})

test("a Sidecar's listener at the explicit proxy's socket stands for it", () => {
  const services = new Map()
  const listener = { port: 15002, protocol: 'HTTP_PROXY', name: 'proxy', bindToPort: true, services } as const
  const set = outboundSet([], { mode: 'explicit', listeners: [listener] })
  assert.deepEqual(names(set, 'listener'), ['127.0.0.1_15002'])
})

test("a Sidecar's listener at every address, or at a virtual IP, is the only one there", () => {
  const db = service('db', [port(80, 'TCP')], [], { addresses: ['10.0.0.9'] })
  const services = new Map([['db', db]])
  const listener = { port: 80, protocol: 'TCP', name: 'db', bindToPort: true, services } as const
  for (const bind of ['0.0.0.0', '10.0.0.9']) {
    const view = outbound([db, service('web', [port(80, 'HTTP')])], { listeners: [{ ...listener, bind }] })
    const { units } = generator.outbound(undefined, { view, changes: 'all' })
    const made = [...units.values()].flat().map(({ typeUrl, name }) => `${typeUrl} ${name}`)
    assert.equal(new Set(made).size, made.length, bind)
  }
})

test("a Sidecar's ingress bound where a headless service has an instance is the listener there", () => {
  const yaml = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: db, namespace: shop, labels: { service.kubernetes.io/headless: '' } }
spec:
  hosts: [db.example]
  resolution: STATIC
  ports: [{ number: 9042, protocol: TCP, name: cql }]
  endpoints: [{ address: 10.0.0.2 }, { address: 10.0.0.3 }]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: shop }
spec:
  egress: [{ hosts: ['*/*'] }]
  ingress:
    - { port: { number: 9042, protocol: TCP, name: cql }, bind: 10.0.0.2, captureMode: NONE, defaultEndpoint: 127.0.0.1:9042 }
`
  const metadata = { NAMESPACE: 'shop', INTERCEPTION_MODE: 'REDIRECT', INSTANCE_IPS: '10.0.0.2' }
  const node = { id: 'sidecar~10.0.0.2~db-0.shop~shop.svc.cluster.local', metadata }
  const { listeners } = generateArbitrary({ yaml, node })
  const directions = listeners.map(({ name, trafficDirection }: Json) => `${name} ${trafficDirection}`)
  assert.deepEqual(
    directions.filter((each) => each.includes('9042')),
    ['10.0.0.2_9042 INBOUND', '10.0.0.3_9042 OUTBOUND'],
  )
})

test('no resource is made twice, and the same configuration makes the same bytes', () => {
  fc.assert(
    fc.property(meshes, (mesh) => assert.deepEqual(generateArbitrary(mesh), generateArbitrary(mesh))),
    { seed: 20261122, numRuns: 60 },
  )
})
