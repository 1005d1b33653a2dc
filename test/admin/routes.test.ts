/** REST: what each path answers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAdmin } from '#admin/server.ts'
import { get, json } from './ask.ts'
import { fakes, ordersId, service, snapshot } from './fakes.ts'

describe('every path answers in its documented shape', () => {
  const time = '2026-11-22T10:00:00.000Z'
  const table: readonly [string, (body: never) => unknown, unknown][] = [
    ['/ready', (body) => body, { ready: true }],
    ['/livez', (body) => body, { live: true }],
    ['/version', (body) => body, { version: '0.1.0', node: 'v24.0.0' }],
    ['/debug/mesh/', (body: { trustDomain: string }) => body.trustDomain, 'cluster.local'],
    [
      '/debug/registryz',
      ({ registries }: { registries: object[] }) => registries[1],
      {
        name: 'consul/dc1',
        kind: 'consul',
        state: 'stale',
        lastUpdate: time,
        error: { code: 'ECONNREFUSED', message: 'Consul does not answer.', remedy: 'Start it.' },
        since: time,
        issues: [],
      },
    ],
    [
      '/debug/registryz',
      ({ services: [first] }: { services: Record<string, unknown>[] }) =>
        Object.fromEntries(documented.registryz.map((field) => [field, first![field]])),
      {
        hostname: 'orders.default',
        namespace: 'default',
        ports: [
          { name: 'http', port: 80, protocol: 'HTTP' },
          { name: 'tcp', port: 9000, protocol: 'TCP' },
        ],
        addresses: ['240.0.0.1'],
        registries: ['file/a', 'consul/dc1'],
        endpoints: 2,
        issues: [],
      },
    ],
    [
      '/debug/endpointz?registry=consul/dc1&limit=1',
      ([first]: Record<string, unknown>[]) =>
        Object.fromEntries(documented.endpointz.map((field) => [field, first![field]])),
      {
        service: 'orders.default',
        port: 80,
        address: '10.0.0.2',
        targetPort: 80,
        health: 'DRAINING',
        weight: 1,
        locality: 'eu/eu-1',
        labels: { version: 'v1' },
        network: '',
        registry: 'consul/dc1',
        state: 'stale',
      },
    ],
    [
      '/debug/endpointz',
      (all: { targetPort: number }[]) => all.map((e) => e.targetPort),
      [9080, 80, 9001, 9001],
    ],
    ['/debug/endpointz?service=ORDERS', (all: object[]) => all.length, 4],
    ['/debug/endpointz?service=nobody', (all) => all, []],
    [
      '/debug/configz?kind=sidecar&namespace=default&name=narrow',
      ([o]: { source: string; version: string; issues: object[] }[]) => [
        o!.source,
        o!.version,
        o!.issues.length,
      ],
      ['config/sidecar.yaml:7', 'abc', 1],
    ],
    ['/debug/configz?kind=Gateway', (all) => all, []],
    [
      '/debug/syncz',
      (all: { proxy: string; types: Record<string, { status: string }> }[]) =>
        all.map(({ proxy, types }) => [proxy, types.cds?.status, types.lds?.status]),
      [
        ['plain-1.default', 'SYNCED', undefined],
        ['orders-1.default', 'SYNCED', 'NACKED'],
      ],
    ],
    [
      '/debug/syncz?proxyID=orders-1.default',
      ([proxy]: { types: { lds: object } }[]) => proxy!.types.lds,
      {
        status: 'NACKED',
        resources: 2,
        sentVersion: 'v1',
        sentNonce: 'n1',
        sentAt: time,
        ackedVersion: 'v1',
        ackedAt: time,
        nack: { message: 'bad listener', resources: ['0.0.0.0_80'], since: time, lastGoodVersion: 'v0' },
      },
    ],
    [
      '/debug/adsz?limit=1&offset=1',
      ({
        totalClients,
        clients: [c],
      }: {
        totalClients: number
        clients: { types: { eds: { names: string[] } } }[]
      }) => [totalClients, c!.types.eds.names],
      [2, ['outbound|80||orders.default']],
    ],
    [
      '/debug/connections',
      ({ clients: [c] }: { clients: object[] }) => c,
      {
        connectionId: 's1',
        proxyID: ordersId,
        proxy: 'orders-1.default',
        peer: '127.0.0.1:4711',
        since: time,
        protocol: 'delta',
        bytesSent: 1234,
        messagesSent: 5,
        node: ordersId,
        types: ['cds', 'lds', 'rds', 'eds', 'sds'],
        subscriptions: { cds: '*', lds: '*', rds: 0, eds: 1, sds: 0 },
      },
    ],
    ['/debug/sidecarz?limit=1', (body: object) => Object.keys(body), ['plain-1']],
    ['/debug/instancesz?offset=1', (body: object) => Object.keys(body), [ordersId]],
    ['/debug/push_status?offset=1', ({ issues }: { issues: object[] }) => issues, []],
    ['/debug/endpointz?service=&registry=&limit=', (body: object[]) => body.length > 0, true],
    ['/debug/configz?kind=&namespace=&name=', (body: object[]) => body.length > 0, true],
    ['/debug/syncz?proxyID=', (body: object[]) => body.length, 2],
    [`/debug/config_dump?proxyID=${ordersId}&types=`, (body) => Object.keys(body), ['configs']],
    ['/debug/sidecarz', (body: object) => Object.keys(body), ['plain-1', ordersId]],
    [
      '/debug/instancesz?proxyID=orders-1',
      (body) => body,
      { [ordersId]: { inbound: [{ port: 8080 }], conflicts: [] } },
    ],
    [
      '/debug/push_status',
      ({ rejected: [r], issues }: { rejected: { proxy: string; type: string }[]; issues: object[] }) => [
        r!.proxy,
        r!.type,
        issues.length,
      ],
      ['orders-1.default', 'lds', 1],
    ],
    [
      '/debug/loadz?limit=1',
      (all) => all,
      [
        {
          service: 'empty.default',
          port: 80,
          from: {
            'eu/eu-1': {
              dropped: 1,
              to: {
                '': { requests: 5, errors: 0.123, inProgress: 2 },
                'eu/eu-1': { requests: 10, errors: 0.123, inProgress: 2 },
              },
            },
          },
        },
      ],
    ],
    ['/debug/loadz?service=orders.default', (all: object[]) => all.length, 1],
    [
      '/debug',
      ({ paths }: { paths: { path: string }[] }) => paths.some(({ path }) => path === '/debug/syncz'),
      true,
    ],
  ]
  for (const [url, pick, expected] of table)
    test(url, async () => {
      const response = await get(url)
      assert.equal(response.statusCode, 200)
      assert.match(String(response.headers['content-type']), /^application\/json/)
      assert.deepEqual(pick(response.json() as never), expected)
    })
})

/** The fields that the project's interface promises. */
const documented = {
  registryz: ['hostname', 'namespace', 'ports', 'addresses', 'registries', 'endpoints', 'issues'],
  endpointz: [
    'service',
    'port',
    'address',
    'targetPort',
    'health',
    'weight',
    'locality',
    'labels',
    'network',
    'registry',
    'state',
  ],
}

test('/ready names what it waits for', async () => {
  const mesh = {
    ...fakes().mesh,
    readiness: () => ({ ready: false as const, waitingFor: [{ registry: 'file/a', since: new Date(0) }] }),
  }
  const response = await get('/ready', { mesh })
  assert.equal(response.statusCode, 503)
  assert.deepEqual(response.json(), {
    ready: false,
    waitingFor: [{ registry: 'file/a', since: '1970-01-01T00:00:00.000Z', error: null }],
  })
})

test('/metrics is text, / a page with its content escaped', async () => {
  const metrics = await get('/metrics')
  assert.match(String(metrics.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  assert.equal(metrics.body, 'pilot_services 2\n')
  const name = '<script>alert(1)</script>'
  const mesh = snapshot()
  const sources = new Map([[name, { ...mesh.sources.get('file/a')!, name }]])
  const page = await get('/', { mesh: { ...fakes().mesh, snapshot: () => ({ ...mesh, sources }) } })
  assert.match(String(page.headers['content-type']), /^text\/html/)
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  assert.ok(page.body.includes('&lt;script&gt;') && !page.body.includes('<script>'))
})

test('/openapi.json describes all paths, their parameters too', async () => {
  const { openapi, paths } = (await json('/openapi.json', {
    restDiscovery: async () => ({ status: 304, body: '' }),
  })) as {
    openapi: string
    paths: Record<string, { get?: { parameters: { name: string }[] } }>
  }
  assert.match(openapi, /^3\./)
  assert.ok(Object.keys(paths).some((path) => path.startsWith('/v3/discovery:')))
  assert.deepEqual(paths['/debug/endpointz']!.get!.parameters.map(({ name }) => name).sort(), [
    'limit',
    'offset',
    'registry',
    'service',
  ])
})

describe('lists', () => {
  const many = Array.from({ length: 500 }, (_, index) => service(`s${index}.default`, []))
  const of = { mesh: { ...fakes().mesh, snapshot: () => snapshot(many) } }

  test('are paged', async () => {
    const { services } = await json('/debug/registryz?limit=2&offset=3', of)
    assert.deepEqual(
      services.map(({ hostname }: { hostname: string }) => hostname),
      ['s3.default', 's4.default'],
    )
    assert.deepEqual((await json('/debug/registryz?offset=500', of)).services, [])
    assert.equal((await json('/debug/registryz', of)).services.length, 500)
  })

  test('come in pieces, not as one string', async () => {
    const admin = createAdmin(fakes(of))
    const response = await admin.inject({ url: '/debug/registryz', payloadAsStream: true })
    let pieces = 0
    for await (const _piece of response.stream()) pieces++
    await admin.close()
    assert.ok(pieces > 3, `${pieces} pieces`)
    assert.equal(response.headers['content-length'], undefined)
  })

  test('HEAD has no body', async () => {
    const admin = createAdmin(fakes(of))
    const response = await admin.inject({ method: 'HEAD', url: '/debug/registryz' })
    await admin.close()
    assert.equal(response.statusCode, 200)
    assert.equal(response.body, '')
  })
})
