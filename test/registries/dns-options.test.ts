/** Settings of `kind: dns`, in a file and by its flag. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostnameOf } from '#registries/dns/options.ts'
import { loadSettings } from '#src/settings.ts'

const load = (yaml: string, dns: readonly string[] = []) =>
  loadSettings({ file: 'pilot.yaml', readText: () => yaml, flags: { registries: { dns } } })

test('defaults of a name', () => {
  const { settings, issues } = load(
    'registries: [{ kind: dns, names: [{ name: _http._tcp.Example.com. }, { name: a.example.com, port: 80 }] }]',
  )
  assert.deepEqual(issues, [])
  const rest = { namespace: 'default', location: 'MESH_INTERNAL', labels: {} }
  assert.deepEqual(settings!.registries[0], {
    kind: 'dns',
    name: 'dns/_http._tcp.example.com',
    names: [
      {
        name: '_http._tcp.example.com',
        type: 'SRV',
        protocol: 'HTTP',
        hostname: 'http.example.com',
        ...rest,
      },
      { name: 'a.example.com', type: 'A', port: 80, protocol: 'AUTO', hostname: 'a.example.com', ...rest },
    ],
    ttl: { min: 1_000, max: 300_000 },
    protection: { share: 0.5, atLeast: 10, hold: 600_000 },
  })
})

test('everything said', () => {
  const { settings, issues } = load(`registries:
  - kind: dns
    name: consul
    servers: [127.0.0.1:8600, 10.0.0.2, "::1", "[fd00::1]:5353"]
    timeout: 500ms
    ttl: { min: 250ms, max: 1s }
    namespace: shop
    names:
      - { name: web.service.consul, type: SRV, port: 80, protocol: http, hostname: web.mesh, location: MESH_EXTERNAL, labels: { version: v1 } }
      - { name: db.example.com, type: A+AAAA, port: 5432, namespace: data }
`)
  assert.deepEqual(issues, [])
  const [entry] = settings!.registries
  assert.ok(entry?.kind === 'dns')
  assert.equal(entry.name, 'dns/consul')
  assert.deepEqual(entry.servers, [
    { address: '127.0.0.1', port: 8600 },
    { address: '10.0.0.2', port: 53 },
    { address: '::1', port: 53 },
    { address: 'fd00::1', port: 5353 },
  ])
  assert.deepEqual([entry.timeout, entry.ttl], [500, { min: 250, max: 1_000 }])
  assert.deepEqual(
    entry.names.map(({ hostname, namespace, protocol, port, type }) => [
      hostname,
      namespace,
      protocol,
      port,
      type,
    ]),
    [
      ['web.mesh', 'shop', 'HTTP', 80, 'SRV'],
      ['db.example.com', 'data', 'AUTO', 5432, 'A+AAAA'],
    ],
  )
})

test('--dns NAME:PORT, and an SRV name without one', () => {
  const { settings, issues } = load('{}', ['a.example.com:80', '_web._tcp.example.com'])
  assert.deepEqual(issues, [])
  assert.deepEqual(
    settings!.registries.map(
      (entry) => entry.kind === 'dns' && [entry.name, entry.names[0]!.type, entry.names[0]!.port],
    ),
    [
      ['dns/a.example.com', 'A', 80],
      ['dns/_web._tcp.example.com', 'SRV', undefined],
    ],
  )
})

test('which hostname an SRV name has', () => {
  for (const [name, hostname] of [
    ['_web._tcp.example.com', 'web.example.com'],
    ['_web._tcp.service.consul', 'web.service.consul'],
    ['_http._tcp.web.shop.svc.cluster.local', 'web.shop.svc.cluster.local'],
    ['web.service.consul', 'web.service.consul'],
  ] as const)
    assert.equal(hostnameOf(name), hostname)
})

for (const [what, yaml, message, at] of [
  ['no names', '{ kind: dns }', 'without names', '1:14'],
  ['a name without a port', '{ kind: dns, names: [{ name: a.test }] }', 'a.test has no port', '1'],
  ['no DNS name', '{ kind: dns, names: [{ name: "a b" }] }', '"a b" is no DNS name', '1'],
  ['a wildcard', '{ kind: dns, names: [{ name: "*.a.test", port: 80 }] }', 'is no DNS name', '1'],
  ['an unknown field', '{ kind: dns, names: [{ name: a.test, prot: 80, port: 80 }] }', 'prot', '1'],
  ['a type that there is not', '{ kind: dns, names: [{ name: a.test, port: 80, type: MX }] }', 'MX', '1'],
  [
    'a protocol that there is not',
    '{ kind: dns, names: [{ name: a.test, port: 80, protocol: smtp }] }',
    'smtp',
    '1',
  ],
  [
    'the same twice',
    '{ kind: dns, names: [{ name: a.test, port: 80 }, { name: A.test., port: 81 }] }',
    'twice',
    '1',
  ],
  [
    'a TTL that is polling',
    '{ kind: dns, names: [{ name: a.test, port: 80 }], ttl: { min: 1ms } }',
    'ttl.min',
    '1',
  ],
  [
    'a server that is none',
    '{ kind: dns, names: [{ name: a.test, port: 80 }], servers: ["a b"] }',
    'servers',
    '1',
  ],
  [
    'labels that are none',
    '{ kind: dns, names: [{ name: a.test, port: 80, labels: x }] }',
    'map of labels',
    '1',
  ],
] as const)
  test(`refused with its place: ${what}`, () => {
    const { settings, issues } = load(`registries: [${yaml}]`)
    assert.equal(settings, undefined)
    const found = issues.find((issue) => issue.message.includes(message))
    assert.ok(found, JSON.stringify(issues))
    assert.ok(found.at?.startsWith(`pilot.yaml:${at}`), found.at)
    assert.ok(found.remedy)
  })

test('--dns without a port says what to write', () => {
  const { issues } = load('{}', ['a.example.com'])
  const [issue] = issues
  assert.equal(issue?.at, '--dns')
  assert.match(issue!.remedy, /a\.example\.com:80/)
})
