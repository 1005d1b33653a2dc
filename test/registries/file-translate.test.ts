import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Subject } from 'rxjs'
import { parseFile } from '#config/parse.ts'
import type { ConfigObject, ConfigUpdate, ServiceEntrySpec, WorkloadEntrySpec } from '#model/config.ts'
import { type Endpoint, type Service, serviceKey } from '#model/service.ts'
import { fileRegistry } from '#registries/file/index.ts'
import { toServices, toWorkload } from '#registries/file/translate.ts'
import type { RegistryUpdate } from '#registries/registry.ts'

const parse = (
  kind: string,
  spec: string,
  metadata = 'name: x, namespace: shop',
  more = '',
): ConfigObject => {
  const text = `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {${metadata}}\nspec:\n${spec.replace(/^/gm, '  ')}\n${more}`
  const { objects, issues } = parseFile(text, { file: 'x.yaml', source: 'files/x' })
  assert.deepEqual(
    [...issues, ...objects[0]!.issues].filter((i) => i.severity === 'error'),
    [],
  )
  return objects[0]!.object!
}
const services = (spec: string, metadata?: string): Service[] =>
  toServices(parse('ServiceEntry', spec, metadata) as ConfigObject<string, ServiceEntrySpec>, 'file/x')
const workload = (spec: string, metadata?: string, more?: string) =>
  toWorkload(
    parse('WorkloadEntry', spec, metadata, more) as ConfigObject<string, WorkloadEntrySpec>,
    'file/x',
  )

const origin = { source: 'file/x', object: 'ServiceEntry/shop/x', at: 'x.yaml:1' }
const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  address,
  ports: {},
  health: 'HEALTHY',
  weight: 1,
  labels: {},
  network: '',
  serviceAccount: '',
  workload: '',
  registry: 'file/x',
  origin,
  ...more,
})
const service = (more: Partial<Service>): Service => ({
  hostname: 'a.b',
  namespace: 'shop',
  entry: 'x',
  ports: [{ name: 'http', port: 80, protocol: 'HTTP' }],
  addresses: [],
  resolution: 'STATIC',
  location: 'MESH_EXTERNAL',
  exportTo: ['*'],
  subjectAltNames: [],
  labels: {},
  headless: false,
  endpoints: [],
  origin,
  ...more,
})
const PORT = 'ports: [{number: 80, name: http, protocol: HTTP}]'

suite('ServiceEntry to services', () => {
  test('one address has one spelling, in endpoints and virtual IPs', () => {
    const [found] = services(
      `hosts: [a.b]\nresolution: STATIC\naddresses: ["FD00:0::1"]\n${PORT}\nendpoints: [{address: "fd00::0:2"}]`,
    )
    assert.deepEqual([found!.addresses, found!.endpoints[0]!.address], [['fd00::1'], 'fd00::2'])
  })
  test('headless by the label of Kubernetes, unless it has addresses', () => {
    const labels = { 'service.kubernetes.io/headless': '' }
    const metadata = 'name: x, namespace: shop, labels: {service.kubernetes.io/headless: ""}'
    const spec = `hosts: [a.b]\nresolution: STATIC\n${PORT}`
    assert.deepEqual(services(spec, metadata), [service({ headless: true, labels })])
    assert.equal(services(`${spec}\naddresses: [10.0.0.1]`, metadata)[0]!.headless, false)
  })
  const rows: readonly (readonly [name: string, spec: string, services: readonly Service[]])[] = [
    ['nothing said is NONE, external, for all', `hosts: [a.b]\n${PORT}`, [service({ resolution: 'NONE' })]],
    [
      'one for each host, lower case, without a last dot, once',
      `hosts: [A.b, c.d., a.b]\nresolution: DYNAMIC_DNS\n${PORT}`,
      [service({ resolution: 'DYNAMIC_DNS' }), service({ resolution: 'DYNAMIC_DNS', hostname: 'c.d' })],
    ],
    [
      'an endpoint with everything',
      `hosts: [a.b]\nlocation: MESH_INTERNAL\nresolution: STATIC\n${PORT}
endpoints:
- {address: 10.0.0.1, ports: {http: 8080}, labels: {app: a, version: v1}, locality: eu/eu-1/a, network: n, weight: 3, serviceAccount: sa}`,
      [
        service({
          location: 'MESH_INTERNAL',
          endpoints: [
            endpoint('10.0.0.1', {
              ports: { http: 8080 },
              labels: { app: 'a', version: 'v1' },
              locality: { region: 'eu', zone: 'eu-1', subzone: 'a' },
              network: 'n',
              weight: 3,
              serviceAccount: 'sa',
            }),
          ],
        }),
      ],
    ],
    [
      'target ports stay with the service, endpoint ports with the endpoint',
      'hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http, protocol: grpc, targetPort: 8080}, {number: 81, name: raw}]\nendpoints: [{address: 10.0.0.1, ports: {raw: 9}}]',
      [
        service({
          ports: [
            { name: 'http', port: 80, protocol: 'GRPC', targetPort: 8080 },
            { name: 'raw', port: 81, protocol: 'AUTO' },
          ],
          endpoints: [endpoint('10.0.0.1', { ports: { raw: 9 } })],
        }),
      ],
    ],
    [
      'weight 0 is 1; locality by label, with dots; IPv6; Unix socket',
      `hosts: [a.b]\nresolution: STATIC\n${PORT}
endpoints: [{address: "2001:db8::1", weight: 0, labels: {istio-locality: eu.eu-1}}, {address: "unix:///a"}]`,
      [
        service({
          endpoints: [
            endpoint('2001:db8::1', {
              labels: { 'istio-locality': 'eu.eu-1' },
              locality: { region: 'eu', zone: 'eu-1', subzone: '' },
            }),
            endpoint('unix:///a'),
          ],
        }),
      ],
    ],
    [
      'health by label, which is no label of the endpoint',
      `hosts: [a.b]\nresolution: STATIC\n${PORT}
endpoints:
- {address: 10.0.0.1, labels: {pilothouse.io/health: draining, app: a}}
- {address: 10.0.0.2, labels: {pilothouse.io/health: unhealthy}}
- {address: 10.0.0.3, labels: {pilothouse.io/health: degraded}}
- {address: 10.0.0.4, labels: {pilothouse.io/health: healthy}}`,
      [
        service({
          endpoints: [
            endpoint('10.0.0.1', { health: 'DRAINING', labels: { app: 'a' } }),
            endpoint('10.0.0.2', { health: 'UNHEALTHY' }),
            endpoint('10.0.0.3', { health: 'DEGRADED' }),
            endpoint('10.0.0.4'),
          ],
        }),
      ],
    ],
    [
      'DNS without endpoints resolves the host',
      `hosts: [a.b]\nresolution: DNS\n${PORT}`,
      [service({ resolution: 'DNS', endpoints: [endpoint('a.b')] })],
    ],
    [
      'DNS with endpoints resolves those',
      `hosts: [a.b]\nresolution: DNS\n${PORT}\nendpoints: [{address: x.y}]`,
      [service({ resolution: 'DNS', endpoints: [endpoint('x.y')] })],
    ],
    [
      'a selector',
      `hosts: [a.b]\nresolution: STATIC\n${PORT}\nworkloadSelector: {labels: {app: a}}`,
      [service({ selector: { app: 'a' } })],
    ],
    [
      'DNS with a selector has no endpoint of its own',
      `hosts: [a.b]\nresolution: DNS\n${PORT}\nworkloadSelector: {labels: {app: a}}`,
      [service({ resolution: 'DNS', selector: { app: 'a' } })],
    ],
    [
      'addresses: a block of one is an address',
      `hosts: [a.b]\naddresses: [10.0.0.1/32, 10.1.0.0/16, "fd00::1/128", 10.0.0.2]\nexportTo: [".", x]\nsubjectAltNames: ["spiffe://y"]\n${PORT}`,
      [
        service({
          resolution: 'NONE',
          addresses: ['10.0.0.1', '10.1.0.0/16', 'fd00::1', '10.0.0.2'],
          exportTo: ['.', 'x'],
          subjectAltNames: ['spiffe://y'],
        }),
      ],
    ],
    [
      'an endpoint of which only the network is known is no endpoint',
      `hosts: [a.b]\nresolution: STATIC\n${PORT}\nendpoints: [{network: n}]`,
      [service({})],
    ],
  ]
  for (const [name, spec, expected] of rows) test(name, () => assert.deepEqual(services(spec), expected))

  test('labels and age of the object', () => {
    const [one] = services(
      `hosts: [a.b]\n${PORT}`,
      'name: x, namespace: shop, labels: {team: t}, creationTimestamp: "2026-01-01T00:00:00Z"',
    )
    assert.deepEqual([one!.labels, one!.createdAt], [{ team: 't' }, '2026-01-01T00:00:00Z'])
  })
})

suite('WorkloadEntry to a workload', () => {
  const own = { origin: { ...origin, object: 'WorkloadEntry/shop/x' }, workload: 'x', namespace: 'shop' }
  const unhealthy = 'status: {conditions: [{type: Ready, status: "True"}, {type: Healthy, status: "False"}]}'
  const drained = 'name: x, namespace: shop, annotations: {pilothouse.io/health: draining}'
  test('with ports and labels', () =>
    assert.deepEqual(workload('address: 10.0.0.1\nports: {http: 8080}\nlabels: {app: a}'), {
      ...endpoint('10.0.0.1', { ports: { http: 8080 }, labels: { app: 'a' } }),
      ...own,
    }))
  test('health from the condition', () =>
    assert.equal(workload('address: 10.0.0.1', undefined, unhealthy)?.health, 'UNHEALTHY'))
  test('the annotation wins', () =>
    assert.equal(workload('address: 10.0.0.1', drained, unhealthy)?.health, 'DRAINING'))
  test('without an address there is none', () => assert.equal(workload('network: n'), undefined))
})

suite('file registry', () => {
  function listen() {
    const config = new Subject<ConfigUpdate>()
    const heard: RegistryUpdate[] = []
    const registry = fileRegistry({
      name: 'file/x',
      config: { name: 'files/x', kind: 'files', updates: config },
    })
    const subscription = registry.updates.subscribe((u) => heard.push(u))
    return { config, heard, subscription }
  }
  const entry = (name: string, address: string, more = '') =>
    parse(
      'ServiceEntry',
      `hosts: [a.b]\nresolution: STATIC\n${PORT}\nendpoints: [{address: ${address}}]${more}`,
      `name: ${name}, namespace: shop`,
    )

  test('kinds that are no services are not told', () => {
    const { config, heard } = listen()
    config.next({ kind: 'full', objects: [], issues: [] })
    config.next({
      kind: 'delta',
      changed: [parse('Sidecar', 'egress: [{hosts: ["./*"]}]')],
      removed: [],
      issues: [],
    })
    config.next({ kind: 'delta', changed: [], removed: ['Sidecar/shop/x'], issues: [] })
    assert.deepEqual(heard, [{ kind: 'full', services: [], workloads: [] }])
  })
  test('workloads come, change and go', () => {
    const { config, heard } = listen()
    const w = (ip: string) => parse('WorkloadEntry', `address: ${ip}`, 'name: w, namespace: shop')
    config.next({ kind: 'full', objects: [w('10.0.0.1')], issues: [] })
    config.next({ kind: 'delta', changed: [w('10.0.0.2')], removed: [], issues: [] })
    config.next({ kind: 'delta', changed: [], removed: ['WorkloadEntry/shop/w'], issues: [] })
    assert.deepEqual(
      heard.map((u) =>
        u.kind === 'full'
          ? u.workloads.map((x) => x.address)
          : u.kind === 'delta'
            ? [u.changedWorkloads.map((x) => x.address), u.removedWorkloads]
            : [],
      ),
      [['10.0.0.1'], [['10.0.0.2'], []], [[], ['shop/w']]],
    )
  })
  test('two ServiceEntries of one host and namespace are two services, told apart by their names', () => {
    const { config, heard } = listen()
    config.next({ kind: 'full', objects: [entry('one', '10.0.0.1'), entry('two', '10.0.0.2')], issues: [] })
    const [full] = heard
    assert.ok(full?.kind === 'full')
    assert.deepEqual(
      full.services.map((s) => [serviceKey(s), s.origin.object, s.endpoints.map((e) => e.address)]),
      [
        ['shop/a.b/one', 'ServiceEntry/shop/one', ['10.0.0.1']],
        ['shop/a.b/two', 'ServiceEntry/shop/two', ['10.0.0.2']],
      ],
    )
    config.next({ kind: 'delta', changed: [], removed: ['ServiceEntry/shop/one'], issues: [] })
    const last = heard.at(-1)
    assert.ok(last?.kind === 'delta')
    assert.deepEqual([last.changed, last.removed], [[], ['shop/a.b/one']])
  })
  test('an object that loses a host takes back that service only; one that comes back in one step was never gone', () => {
    const { config, heard } = listen()
    const hosts = (list: string) =>
      parse('ServiceEntry', `hosts: [${list}]\nresolution: STATIC`, 'name: one, namespace: shop')
    const told = () => {
      const last = heard.at(-1)
      assert.ok(last?.kind === 'delta')
      return [last.changed.map(serviceKey), last.removed]
    }
    config.next({ kind: 'full', objects: [hosts('a.b, c.d')], issues: [] })
    config.next({ kind: 'delta', changed: [hosts('c.d, e.f')], removed: [], issues: [] })
    assert.deepEqual(told(), [['shop/e.f/one'], ['shop/a.b/one']])
    config.next({
      kind: 'delta',
      changed: [hosts('c.d, a.b')],
      removed: ['ServiceEntry/shop/one'],
      issues: [],
    })
    assert.deepEqual(told(), [['shop/c.d/one', 'shop/a.b/one'], ['shop/e.f/one']])
  })
  test('a full after trouble replaces what was said', () => {
    const { config, heard, subscription } = listen()
    config.next({ kind: 'full', objects: [entry('one', '10.0.0.1')], issues: [] })
    config.next({ kind: 'trouble', error: { code: 'PH1013', message: 'm', remedy: 'r' }, since: new Date(0) })
    config.next({ kind: 'full', objects: [], issues: [] })
    assert.deepEqual(
      heard.map((u) => (u.kind === 'full' ? u.services.length : u.kind)),
      [1, 'trouble', 0],
    )
    subscription.unsubscribe()
    assert.equal(config.observed, false)
  })
})
