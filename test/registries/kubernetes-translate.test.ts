import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { KubernetesObject } from '#config/connections/kubernetes-api.ts'
import { nodeLocality, podFacts, protocolOf, serviceFacts, sliceFacts } from '#registries/kubernetes/facts.ts'
import { type Surroundings, toService, toWorkload } from '#registries/kubernetes/join.ts'
import { messageOf, type Page, parseLine, parsePage } from '#registries/kubernetes/wire.ts'
import { ofPod, pod, service, slice } from './kubernetes-objects.ts'

const wire = (name: string) =>
  readFileSync(join(import.meta.dirname, '../wire/kubernetes-1.36.3', name), 'utf8')
const skipped = (key: string, error: unknown) => assert.fail(`${key}: ${error}`)
function page<T>(name: string, translate: (object: KubernetesObject) => T | undefined): Page<T> {
  const read = parsePage(wire(name), { translate, skipped })
  if (typeof read === 'string') assert.fail(read)
  return read
}
const values = <T>({ items }: Page<T>) => new Map(items.map(({ key, value }) => [key, value]))
const of = (object: object) => ({ metadata: {}, ...object }) as unknown as KubernetesObject
const nowhere: Surroundings = { pod: () => undefined, node: () => undefined }
const options = { registry: 'kubernetes/test', domain: 'cluster.local', network: '' }

suite('kubernetes: what the API server 1.36.3 answered', () => {
  test('lists become services', () => {
    const services = values(page('services.json', serviceFacts))
    const slices = values(page('endpointslices.json', sliceFacts))
    const pods = values(page('pods.json', (it) => podFacts(it, undefined)))
    const nodes = values(page('nodes.json', nodeLocality))
    const around = { pod: (key: string) => pods.get(key), node: (name: string) => nodes.get(name) }
    const web = toService(
      services.get('default/web')!,
      [...slices.values()].filter((it) => it.service === 'web'),
      around,
      options,
    )
    assert.deepEqual(web.ports, [
      { name: 'http', port: 80, protocol: 'HTTP', targetPort: 8080 },
      { name: 'rpc', port: 90, protocol: 'HTTP2' },
    ])
    assert.equal(web.addresses.length, 1)
    assert.deepEqual(
      web.endpoints.map((it) => [
        it.address,
        it.health,
        it.labels.version,
        it.locality?.zone,
        it.serviceAccount,
      ]),
      [
        // Told by two slices: the later written one, which knows of no pod, counts.
        ['10.1.0.1', 'HEALTHY', undefined, undefined, ''],
        ['10.1.0.2', 'UNHEALTHY', 'v2', 'eu-1', 'web'],
        ['10.1.0.3', 'DRAINING', undefined, 'eu-2', ''],
      ],
    )
    const headless = services.get('default/headless')!
    assert.deepEqual([headless.headless, headless.addresses], [true, []])
    assert.deepEqual(headless.ports, [{ key: '', port: { name: 'tcp', port: 3306, protocol: 'TCP' } }])
    const outside = toService(services.get('default/outside')!, [], around, options)
    assert.deepEqual([outside.resolution, outside.endpoints[0]!.address], ['DNS', 'api.example.com'])
    const workload = toWorkload(pods.get('default/web-2')!, around, options)!
    assert.deepEqual(
      [workload.address, workload.health, workload.locality?.region],
      ['10.1.0.2', 'UNHEALTHY', 'eu'],
    )
  })
  test('an empty list, a first page', () => {
    assert.deepEqual(page('empty.json', () => 1).items, [])
    const first = page('services-first-page.json', serviceFacts)
    assert.equal(first.items.length, 1)
    assert.ok(first.continue)
    assert.ok(first.firstUid)
  })
  test('a watch', () => {
    const lines = wire('endpointslices-watch.jsonl').trim().split('\n')
    const read = lines.map((line) => parseLine(line, { translate: sliceFacts, skipped }))
    assert.deepEqual(
      read.map((it) => [it.kind, 'key' in it && it.key]),
      [
        ['put', 'default/web-a'],
        ['gone', 'default/web-b'],
      ],
    )
    const [expired] = wire('expired-watch.jsonl')
      .trim()
      .split('\n')
      .map((line) => parseLine(line, { translate: sliceFacts, skipped }))
    assert.ok(expired?.kind === 'error')
    assert.equal(expired.status, 410)
  })
  test('refusals say why', () => {
    assert.match(messageOf(wire('forbidden.json')), /cannot list resource "services"/)
    assert.equal(messageOf(wire('unauthorized.json')), 'Unauthorized')
    assert.match(messageOf('<html>no</html>'), /<html>/)
    assert.equal(messageOf(''), 'nothing')
  })
})

suite('kubernetes: translation', () => {
  test('protocols', () => {
    const rows: readonly [object, string | undefined][] = [
      [{ name: 'http-web' }, 'HTTP'],
      [{ name: 'grpc' }, 'GRPC'],
      [{ name: 'grpc-web-x' }, 'GRPC-Web'],
      [{ name: 'web' }, 'AUTO'],
      [{ name: 'web', appProtocol: 'https' }, 'HTTPS'],
      [{ name: 'http', appProtocol: 'tcp' }, 'TCP'],
      [{ name: '', appProtocol: 'kubernetes.io/h2c' }, 'HTTP2'],
      [{ name: '', appProtocol: 'kubernetes.io/ws' }, 'HTTP'],
      [{ name: '', appProtocol: 'kubernetes.io/wss' }, 'HTTPS'],
      [{ name: 'http', protocol: 'UDP' }, 'UDP'],
      [{ name: 'sip', protocol: 'SCTP' }, undefined],
      [{ name: 'mail', port: 25 }, 'TCP'],
      [{ name: 'dns-tcp', port: 53 }, 'TCP'],
      [{ name: 'dns', port: 53, protocol: 'UDP' }, 'UDP'],
      [{ name: 'http-doh', port: 53 }, 'HTTP'],
      [{ name: 'db', port: 3306 }, 'TCP'],
      [{ name: 'mongo', port: 27017 }, 'Mongo'],
    ]
    for (const [port, expected] of rows)
      assert.equal(protocolOf({ name: '', port: 80, ...port }), expected, JSON.stringify(port))
  })
  test('conditions to health', () => {
    const rows: readonly [unknown, string][] = [
      [undefined, 'HEALTHY'],
      [{}, 'HEALTHY'],
      [{ ready: null }, 'HEALTHY'],
      [{ ready: true }, 'HEALTHY'],
      [{ ready: false }, 'UNHEALTHY'],
      [{ ready: false, serving: true, terminating: true }, 'DRAINING'],
      [{ ready: false, serving: false, terminating: true }, 'UNHEALTHY'],
      [{ ready: false, terminating: true }, 'UNHEALTHY'],
      [{ ready: true, serving: true, terminating: true }, 'DRAINING'],
      ['yes', 'HEALTHY'],
    ]
    for (const [conditions, expected] of rows) {
      const facts = sliceFacts(of(slice('a', [], { endpoints: [{ addresses: ['10.0.0.1'], conditions }] })))!
      assert.equal(facts.endpoints[0]!.health, expected, JSON.stringify(conditions))
    }
  })
  test('a pod of two families counts once, by the first of its service', () => {
    const two = [
      slice('a4', [], { service: 'a', endpoints: [ofPod('p', '10.0.0.1'), ofPod('q', '10.0.0.2')] }),
      slice('a6', [], {
        service: 'a',
        addressType: 'IPv6',
        endpoints: [ofPod('p', 'fd00::1'), ofPod('r', 'fd00::3')],
      }),
      slice('af', ['a.example.com'], { service: 'a', addressType: 'FQDN' }),
    ].map((it) => sliceFacts(of(it))!)
    const addresses = (ipFamilies: string[]) =>
      toService(serviceFacts(of(service('a', { spec: { ipFamilies } }))), two, nowhere, options)
        .endpoints.map((it) => it.address)
        .join(' ')
    assert.equal(addresses(['IPv4', 'IPv6']), '10.0.0.1 10.0.0.2 fd00::3')
    assert.equal(addresses(['IPv6', 'IPv4']), '10.0.0.2 fd00::1 fd00::3')
  })
  test('DNS names alone make a service that is resolved', () => {
    const names = sliceFacts(of(slice('a', ['a.example.com'], { addressType: 'FQDN' })))!
    const made = toService(serviceFacts(of(service('a'))), [names], nowhere, options)
    assert.deepEqual([made.resolution, made.endpoints[0]!.address], ['DNS', 'a.example.com'])
  })
  test('ports of slices: where they differ, and united over slices of one address', () => {
    const facts = serviceFacts(
      of(
        service('a', {
          ports: [
            { name: 'http', port: 80, targetPort: 'web' },
            { name: 'admin', port: 81, targetPort: 9090 },
          ],
        }),
      ),
    )
    const slices = [
      slice('a1', ['10.0.0.1'], { ports: [{ name: 'http', port: 8080 }] }),
      slice('a2', ['10.0.0.1'], { ports: [{ name: 'admin', port: 9090 }] }),
    ].map((it) => sliceFacts(of(it))!)
    assert.deepEqual(toService(facts, slices, nowhere, options).endpoints[0]!.ports, { http: 8080 })
  })
  test('a pod without a port of its service serves the others only', () => {
    const facts = serviceFacts(
      of(
        service('a', {
          ports: [
            { name: 'http', port: 80, targetPort: 'web' },
            { name: 'grpc', port: 90, targetPort: 'rpc' },
          ],
        }),
      ),
    )
    const http = { name: 'http', port: 8080 }
    const ports = (spec: object, ...given: ReturnType<typeof slice>[]) =>
      toService(
        { ...facts, ...spec },
        given.map((it) => sliceFacts(of(it))!),
        nowhere,
        options,
      ).endpoints.map((it) => it.ports)
    const both = slice('a1', ['10.0.0.1'], { ports: [http, { name: 'grpc', port: 9090 }] })
    const one = slice('a2', ['10.0.0.2'], { ports: [http] })
    const expected = [
      { http: 8080, grpc: 9090 },
      { http: 8080, grpc: 0 },
    ]
    assert.deepEqual(ports({}, both, one), expected)
    assert.deepEqual(ports({ headless: true, addresses: [] }, both, one), expected)
    assert.deepEqual(ports({}, slice('a3', ['10.0.0.3'], { ports: [] })), [{ http: 0, grpc: 0 }])
    assert.deepEqual(ports({ externalName: 'a.example.com' }), [{}])
  })
  test('a slice made by hand that states a port without a number serves at all ports', () => {
    const facts = serviceFacts(of(service('a', { ports: [{ port: 80 }] })))
    for (const port of [{}, { port: null }, { name: '', port: null }]) {
      const byHand = sliceFacts(of(slice('a1', ['10.0.0.1'], { ports: [port] })))!
      assert.deepEqual(toService(facts, [byHand], nowhere, options).endpoints[0]!.ports, {})
    }
  })
  test('one address with two numbers for one port is two endpoints: pods of the host, or slices made by hand', () => {
    const facts = serviceFacts(of(service('a', { ports: [{ name: 'http', port: 80, targetPort: 'web' }] })))
    const slices = [
      slice('a1', ['10.0.0.1'], { ports: [{ name: 'http', port: 8081 }] }),
      slice('a2', ['10.0.0.1'], { ports: [{ name: 'http', port: 8082 }] }),
      slice('a3', ['10.0.0.1'], { ports: [{ name: 'http', port: 8082 }] }),
    ].map((it) => sliceFacts(of(it))!)
    assert.deepEqual(
      toService(facts, slices, nowhere, options).endpoints.map(({ ports }) => ports.http),
      [8081, 8082],
    )
  })
  test('where a pod is, and on which network', () => {
    const around: Surroundings = { ...nowhere, node: () => ({ region: 'eu', zone: 'eu-1', subzone: '' }) }
    const workload = (labels: object) =>
      toWorkload(podFacts(of(pod('p', '10.0.0.1', { labels })), undefined), around, {
        ...options,
        network: 'n1',
      })!
    assert.equal(workload({}).locality!.zone, 'eu-1')
    assert.deepEqual(workload({ 'istio-locality': 'us.us-1.a' }).locality, {
      region: 'us',
      zone: 'us-1',
      subzone: 'a',
    })
    assert.equal(workload({}).network, 'n1')
    assert.equal(workload({ 'topology.istio.io/network': 'n2' }).network, 'n2')
  })
  test('whatever an API says: nothing throws', () => {
    const strange = [null, 0, 'x', [], {}, [null], [{}], [[]], { a: null }, true]
    for (const metadata of [
      { name: 'a' },
      { name: 'a', namespace: 'b', labels: null },
      { name: 'a', labels: { 'kubernetes.io/service-name': 'a' }, annotations: [] },
    ])
      for (const value of strange) {
        const object = {
          metadata,
          spec: value,
          status: value,
          ports: value,
          endpoints: value,
          addressType: value,
        }
        const nested = {
          metadata,
          spec: { ports: value, clusterIPs: value, externalName: value },
          status: { conditions: value, podIP: value },
          endpoints: [{ addresses: value, conditions: value, targetRef: value, zone: value }],
          ports: [value],
        }
        for (const it of [object, nested]) {
          const facts = serviceFacts(it as unknown as KubernetesObject)
          const slices = [sliceFacts(it as unknown as KubernetesObject) ?? []].flat()
          toService(facts, slices, nowhere, options)
          toWorkload(podFacts(it as unknown as KubernetesObject, undefined), nowhere, options)
          nodeLocality(it as unknown as KubernetesObject)
        }
      }
  })
})
