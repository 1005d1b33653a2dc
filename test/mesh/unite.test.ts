import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshService } from '#model/mesh.ts'
import type { Service } from '#model/service.ts'
import { initialState, reduce } from '../../src/mesh/merge.ts'
import { defaultMeshOptions, type MeshOptions } from '../../src/mesh/precedence.ts'
import { endpoint, full, http, service, workload } from './fakes.ts'

type Said = Readonly<Record<string, readonly Service[]>>

/** Merged services by key; registries in the order of the keys of `said`. */
const merged = (said: Said, options: Partial<MeshOptions> = {}): ReadonlyMap<string, MeshService> => {
  const sources = Object.keys(said).map((name) => ({ name, kind: 'fake', role: 'registry' as const }))
  const start = initialState(sources, { ...defaultMeshOptions, ...options })
  const at = new Date(0)
  return Object.entries(said).reduce(
    (state, [source, services]) =>
      reduce(state, { role: 'registry', source, at, update: full(services) }).state,
    start,
  ).snapshot.services
}
const one = (said: Said, options: Partial<MeshOptions> = {}): MeshService => {
  const services = [...merged(said, options).values()]
  assert.equal(services.length, 1)
  return services[0]!
}
const codes = ({ issues }: MeshService): string[] => issues.map(({ code }) => code).sort()

test('endpoints of one hostname are united, each with its owner, in order of precedence', () => {
  const result = one({
    a: [service('x.test', 'a', ['10.0.0.9'])],
    b: [service('x.test', 'b', ['10.0.0.1', '10.0.0.0'])],
  })
  assert.deepEqual(
    result.endpoints.map((e) => [e.registry, e.address, e.priority]),
    [
      ['a', '10.0.0.9', 0],
      ['b', '10.0.0.0', 0],
      ['b', '10.0.0.1', 0],
    ],
  )
  assert.deepEqual(result.registries, ['a', 'b'])
  assert.deepEqual(result.issues, [])
  assert.deepEqual(
    result.attributes.origins.map(({ source }) => source),
    ['a', 'b'],
  )
})

test('what registries disagree on is an issue with both owners, and the first holds', () => {
  const table: readonly [string, Partial<Service>, Partial<Service>, RegExp][] = [
    [
      'PH2001',
      { ports: [http(80)] },
      { ports: [{ ...http(80), protocol: 'TCP' }] },
      /protocol is HTTP by a .* TCP by b/,
    ],
    ['PH2002', { ports: [http(80)] }, { ports: [http(8080)] }, /number is 80 by a .* 8080 by b/],
    ['PH2003', { ports: [http(80)] }, { ports: [http(80, 'web')] }, /name is http by a .* web by b/],
    [
      'PH2004',
      { ports: [http(80)] },
      { ports: [{ ...http(80), targetPort: 8080 }] },
      /target port is 80 by a .* 8080 by b/,
    ],
    ['PH2006', { resolution: 'STATIC' }, { resolution: 'DNS' }, /resolution is STATIC by a .* DNS by b/],
    [
      'PH2007',
      { location: 'MESH_INTERNAL' },
      { location: 'MESH_EXTERNAL' },
      /INTERNAL by a .* MESH_EXTERNAL by b/,
    ],
    [
      'PH2008',
      { addresses: ['240.0.0.1'] },
      { addresses: ['240.0.0.2'] },
      /240.0.0.1 by a .* 240.0.0.2 by b/,
    ],
    ['PH2009', { subjectAltNames: ['x'] }, { subjectAltNames: ['y'] }, /x by a .* y by b/],
    ['PH2014', { headless: false }, { headless: true }, /false by a .* true by b/],
  ]
  for (const [code, first, second, message] of table) {
    const result = one({ a: [service('x.test', 'a', [], first)], b: [service('x.test', 'b', [], second)] })
    assert.deepEqual(codes(result), [code])
    assert.match(result.issues[0]!.message, message)
    assert.match(result.issues[0]!.message, /^.+, which holds, and .+\.$/)
    assert.equal(result.issues[0]!.at, 'b')
    assert.ok(result.issues[0]!.remedy.length > 20)
    for (const key of Object.keys(first) as (keyof Service)[])
      assert.deepEqual(result.attributes[key as 'ports'], first[key], `${code}: the first holds`)
  }
})

test('an empty list says nothing: addresses of a later registry serve', () => {
  const result = one({
    a: [service('x.test', 'a')],
    b: [service('x.test', 'b', [], { addresses: ['240.0.0.2'] })],
  })
  assert.deepEqual(result.attributes.addresses, ['240.0.0.2'])
  assert.deepEqual(result.issues, [])
})

test('endpoints keep their own target port when the first registry says another', () => {
  const result = one({
    a: [service('x.test', 'a', ['10.0.0.1'], { ports: [{ ...http(80), targetPort: 8080 }] })],
    b: [
      service(
        'x.test',
        'b',
        [
          endpoint('10.0.0.2', { registry: 'b' }),
          endpoint('10.0.0.3', { registry: 'b', ports: { web: 7000 } }),
        ],
        {
          ports: [{ ...http(80, 'web'), targetPort: 9090 }],
        },
      ),
    ],
  })
  assert.deepEqual(
    result.endpoints.map((e) => e.ports),
    [{}, { http: 9090 }, { http: 7000 }],
  )
  assert.deepEqual(codes(result), ['PH2003', 'PH2004'])
})

test('a port that only one registry has is united, and only its endpoints serve it', () => {
  const result = one({
    a: [service('x.test', 'a', ['10.0.0.1'])],
    b: [
      service('x.test', 'b', ['10.0.0.2'], {
        ports: [http(80), { name: 'grpc', port: 9000, protocol: 'GRPC' }],
      }),
    ],
  })
  assert.deepEqual(
    result.attributes.ports.map(({ name }) => name),
    ['http', 'grpc'],
  )
  assert.deepEqual(
    result.endpoints.map((e) => e.ports),
    [{ grpc: 0 }, {}],
  )
  assert.deepEqual(codes(result), ['PH2005'])
})

test('one registry may have one number under two names', () => {
  const dns = [
    { name: 'dns', port: 53, protocol: 'UDP' as const },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' as const },
  ]
  const result = one({
    a: [service('x.test', 'a', [], { ports: dns })],
    b: [service('x.test', 'b', [], { ports: dns })],
  })
  assert.deepEqual(result.attributes.ports, dns)
  assert.deepEqual(result.issues, [])
})

test('two ports of one registry that fall on one are reported', () => {
  const result = one({
    a: [service('x.test', 'a', [], { ports: [http(80)] })],
    b: [service('x.test', 'b', [], { ports: [http(8080), http(80, 'web')] })],
  })
  assert.deepEqual(codes(result), ['PH2002', 'PH2013'])
  assert.deepEqual(result.attributes.ports, [http(80)])
})

test('the same address and port is counted once, for the registry that comes first', () => {
  const result = one({
    a: [service('x.test', 'a', ['10.0.0.1'])],
    b: [service('x.test', 'b', ['10.0.0.1', '10.0.0.2'])],
  })
  assert.deepEqual(
    result.endpoints.map((e) => [e.registry, e.address]),
    [
      ['a', '10.0.0.1'],
      ['b', '10.0.0.2'],
    ],
  )
  assert.deepEqual(codes(result), ['PH2012'])
  assert.match(result.issues[0]!.message, /1 endpoint is reported by a, which holds, and by b/)
})

test('an address of which another registry has one more port serves that port only', () => {
  const grpc = { name: 'grpc', port: 9000, protocol: 'GRPC' as const }
  const result = one({
    a: [service('x.test', 'a', ['10.0.0.1'])],
    b: [service('x.test', 'b', ['10.0.0.1'], { ports: [http(80), grpc] })],
  })
  assert.deepEqual(
    result.endpoints.map((e) => [e.registry, e.ports]),
    [
      ['a', { grpc: 0 }],
      ['b', { http: 0 }],
    ],
  )
})

test('the same address with another port, or in another network, is another endpoint', () => {
  const result = one({
    a: [service('x.test', 'a', [endpoint('10.0.0.1'), endpoint('10.0.0.1', { ports: { http: 81 } })])],
    b: [service('x.test', 'b', [endpoint('10.0.0.1', { registry: 'b', network: 'far' })])],
  })
  assert.equal(result.endpoints.length, 3)
  assert.deepEqual(result.issues, [])
})

test('a DNS name among the endpoints of a STATIC service is left out and reported', () => {
  const result = one({
    a: [service('x.test', 'a', ['10.0.0.1', '::1', 'unix:///run/x'])],
    b: [service('x.test', 'b', ['b.example.com'], { resolution: 'DNS' })],
  })
  assert.deepEqual(
    result.endpoints.map(({ address }) => address),
    ['10.0.0.1', '::1', 'unix:///run/x'],
  )
  assert.deepEqual(codes(result), ['PH2006', 'PH2011'])
  assert.deepEqual(result.registries, ['a', 'b'])
})

test('failover: registries with endpoints become priorities, in order', () => {
  const said = {
    a: [service('x.test', 'a')],
    b: [service('x.test', 'b', [endpoint('10.0.0.2', { registry: 'b', health: 'UNHEALTHY' })])],
    c: [service('x.test', 'c', ['10.0.0.1'])],
  }
  const priorities = (failover: string[]): unknown =>
    one(said, { failover }).endpoints.map((e) => [e.registry, e.priority])
  for (const failover of [['x.test'], ['*.test'], ['*'], ['X.TEST']])
    assert.deepEqual(priorities(failover), [
      ['b', 0],
      ['c', 1],
    ])
  assert.deepEqual(priorities(['y.test', '*.example']), [
    ['b', 0],
    ['c', 0],
  ])
})

test('identity: public services unite by hostname, restricted ones stand alone by namespace', () => {
  const restricted = (namespace: string, exportTo: string[], registry = 'a') =>
    service('x.test', registry, [`10.0.${namespace}.1`], { namespace, exportTo })
  const services = merged({
    a: [
      restricted('1', ['*']),
      restricted('2', ['*', 'more']),
      restricted('3', ['.']),
      restricted('4', ['3', '.']),
    ],
    b: [restricted('3', ['3'], 'b'), restricted('5', [], 'b')],
  })
  assert.deepEqual([...services.keys()], ['3/x.test', '4/x.test', 'x.test'])
  assert.deepEqual(
    services.get('x.test')!.endpoints.map(({ address }) => address),
    ['10.0.1.1', '10.0.2.1', '10.0.5.1'],
  )
  assert.deepEqual(services.get('x.test')!.attributes.exportTo, ['*'])
  assert.deepEqual(services.get('3/x.test')!.attributes.exportTo, ['3'])
  assert.deepEqual(services.get('3/x.test')!.registries, ['a', 'b'])
  assert.equal(services.get('3/x.test')!.attributes.hostname, 'x.test')
})

test('a restricted service is never shown to namespaces that its registry did not name', () => {
  const said = (registry: string, exportTo: string[], address: string) =>
    service('x.test', registry, [address], { exportTo })
  const result = one({ a: [said('a', ['.', 'other'], '10.0.0.1')], b: [said('b', ['.'], '10.0.0.2')] })
  assert.deepEqual(
    result.endpoints.map(({ address }) => address),
    ['10.0.0.1'],
  )
  assert.deepEqual(codes(result), ['PH2010'])
  assert.deepEqual(result.registries, ['a'])
})

test('aliases: joined services merge into the host, whatever its name in their registry', () => {
  const aliases = [
    { host: 'x.test', joins: ['x.service.consul', 'X'] },
    { host: 'x.service.consul', joins: ['legacy'] },
  ]
  const services = merged(
    {
      a: [service('x', 'a', ['10.0.0.1'])],
      b: [service('x.service.consul', 'b', ['10.0.0.2'])],
      c: [service('legacy', 'c', ['10.0.0.3'])],
    },
    { aliases },
  )
  assert.deepEqual([...services.keys()], ['x.test'])
  const { attributes, endpoints } = services.get('x.test')!
  assert.equal(attributes.hostname, 'x.test')
  assert.deepEqual(attributes.aliases, ['x.service.consul', 'x', 'legacy'])
  assert.equal(endpoints.length, 3)
})

test('aliases in a circle leave each service where it is', () => {
  const aliases = [
    { host: 'x', joins: ['y'] },
    { host: 'y', joins: ['x'] },
  ]
  assert.deepEqual([...merged({ a: [service('x'), service('y')] }, { aliases }).keys()], ['x', 'y'])
})

test('a selector picks workloads of any registry in its namespace that carry all labels', () => {
  const sources = ['a', 'b'].map((name) => ({ name, kind: 'fake', role: 'registry' as const }))
  const labels = { app: 'x', version: 'v1' }
  const selecting = service('x.test', 'a', [], {
    ports: [{ ...http(80), targetPort: 8080 }],
    selector: { app: 'x' },
  })
  const everything = service('all.test', 'a', [], { selector: {} })
  const workloads = [
    workload('10.0.0.1', { registry: 'b', labels }),
    workload('10.0.0.2', { registry: 'b', labels, ports: { http: 9090 } }),
    workload('10.0.0.3', { registry: 'b', labels, namespace: 'other' }),
    workload('10.0.0.4', { registry: 'b', labels: { version: 'v1' } }),
  ]
  const at = new Date(0)
  let state = initialState(sources, defaultMeshOptions)
  state = reduce(state, { role: 'registry', source: 'a', at, update: full([selecting, everything]) }).state
  const { snapshot } = reduce(state, { role: 'registry', source: 'b', at, update: full([], workloads) }).state
  const { endpoints, registries } = snapshot.services.get('x.test')!
  assert.deepEqual(
    endpoints.map((e) => [e.registry, e.address, e.ports]),
    [
      ['b', '10.0.0.1', {}],
      ['b', '10.0.0.2', { http: 9090 }],
    ],
  )
  assert.ok(!('namespace' in endpoints[0]!))
  assert.deepEqual(registries, ['a', 'b'])
  assert.deepEqual(snapshot.services.get('all.test')!.endpoints, [], 'an empty selector picks nothing')
})

test('services of one registry, namespace and hostname are united, selectors and disagreements as well', () => {
  const sources = [{ name: 'a', kind: 'fake', role: 'registry' as const }]
  const entry = (name: string, more: Partial<Service>) => service('x.test', 'a', [], { entry: name, ...more })
  const stable = entry('stable', { selector: { app: 'old' } })
  const canary = entry('canary', { selector: { app: 'new' }, ports: [{ ...http(80), protocol: 'TCP' }] })
  const workloads = [
    workload('10.0.0.1', { registry: 'a', labels: { app: 'old' } }),
    workload('10.0.0.2', { registry: 'a', labels: { app: 'new' } }),
  ]
  const said = (services: readonly Service[]) =>
    reduce(initialState(sources, defaultMeshOptions), {
      ...{ role: 'registry', source: 'a', at: new Date(0) },
      update: full(services, workloads),
    }).state.snapshot.services.get('x.test')!
  const result = said([stable, canary])
  assert.deepEqual(
    result.endpoints.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2'],
  )
  assert.deepEqual(codes(result), ['PH2001'])
  assert.deepEqual(said([canary, stable]), result, 'whatever came first')
  assert.equal(result.attributes.ports[0]?.protocol, 'TCP', 'the first by name holds')
})
