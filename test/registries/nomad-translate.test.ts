import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { createTranslate, type NodeFacts, type Surroundings } from '#registries/nomad/translate.ts'
import {
  type Allocation,
  parseAllocations,
  parseCheckInterval,
  parseChecks,
  parseEvents,
  parseNodes,
  parseRegistrations,
  parseServiceNames,
  type Registration,
} from '#registries/nomad/wire.ts'
import { nomadSettings } from './nomad-settings.ts'

const wire = (name: string) => readFileSync(new URL(`../wire/nomad-1.11.2/${name}`, import.meta.url), 'utf8')
const json = (name: string) => JSON.parse(wire(name))

const QUIET: Surroundings = {
  region: 'global',
  allocation: () => undefined,
  node: () => undefined,
  check: () => undefined,
}
const one = (more: Partial<Registration> = {}): Registration => ({
  id: `id-${more.address ?? '10.0.0.1'}`,
  service: 'web',
  namespace: 'default',
  node: 'n1',
  datacenter: 'dc1',
  job: 'web',
  alloc: 'a1',
  tags: [],
  address: '10.0.0.1',
  port: 8080,
  modifyIndex: 1,
  ...more,
})
const make = (registrations: Registration[], around: Partial<Surroundings> = {}, fields: object = {}) =>
  createTranslate(nomadSettings(fields as Record<string, unknown>))(registrations, { ...QUIET, ...around })
const service = (...args: Parameters<typeof make>) => make(...args).services[0]!
const endpoint = (...args: Parameters<typeof make>) => service(...args).endpoints[0]!

suite('Nomad: what the real server says', () => {
  test('services, registrations, allocations, nodes', () => {
    assert.deepEqual(parseServiceNames(json('services.json')), [
      { namespace: 'default', name: 'web' },
      { namespace: 'shop', name: 'cart' },
    ])
    assert.deepEqual(json('service-any.json'), [], 'the namespace of a single service can not be *')
    const cart = parseRegistrations(json('service-cart.json'))!
    assert.equal(cart.broken, 0)
    const made = service([...cart.values])
    assert.equal(made.hostname, 'cart.shop.nomad')
    assert.equal(made.namespace, 'shop')
    assert.equal(made.resolution, 'DNS')
    assert.deepEqual(made.ports, [{ name: 'https', port: 443, protocol: 'HTTPS' }])
    assert.deepEqual(made.endpoints[0]!.ports, { https: 8443 })
    assert.equal(made.endpoints[0]!.weight, 7)
    const allocations = parseAllocations(json('allocations.json'))!
    assert.deepEqual(
      allocations.values.map(({ client, desired, migrate }) => ({ client, desired, migrate })),
      Array(2).fill({ client: 'running', desired: 'run', migrate: false }),
    )
    const nodes = parseNodes(json('nodes.json'))!
    assert.deepEqual(
      nodes.values.map(({ name, status, drain, pool }) => ({ name, status, drain, pool })),
      [{ name: 'nomad-1', status: 'ready', drain: false, pool: 'default' }],
    )
  })

  test('checks and their interval', () => {
    assert.equal(parseCheckInterval(json('job-web.json')), 1000)
    assert.equal(parseCheckInterval(json('job-cart.json')), undefined)
    assert.deepEqual([...parseChecks(json('checks-success.json'))!], [['web', 'success']])
    assert.deepEqual([...parseChecks(json('checks-failure.json'))!], [['web', 'failure']])
  })

  test('events: registered, allocations pending and running, drained, deregistered', () => {
    const events = wire('events.jsonl')
      .split('\n')
      .map((line) => parseEvents(line))
    assert.deepEqual(events[0], { index: 0, services: [], allocations: [], nodes: [] })
    const known = events.filter((each) => each !== undefined)
    assert.ok(known.every(({ index }, i) => i === 0 || index === 0 || index >= known[i - 1]!.index))
    const services = known.flatMap((each) => each.services)
    assert.deepEqual(services.at(0), { namespace: 'default', name: 'web' })
    assert.ok(known.some(({ allocations }) => allocations.some(({ client }) => client === 'pending')))
    assert.ok(known.some(({ allocations }) => allocations.some(({ migrate }) => migrate)))
    assert.ok(known.some(({ nodes }) => nodes.some(({ node }) => node.drain)))
  })
})

suite('Nomad: translation', () => {
  test('addresses: one spelling of IPv6, none without an address, names are resolved', () => {
    assert.equal(endpoint([one({ address: '2001:DB8:0::1' })]).address, '2001:db8::1')
    const nowhere = make([one({ address: '' }), one({ address: '', service: 'marker', port: 0 })])
    assert.deepEqual(nowhere.services, [])
    assert.equal(nowhere.problems.length, 1)
    assert.match(nowhere.problems[0]!, /^service default\/web has a port but no address: /)
    assert.equal(service([one(), one({ address: 'db.example.com' })]).resolution, 'DNS')
    const { services, problems } = make([one({ port: 0 }), one({ address: '10.0.0.2' })])
    assert.equal(services[0]!.endpoints.length, 1)
    assert.deepEqual(problems, ['service default/web has no port'])
  })

  test('port of the service: by tag, by setting, the lowest that is not dynamic, 80', () => {
    const port = (...args: Parameters<typeof make>) => service(...args).ports[0]!.port
    assert.equal(port([one({ tags: ['port=8000'] })], {}, { port: 99 }), 8000)
    assert.equal(port([one()], {}, { port: 99 }), 99)
    assert.equal(port([one({ port: 9090 }), one({ address: '10.0.0.2', port: 8080 })]), 8080)
    assert.equal(port([one({ port: 25_000 })]), 80)
  })

  test('protocol: by tag, by setting, else detected', () => {
    const protocol = (...args: Parameters<typeof make>) => service(...args).ports[0]!.protocol
    assert.equal(protocol([one({ tags: ['protocol=http2'] })], {}, { protocol: 'TCP' }), 'HTTP2')
    assert.equal(protocol([one({ tags: ['protocol=whatever'] })], {}, { protocol: 'TCP' }), 'TCP')
    assert.equal(protocol([one()]), 'AUTO')
  })

  test('weight: at least 1, and only a number', () => {
    for (const [tag, weight] of [
      ['weight=7', 7],
      ['weight=0', 1],
      ['weight=-3', 1],
      ['weight=many', 1],
      ['weight', 1],
    ] as const)
      assert.equal(endpoint([one({ tags: [tag] })]).weight, weight)
  })

  test('hostnames: by datacenter, by region, without a namespace, in other letters, none', () => {
    const dcs = make(
      [one(), one({ address: '10.0.0.2', datacenter: 'dc2' })],
      {},
      { hostname: '{service}.{datacenter}.nomad' },
    )
    assert.deepEqual(
      dcs.services.map(({ hostname }) => hostname),
      ['web.dc1.nomad', 'web.dc2.nomad'],
    )
    assert.equal(
      service([one()], { region: 'eu' }, { hostname: '{service}.{region}.nomad' }).hostname,
      'web.eu.nomad',
    )
    const merged = service(
      [one({ namespace: 'shop' })],
      {},
      { hostname: '{service}.nomad', namespace: 'one' },
    )
    assert.equal(merged.namespace, 'one')
    assert.equal(merged.entry, 'shop', 'told apart from the service of another Nomad namespace')
    assert.equal(service([one({ service: 'Web' })]).entry, 'Web')
    const { services, problems } = make([one({ service: 'a b' })])
    assert.deepEqual(services, [])
    assert.deepEqual(problems, ['service default/a b makes no DNS name'])
  })

  test('locality from region, datacenter and what the node says', () => {
    const node: NodeFacts = {
      ...{ id: 'n1', name: 'one', class: 'big', pool: 'p', drain: false, status: 'ready', createIndex: 1 },
      meta: { rack: 'r7' },
    }
    const around = { node: () => node, region: 'eu' }
    const at = (locality?: object) => endpoint([one()], around, locality ? { locality } : {}).locality
    assert.deepEqual(at(), { region: 'eu', zone: 'dc1', subzone: '' })
    assert.deepEqual(at({ region: 'datacenter', zone: 'meta.rack', subzone: 'node.name' }), {
      region: 'dc1',
      zone: 'r7',
      subzone: 'one',
    })
    assert.deepEqual(at({ zone: 'meta.none', subzone: 'node.class' }), {
      region: 'eu',
      zone: '',
      subzone: 'big',
    })
  })
})

const allocation = (more: Partial<Allocation>): Allocation => ({
  id: 'a1',
  namespace: 'default',
  client: 'running',
  desired: 'run',
  migrate: false,
  modifyIndex: 1,
  ...more,
})
const node = (id: string, more: Partial<NodeFacts> = {}): NodeFacts => ({
  ...{ id, name: id, class: '', pool: '', drain: false, status: 'ready', createIndex: 1 },
  ...more,
})

suite('Nomad: health', () => {
  for (const [what, around, health] of [
    ['nothing known', {}, 'HEALTHY'],
    ['running', { allocation: () => allocation({}) }, 'HEALTHY'],
    ['starting', { allocation: () => allocation({ client: 'pending' }) }, 'UNHEALTHY'],
    ['failed', { allocation: () => allocation({ client: 'failed' }) }, 'UNHEALTHY'],
    ['lost', { allocation: () => allocation({ client: 'lost' }) }, 'UNHEALTHY'],
    ['out of sight', { allocation: () => allocation({ client: 'unknown' }) }, 'DEGRADED'],
    ['to be stopped', { allocation: () => allocation({ desired: 'stop' }) }, 'DRAINING'],
    ['to be evicted', { allocation: () => allocation({ desired: 'evict' }) }, 'DRAINING'],
    ['to be moved', { allocation: () => allocation({ migrate: true }) }, 'DRAINING'],
    ['unhealthy by its deployment', { allocation: () => allocation({ healthy: false }) }, 'UNHEALTHY'],
    [
      'unhealthy by its deployment, while its checks pass by now',
      { allocation: () => allocation({ healthy: false }), check: () => 'success' },
      'HEALTHY',
    ],
    ['checks fail', { check: () => 'failure' }, 'UNHEALTHY'],
    ['checks have not run', { check: () => 'pending' }, 'UNHEALTHY'],
    ['checks are asked for', { check: () => 'awaited' }, 'UNHEALTHY'],
    ['checks pass', { check: () => 'success' }, 'HEALTHY'],
    ['the node is disconnected', { node: () => node('n1', { status: 'disconnected' }) }, 'DEGRADED'],
    ['the node is down', { node: () => node('n1', { status: 'down' }) }, 'DEGRADED'],
    ['its only node drains', { node: () => node('n1', { drain: true }) }, 'HEALTHY'],
  ] satisfies (readonly [string, Partial<Surroundings>, string])[])
    test(`${what}: ${health}`, () => assert.equal(endpoint([one()], around).health, health))

  test('a node that drains takes nothing new where another endpoint does', () => {
    const two = [one({ node: 'n1', alloc: 'a1' }), one({ node: 'n2', alloc: 'a2', address: '10.0.0.2' })]
    const drains =
      (...ids: string[]) =>
      (id: string) =>
        node(id, { drain: ids.includes(id) })
    const healths = (around: Partial<Surroundings>) => service(two, around).endpoints.map((e) => e.health)
    assert.deepEqual(healths({ node: drains('n1') }), ['DRAINING', 'HEALTHY'])
    assert.deepEqual(healths({ node: drains('n1', 'n2') }), ['HEALTHY', 'HEALTHY'])
    const starting = {
      node: drains('n1'),
      check: (alloc: string) => (alloc === 'a2' ? 'pending' : 'success'),
    } as const
    assert.deepEqual(healths(starting), ['HEALTHY', 'UNHEALTHY'], 'the replacement does not serve as yet')
  })
})

suite('Nomad: text of anyone', () => {
  test('whatever JSON comes, nothing throws, and endpoints are whole', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (body, more) => {
        const registrations = [
          ...(parseRegistrations(body)?.values ?? []),
          ...(parseRegistrations([{ ...(more as object), ID: 'i', ServiceName: 'w', Namespace: 'n' }])
            ?.values ?? []),
        ]
        for (const each of make(registrations).services)
          for (const { address, ports, weight } of each.endpoints) {
            assert.ok(address !== '' && weight >= 1)
            assert.ok(Object.values(ports).every((port) => port >= 1 && port <= 65_535))
          }
        for (const parse of [
          parseServiceNames,
          parseAllocations,
          parseNodes,
          parseChecks,
          parseCheckInterval,
        ])
          parse(body)
        parseEvents(JSON.stringify(body))
      }),
      { numRuns: 300 },
    )
  })
  test('a list that is only half understood says so', () => {
    assert.equal(parseRegistrations([{ ID: 'x' }, null, 7])?.broken, 3)
    assert.equal(parseServiceNames([{ Namespace: 'default', Services: [{ ServiceName: 7 }] }]), undefined)
    assert.equal(parseServiceNames([{ Services: [] }]), undefined)
    assert.equal(parseEvents('{"Index":'), undefined)
  })
})
