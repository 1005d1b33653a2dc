import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Admin, createAdmin } from '#admin/server.ts'
import { type Fakes, fakes, ordersId, service, snapshot, stream } from './fakes.ts'

const get = async (url: string, of: Partial<Fakes> = {}, headers: Record<string, string> = {}) => {
  const admin = createAdmin(fakes(of))
  const response = await admin.inject({ url, headers })
  await admin.close()
  return response
}
const json = async (url: string, of: Partial<Fakes> = {}) => (await get(url, of)).json()

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

describe('what is wrong is answered with code, message and remedy', () => {
  const table: readonly [string, number, string, RegExp][] = [
    ['/nowhere', 404, 'NOT_FOUND', /\/nowhere/],
    ['/debug/%zz', 400, 'INVALID_PARAMETER', /%zz/],
    ['/debug/endpointz?limit=many', 400, 'INVALID_PARAMETER', /limit must be integer/],
    ['/debug/endpointz?limit=0', 400, 'INVALID_PARAMETER', /limit must be >= 1/],
    ['/debug/endpointz?offset=-1', 400, 'INVALID_PARAMETER', /offset/],
    ['/debug/registryz?servce=x', 400, 'INVALID_PARAMETER', /servce/],
    ['/debug/syncz?proxyID=ghost', 404, 'UNKNOWN_PROXY', /ghost/],
    ['/debug/sidecarz?proxyID=ghost', 404, 'UNKNOWN_PROXY', /ghost/],
    ['/debug/config_dump', 400, 'MISSING_PROXY', /proxyID/],
    ['/debug/config_dump?proxyID=ghost', 404, 'UNKNOWN_PROXY', /ghost/],
    ['/debug/config_dump?proxyID=orders-1&types=cds,wrong', 400, 'INVALID_PARAMETER', /wrong/],
  ]
  for (const [url, status, code, message] of table)
    test(url, async () => {
      const response = await get(url)
      const body = response.json() as { code: string; message: string; remedy: string }
      assert.equal(response.statusCode, status)
      assert.equal(body.code, code)
      assert.match(body.message, message)
      assert.ok(body.remedy.length > 10)
    })

  test('a name that two proxies have', async () => {
    const streams = () => [
      stream('a', 'sidecar~10.0.0.1~x.one~one.svc'),
      stream('b', 'sidecar~10.0.0.2~x.two~two.svc'),
    ]
    const response = await get('/debug/syncz?proxyID=x', { proxies: { streams, held: () => [] } })
    assert.equal(response.statusCode, 400)
    assert.equal(response.json().code, 'AMBIGUOUS_PROXY')
    assert.match(response.json().message, /x\.one.*x\.two/)
  })

  test('another method', async () => {
    const admin = createAdmin(fakes())
    const response = await admin.inject({ method: 'DELETE', url: '/debug/registryz' })
    await admin.close()
    assert.equal(response.statusCode, 405)
    assert.equal(response.json().code, 'METHOD_NOT_ALLOWED')
  })

  test('a fault of our own: logged whole, told in general', async () => {
    const logged: object[] = []
    const log = { ...fakes().log, error: (fields: object) => void logged.push(fields) }
    const broken = () => {
      throw new Error('token=hunter2')
    }
    const failed = await get('/debug/push_status', { log, mesh: { ...fakes().mesh, snapshot: broken } })
    assert.equal(failed.statusCode, 500)
    assert.equal(failed.json().code, 'INTERNAL')
    assert.ok(!failed.body.includes('hunter2'))
    assert.equal(logged.length, 1)
  })
})

describe('what is held back of a registry can be let go', () => {
  const accepted: string[] = []
  const accept = (registry: string): number | undefined => {
    if (registry !== 'consul/dc1') return undefined
    accepted.push(registry)
    return 3
  }
  const post = async (url: string, headers: Record<string, string> = {}, of: object = { accept }) => {
    const admin = createAdmin(fakes({ mesh: { ...fakes().mesh, ...of } }))
    const response = await admin.inject({ method: 'POST', url, headers })
    await admin.close()
    return response
  }
  const path = '/debug/registryz/accept'

  test('by its name', async () => {
    const response = await post(`${path}?registry=consul/dc1`)
    assert.equal(response.statusCode, 200)
    assert.deepEqual(response.json(), { registry: 'consul/dc1', accepted: 3 })
    assert.deepEqual(accepted, ['consul/dc1'])
  })

  const refused: readonly [string, string, Record<string, string>, number, string][] = [
    ['an unknown one', `${path}?registry=ghost`, {}, 404, 'UNKNOWN_REGISTRY'],
    ['without a name', path, {}, 400, 'INVALID_PARAMETER'],
    ['another parameter', `${path}?name=consul/dc1`, {}, 400, 'INVALID_PARAMETER'],
    ['a web page', `${path}?registry=consul/dc1`, { origin: 'http://127.0.0.1:15014' }, 403, 'HOST_REFUSED'],
    ['a rebound name', `${path}?registry=consul/dc1`, { host: 'evil.example' }, 403, 'HOST_REFUSED'],
  ]
  for (const [name, url, headers, status, code] of refused)
    test(`refused: ${name}`, async () => {
      const before = accepted.length
      const response = await post(url, headers)
      assert.deepEqual([response.statusCode, response.json().code], [status, code])
      assert.equal(accepted.length, before)
    })

  test('of the mesh in force, which a reload replaces', async () => {
    let inForce = 1
    const mesh = Object.defineProperty({ ...fakes().mesh, accept }, 'accept', {
      get: () => {
        const now = inForce
        return () => now
      },
    })
    const admin = createAdmin(fakes({ mesh }))
    inForce = 2
    const response = await admin.inject({ method: 'POST', url: `${path}?registry=consul/dc1` })
    await admin.close()
    assert.equal(response.json().accepted, 2)
  })

  test('reading does nothing', async () => {
    const admin = createAdmin(fakes({ mesh: { ...fakes().mesh, accept } }))
    const response = await admin.inject({ url: `${path}?registry=consul/dc1` })
    await admin.close()
    assert.equal(response.statusCode, 404)
    assert.equal((await post(`${path}?registry=consul/dc1`, {}, {})).statusCode, 404)
  })

  test('registryz counts what is stale and held, endpointz asks for each endpoint', async () => {
    const mesh = snapshot()
    const consul = { ...mesh.sources.get('consul/dc1')!, staleServices: 2, protectedServices: 1 }
    const held = (_key: string, _registry: string, endpoint?: { address: string }) =>
      endpoint?.address === '10.0.0.2'
        ? { state: 'protected' as const, since: new Date(0), reason: 'held back' }
        : { state: 'fresh' as const }
    const shown = { ...mesh, sources: new Map([['consul/dc1', consul]]), freshness: held }
    const of = { mesh: { ...fakes().mesh, snapshot: () => shown } }
    const { registries } = await json('/debug/registryz', of)
    assert.deepEqual([registries[0].staleServices, registries[0].protectedServices], [2, 1])
    const states = (await json('/debug/endpointz', of)).map(
      ({ address, state, reason }: Record<string, string>) => [address, state, reason].join(' '),
    )
    assert.deepEqual([...new Set(states)], ['10.0.0.1 fresh ', '10.0.0.2 protected held back'])
  })
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

describe('a server on loopback answers only to this machine', () => {
  const table: readonly [string, number][] = [
    ['127.0.0.1:15014', 200],
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['[::1]:15014', 200],
    ['127.1.2.3', 200],
    ['pilot.localhost:80', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example:15014', 403],
    ['10.0.0.1', 403],
    ['localhost:1:2', 403],
  ]
  for (const [host, status] of table)
    test(`Host: ${host}`, async () => assert.equal((await get('/livez', {}, { host })).statusCode, status))
})

describe('REST xDS', () => {
  const asked: unknown[] = []
  const restDiscovery = async (path: string, body: unknown) => {
    asked.push([path, body])
    return { status: 200, body: '{"version_info":"1"}' }
  }
  const post = async (headers: Record<string, string>, payload?: string) => {
    const admin: Admin = createAdmin(fakes({ restDiscovery }))
    const response = await admin.inject({ method: 'POST', url: '/v3/discovery:clusters', headers, payload })
    await admin.close()
    return response
  }

  test('is passed on as it is, whatever the Host (Envoy sends the name of its cluster)', async () => {
    const body = '{"node":{"id":"a"}}'
    const response = await post({ host: 'xds_cluster', 'content-type': 'application/json' }, body)
    assert.equal(response.statusCode, 200)
    assert.deepEqual(response.json(), { version_info: '1' })
    assert.deepEqual(asked.at(-1), ['/v3/discovery:clusters', JSON.parse(body)])
  })

  test('is not for web pages', async () => {
    const headers = { origin: 'http://evil.example', 'content-type': 'application/json' }
    assert.equal((await post(headers, '{}')).statusCode, 403)
  })

  test('refuses what is no JSON, or too large', async () => {
    assert.equal((await post({ 'content-type': 'text/plain' }, 'x')).json().code, 'BODY_REFUSED')
    const large = await post({ 'content-type': 'application/json' }, `"${'x'.repeat(5_000_000)}"`)
    assert.equal(large.statusCode, 413)
    assert.equal(large.json().code, 'BODY_TOO_LARGE')
  })

  test('is not there without a handler', async () => {
    const admin = createAdmin(fakes())
    const response = await admin.inject({ method: 'POST', url: '/v3/discovery:clusters', payload: {} })
    await admin.close()
    assert.equal(response.statusCode, 404)
  })
})
