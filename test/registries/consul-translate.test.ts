/** Answers recorded from Consul 1.22.3 to services, and what no Consul should say. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { healthOf, type TranslateOptions, toInstance, toService } from '#registries/consul/translate.ts'
import {
  readChecks,
  readEntries,
  readKv,
  readNodes,
  readServices,
  readSummaries,
} from '#registries/consul/wire.ts'
import { consulSettings } from './consul-settings.ts'

const recorded = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../wire/consul-1.22.3/${name}.json`, import.meta.url)), 'utf8')
const options = consulSettings({ name: 'dc1' })
const translated = (name: string, more: Partial<TranslateOptions> = {}) => {
  const all = { ...options, ...more }
  const instances = readEntries(recorded(`health-${name}`))!.values.flatMap((e) => toInstance(e, all) ?? [])
  return toService(name, `${name}.service.consul`, instances, all)
}

suite('Consul, recorded', () => {
  test('a service with all that an instance can say', () => {
    const { service } = translated('web')
    assert.deepEqual(service?.ports, [{ name: 'http', port: 80, protocol: 'HTTP' }])
    assert.deepEqual(
      [service.resolution, service.location, service.namespace],
      ['STATIC', 'MESH_INTERNAL', 'default'],
    )
    const [one, two, three] = service.endpoints
    assert.deepEqual(one, {
      address: '10.0.0.1',
      ports: { http: 8080 },
      health: 'DEGRADED',
      weight: 3,
      locality: { region: 'eu', zone: 'eu-1', subzone: '' },
      labels: {
        version: 'v1',
        blue: 'true',
        protocol: 'http',
        port: '80',
        team: 'shop',
        'external-source': 'nomad',
      },
      network: '',
      serviceAccount: '',
      workload: 'web-1',
      registry: options.name,
      origin: { source: options.name, object: 'Service/web/web-1@n1' },
    })
    assert.deepEqual([two?.address, two?.ports, two?.health], ['10.9.0.1', { http: 25_001 }, 'HEALTHY'])
    assert.deepEqual([three?.address, three?.health, three?.weight], ['2001:db8::3', 'UNHEALTHY', 1])
  })
  test('a tagged address, where there is one', () => {
    const [one, two] = translated('web', { taggedAddress: 'wan' }).service!.endpoints
    assert.deepEqual([one?.address, one?.ports], ['198.51.100.1', { http: 18_080 }])
    assert.equal(two?.address, '10.9.0.1')
  })
  test('tags include and exclude instances', () => {
    const only = (include: string[], exclude: string[]) =>
      translated('web', { tags: { include, exclude } }).service?.endpoints.map((e) => e.workload)
    assert.deepEqual(only(['blue'], []), ['web-1'])
    assert.deepEqual(only([], ['blue']), ['web-2', 'web-3'])
    assert.equal(only(['green'], []), undefined)
  })
  test('a node with a name for an address; a protocol by tag', () => {
    const { service } = translated('db')
    assert.equal(service?.resolution, 'DNS')
    assert.equal(service?.endpoints[0]?.address, 'db.example.com')
    assert.deepEqual(service?.ports, [{ name: 'tcp', port: 5432, protocol: 'TCP' }])
  })
  test('several ports of Consul 1.22: the default one, and the others by their names', () => {
    const { service } = translated('many')
    assert.deepEqual(service?.ports, [
      { name: 'http', port: 8080, protocol: 'HTTP' },
      { name: 'metrics', port: 9102, protocol: 'AUTO' },
    ])
    assert.deepEqual(service.endpoints[0]?.ports, { http: 8080, metrics: 9102 })
  })
  test('maintenance drains; the locality is that of Consul itself', () => {
    const [endpoint] = translated('own').service!.endpoints
    assert.equal(endpoint?.health, 'DRAINING')
    assert.deepEqual(endpoint?.locality, { region: 'us', zone: 'us-2', subzone: '' })
  })
  test('no port, a proxy, nobody: no service', () => {
    for (const name of ['noport', 'web-sidecar-proxy', 'gone'])
      assert.equal(translated(name).service, undefined)
  })
  test('settings say port and protocol where the metadata does not', () => {
    const { service } = translated('own', { port: 8080, protocol: 'GRPC' })
    assert.deepEqual(service?.ports, [{ name: 'grpc', port: 8080, protocol: 'GRPC' }])
    assert.deepEqual(service.endpoints[0]?.ports, { grpc: 80 })
  })
  test('addresses and names are not mixed: the names are left out, and counted', () => {
    const entries = [
      ...readEntries(recorded('health-web'))!.values,
      ...readEntries(recorded('health-db'))!.values,
    ]
    const all = entries.flatMap((entry) => toInstance(entry, options) ?? [])
    const { service, leftOut } = toService('web', 'web.service.consul', all, options)
    assert.deepEqual([service?.endpoints.length, service?.resolution, leftOut], [3, 'STATIC', 1])
  })
  test('lists', () => {
    assert.deepEqual([...readServices(recorded('services'))!.keys()].sort(), [
      'consul',
      'db',
      'many',
      'noport',
      'own',
      'web',
      'web-sidecar-proxy',
    ])
    assert.deepEqual(
      readNodes(recorded('nodes'))!
        .values.map(({ Node }) => Node)
        .sort(),
      ['consul-server', 'n1', 'n2'],
    )
    assert.equal(readChecks(recorded('critical'))!.values.length, 2)
    assert.equal(readChecks(recorded('warning'))!.values[0]?.ServiceName, 'web')
    const web = readSummaries(recorded('summaries'))!.values.find(({ Name }) => Name === 'web')
    assert.deepEqual([web?.InstanceCount, web?.Nodes], [3, ['n1']])
    assert.deepEqual(
      readKv(recorded('kv'))!.map(({ key, value }) => [key, value]),
      [['pilothouse/config/a.yaml', 'kind: ServiceEntry']],
    )
  })
})

suite('Consul, health', () => {
  for (const [checks, health] of [
    [[], 'HEALTHY'],
    [[['a', 'passing']], 'HEALTHY'],
    [
      [
        ['a', 'passing'],
        ['b', 'warning'],
      ],
      'DEGRADED',
    ],
    [
      [
        ['a', 'critical'],
        ['b', 'warning'],
      ],
      'UNHEALTHY',
    ],
    [
      [
        ['_service_maintenance:x', 'critical'],
        ['b', 'critical'],
      ],
      'DRAINING',
    ],
    [[['_node_maintenance', 'critical']], 'DRAINING'],
    [
      [
        ['_node_maintenance', 'critical'],
        ['serfHealth', 'critical'],
      ],
      'UNHEALTHY',
    ],
    [
      [
        ['serfHealth', 'critical'],
        ['a', 'passing'],
      ],
      'UNHEALTHY',
    ],
    [[['a', 'nonsense']], 'HEALTHY'],
  ] as const)
    test(`${JSON.stringify(checks)} is ${health}`, () =>
      assert.equal(healthOf(checks.map(([CheckID, Status]) => ({ CheckID, Status }))), health))
})

suite('Consul, what makes no sense', () => {
  const node = { Node: 'n1', Address: '10.0.0.1' }
  const service = { ID: 'a', Service: 'a', Port: 80 }
  for (const [what, entry] of [
    ['no entry', null],
    ['a number', 7],
    ['no node', { Service: service }],
    ['a node without a name', { Node: {}, Service: service }],
    ['no service', { Node: node }],
    ['an instance without an id', { Node: node, Service: { Service: 'a', Port: 80 } }],
    ['an id of a wrong type', { Node: node, Service: { ...service, ID: 7 } }],
  ] as const)
    test(`${what}: left out, and counted`, () => {
      const good = { Node: node, Service: service, Checks: [] }
      const read = readEntries(JSON.stringify([entry, good]))
      assert.deepEqual([read?.values.length, read?.broken], [1, 1])
    })
  for (const [what, more] of [
    ['tags', { Tags: 7 }],
    ['tags of numbers', { Tags: [7, null, 'x'] }],
    ['metadata', { Meta: ['a'] }],
    ['metadata of numbers', { Meta: { port: 7 } }],
    ['weights', { Weights: 'much' }],
    ['weights that are no numbers', { Weights: { Passing: 'x' } }],
    ['tagged addresses', { TaggedAddresses: { wan: null } }],
    ['ports', { Ports: [null, { Name: 1 }, { Name: 'x', Port: -1 }] }],
    ['locality', { Locality: [] }],
    ['__proto__ as a label', { Meta: JSON.parse('{"__proto__":"x"}') }],
  ] as const)
    test(`wrong ${what}: the instance is served without`, () => {
      const text = JSON.stringify([{ Node: node, Service: { ...service, ...more }, Checks: 'none' }])
      const instances = readEntries(text)!.values.flatMap(
        (entry) => toInstance(entry, { ...options, taggedAddress: 'wan' }) ?? [],
      )
      const { service: made } = toService('a', 'a.service.consul', instances, options)
      assert.deepEqual([made?.endpoints[0]?.address, made?.endpoints[0]?.weight], ['10.0.0.1', 1])
    })
  for (const [what, more] of [
    ['no port', { Port: 0 }],
    ['a port out of range', { Port: 70_000 }],
    ['a port of text', { Port: '80' }],
    ['an address that is none', { Address: 'not an address' }],
  ] as const)
    test(`${what}: no endpoint`, () => {
      const text = JSON.stringify([{ Node: node, Service: { ...service, ...more }, Checks: [] }])
      assert.equal(toInstance(readEntries(text)!.values[0]!, options), undefined)
    })
  test('text that is no JSON, or another kind of it', () => {
    for (const text of ['', 'null', '<html>', '7', '{}']) assert.equal(readEntries(text), undefined)
    for (const text of ['', 'null', '<html>', '7', '[]']) assert.equal(readServices(text), undefined)
  })
})
