/** Clients that nobody here wrote: Envoy in each of its ways to ask, and gRPC's own xDS client. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { typeUrls } from '#xds/type-urls.ts'
import { connect, openSotw } from '../server/client.ts'
import { type App, type Echo, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1, type Place } from '../support/clients.ts'
import { grpcCall, grpcClient } from '../support/grpc-echo.ts'
import { serviceEntry } from '../support/istio.ts'
import { type Bootstrap, type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
const host = 'http.test.mesh'
let it: World
let grpc: App
let first: App

before(async () => {
  it = await world(house)
  first = house.add(await startApp({ kind: 'http', name: 'first' }), (each) => each.stop())
  grpc = house.add(await startApp({ kind: 'grpc', name: 'grpc' }), (each) => each.stop())
  await it.put('http', httpService(first))
  await it.put('grpc', grpcService([grpc]))
})
after(() => house.end())

const httpService = (app: App) =>
  serviceEntry({
    host,
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address: app.address, ports: { http: app.port } }],
  })
/** A service that comes while the client is there: a cluster, its endpoints and a changed route. */
const moreService = (app: App, name: string) =>
  serviceEntry({
    host: `${name}.test.mesh`,
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address: app.address, ports: { http: app.port } }],
  })
const grpcService = (apps: readonly App[], name = 'grpc.test.mesh') =>
  serviceEntry({
    host: name,
    ports: [{ number: 7070, name: 'grpc', protocol: 'GRPC' }],
    endpoints: apps.map((app) => ({ address: app.address, ports: { grpc: app.port } })),
  })

/** One way of Envoy to ask: how the bootstrap differs from ADS by delta. */
const ways: Readonly<Record<string, (bootstrap: Bootstrap) => object>> = {
  'ADS, delta': (bootstrap) => bootstrap,
  'ADS, state of the world': (bootstrap) => {
    bootstrap.dynamic_resources.ads_config.api_type = 'GRPC'
    return bootstrap
  },
  'a stream for each type, delta': (bootstrap) => withoutAds(bootstrap, grpcSource('DELTA_GRPC')),
  'a stream for each type, state of the world': (bootstrap) => withoutAds(bootstrap, grpcSource('GRPC')),
  'REST for each type': (bootstrap) => withoutAds(withRest(bootstrap), restSource),
}

const grpcSource = (api_type: string) => ({
  resource_api_version: 'V3',
  api_config_source: {
    api_type,
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
  },
})
const restSource = {
  resource_api_version: 'V3',
  api_config_source: {
    api_type: 'REST',
    transport_api_version: 'V3',
    cluster_names: ['xds-rest'],
    refresh_delay: '0.1s',
    request_timeout: '5s',
  },
}

/** What the Pilot makes can't point to an aggregated stream here: there is none. */
const withoutAds = (bootstrap: Bootstrap, source: object): object => ({
  ...bootstrap,
  dynamic_resources: { cds_config: source, lds_config: source },
})

/** A way to the Pilot in HTTP/1.1. */
function withRest(bootstrap: Bootstrap): Bootstrap {
  const address = { socket_address: { address: '127.0.0.1', port_value: it.pilot.xdsPort } }
  bootstrap.node.metadata.PILOTHOUSE_XDS_REFRESH_DELAY = '100ms'
  bootstrap.static_resources.clusters.push({
    name: 'xds-rest',
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: 'xds-rest', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  })
  return bootstrap
}

for (const [index, [way, change]] of Object.entries(ways).entries()) {
  test(`Envoy by ${way}: serves, and follows a change`, async (t) => {
    const name = `client-${index}`
    const sidecar = await it.sidecar({ name, ip: it.ip(10 + index), change })
    await answeredBy(sidecar.outbound, 'first')
    const second = house.add(await startApp({ kind: 'http', name: `second-${index}` }), (each) => each.stop())
    const changed = performance.now()
    await it.put('http', httpService(second))
    await answeredBy(sidecar.outbound, second.name)
    t.diagnostic(`a changed endpoint answers after ${Math.round(performance.now() - changed)} ms`)
    await it.put('more', moreService(second, name))
    await answeredBy(sidecar.outbound, second.name, `${name}.test.mesh`)
    await noRejection(sidecar)
    await it.put('http', httpService(first))
    await it.remove('more')
    await sidecar.envoy.stop()
  })
}

test('Prometheus sees clusters by their whole names, as labels', async () => {
  const sidecar = await it.sidecar({ name: 'stats', ip: it.ip(30) })
  await answeredBy(sidecar.outbound, 'first')
  const { body } = await sidecar.envoy.get('/stats/prometheus')
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const requests = lines.filter((line) => line.startsWith('envoy_cluster_upstream_rq_completed{'))
  const clusters = requests.map((line) => /cluster_name="([^"]*)"/.exec(line)?.[1])
  for (const name of [
    `outbound|80||${host}`,
    'outbound|7070||grpc.test.mesh',
    'PassthroughCluster',
    'xds-grpc',
  ])
    assert.ok(clusters.includes(name), `${name} is not in ${clusters}`)
  const metrics = new Set(lines.map((line) => line.slice(0, line.search(/[{ ]/))))
  assert.deepEqual(
    [...metrics].filter((name) => /test_mesh|outbound_\d|Passthrough/.test(name)),
    [],
  )
  await sidecar.envoy.stop()
})

const answeredBy = (to: Place, app: string, at = host) =>
  until(`an answer of ${app}`, async () => {
    const answer = await http1({ to, host: at })
    return answer.status === 200 && (JSON.parse(answer.body) as Echo).app === app
  })

async function noRejection({ envoy: running }: TestSidecar): Promise<void> {
  const { body } = await running.get('/stats?filter=update_rejected')
  const rejected = body.split('\n').filter((line) => line !== '' && !line.endsWith(': 0'))
  assert.deepEqual(rejected, [])
}

test('@grpc/grpc-js-xds resolves xds:///, calls, and follows a change', async (t) => {
  const bootstrap = join(it.files, '..', `pilothouse-grpc-${process.pid}.json`)
  await writeFile(bootstrap, JSON.stringify(grpcBootstrap()))
  house.add(bootstrap, (path) => rm(path))
  process.env.GRPC_XDS_BOOTSTRAP = bootstrap
  const { register } = await import('@grpc/grpc-js-xds')
  register()
  const client = house.add(grpcClient('xds:///grpc.test.mesh:7070'), (each) => each.close())
  for (const method of ['Unary', 'ServerStream', 'ClientStream', 'Both'] as const) {
    const answer = await grpcCall('', method, 'one two', { client, timeout: 10_000 })
    assert.deepEqual(answer, { words: ['one', 'two'], from: ['grpc'] }, method)
  }
  const second = house.add(await startApp({ kind: 'grpc', name: 'grpc-2' }), (each) => each.stop())
  const changed = performance.now()
  await it.put('grpc', grpcService([second]))
  await until('the second server’s answer', async () => {
    const { from } = await grpcCall('', 'Unary', 'x', { client })
    return from[0] === 'grpc-2'
  })
  t.diagnostic(`a changed endpoint answers after ${Math.round(performance.now() - changed)} ms`)

  // A name that isn't there is answered at once (the next test), but this client (1.14.1) waits 15 s for it to come, and
  // then tells its callers nothing: each waits for its own deadline. When the name comes, those who wait are served.
  const later = house.add(grpcClient('xds:///later.test.mesh:7070'), (each) => each.close())
  const call = (timeout: number) => grpcCall('', 'Unary', 'x', { client: later, timeout })
  await assert.rejects(call(500), { code: status.DEADLINE_EXCEEDED })
  const queued = call(10_000)
  await it.put('later', grpcService([grpc], 'later.test.mesh'))
  assert.deepEqual((await queued).from, ['grpc'])
  assert.deepEqual((await grpcCall('', 'Unary', 'x', { client })).from, ['grpc-2'])
})

test('a gRPC client is told at once that a name does not exist', async () => {
  const client = house.add(connect(it.pilot.xdsPort), (each) => each.close())
  const stream = openSotw(client)
  const ask = (...resourceNames: string[]) => ({ typeUrl: typeUrls.listener, resourceNames })
  const { id } = grpcBootstrap().node
  const node = { id, metadata: { GENERATOR: 'grpc', NAMESPACE: 'test' } }
  stream.send({ node, ...ask('grpc.test.mesh:7070') })
  const first = await stream.next()
  assert.equal(first.resources.length, 1)
  stream.send({ ...ask('grpc.test.mesh:7070', 'nowhere.test.mesh:7070'), responseNonce: first.nonce })
  // All listeners that it asked for and that exist, so the other one doesn't.
  const second = await stream.next()
  assert.equal(second.resources.length, 1)
  stream.call.cancel()
})

const grpcBootstrap = () => ({
  xds_servers: [
    {
      server_uri: `127.0.0.1:${it.pilot.xdsPort}`,
      channel_creds: [{ type: 'insecure' }],
      server_features: ['xds_v3'],
    },
  ],
  node: {
    id: `sidecar~${it.ip(40)}~grpc-client.test~test.svc.cluster.local`,
    locality: {},
    metadata: { GENERATOR: 'grpc', NAMESPACE: 'test' },
  },
})

test('the Pilot’s REST answers discovery for each type by itself', async (t) => {
  for (const [path, type] of [
    ['clusters', typeUrls.cluster],
    ['listeners', typeUrls.listener],
    ['endpoints', typeUrls.endpoint],
    ['routes', typeUrls.route],
  ] as const) {
    const names = path === 'endpoints' ? [`outbound|80||${host}`] : path === 'routes' ? ['http_proxy'] : []
    const answer = await fetch(`http://127.0.0.1:${it.pilot.xdsPort}/v3/discovery:${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        type_url: type,
        resource_names: names,
        node: {
          id: `sidecar~${it.ip(41)}~rest.test~test.svc.cluster.local`,
          metadata: { INTERCEPTION_MODE: 'NONE' },
        },
      }),
    })
    assert.equal(answer.status, 200)
    const { resources = [] } = (await answer.json()) as { resources?: object[] }
    t.diagnostic(`${path}: ${resources.length}`)
    assert.ok(resources.length > 0, path)
  }
})
