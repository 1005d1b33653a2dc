/** The harness itself, against an Envoy with a hand-made static configuration: a failure here is no fault of the Pilot. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startApp } from '../support/apps.ts'
import { cleanup } from '../support/cleanup.ts'
import { http1, http2, type Place, tcpEcho, tlsEcho, webSocket } from '../support/clients.ts'
import { envoy } from '../support/envoys.ts'
import { grpcCall } from '../support/grpc-echo.ts'
import { freePort } from '../support/ports.ts'
import { describe, startLoad } from '../support/traffic.ts'

const house = cleanup()
const apps: Record<string, Place> = {}
let proxy: Place

before(async () => {
  for (const kind of ['http', 'http2', 'grpc', 'tcp', 'greeter', 'tls'] as const) {
    const app = house.add(await startApp({ kind, name: kind }), (it) => it.stop())
    apps[kind] = { host: app.address, port: app.port }
  }
  proxy = { host: '127.0.0.1', port: await freePort() }
  const running = await envoy(house, { static_resources: staticProxy(proxy.port) })
  await running.ready()
})
after(() => house.end())

test('HTTP/1.1 by Host and by absolute URI', async () => {
  for (const absolute of [false, true]) {
    const answer = await http1({ to: proxy, host: 'http.test', path: '/x?a=1', absolute })
    assert.equal(answer.status, 200)
    assert.equal(JSON.parse(answer.body).path, '/x?a=1')
  }
})

test('HTTP/2, gRPC of all four kinds, WebSocket', async () => {
  assert.equal(JSON.parse((await http2({ to: proxy, host: 'http2.test' })).body).httpVersion, '2.0')
  for (const kind of ['Unary', 'ServerStream', 'ClientStream', 'Both'] as const) {
    const answer = await grpcCall(`${proxy.host}:${proxy.port}`, kind, 'one two', { authority: 'grpc.test' })
    assert.deepEqual(answer, { words: ['one', 'two'], from: ['grpc'] })
  }
  assert.equal(await webSocket({ to: proxy, host: 'http.test', path: '/ws' }, 'hi'), 'http /ws hi')
})

test('TCP, server-first TCP and TLS by CONNECT, and straight', async () => {
  for (const through of [true, false]) {
    const to = (app: string) => [through ? proxy : apps[app]!, through ? `${app}.test:1` : undefined] as const
    const [tcp, tcpName] = to('tcp')
    assert.equal(await tcpEcho(tcp, 'ping', tcpName), 'tcp ping')
    const [greeter, greeterName] = to('greeter')
    assert.equal(await tcpEcho(greeter, '', greeterName), 'hello from greeter\n')
    const [tls, tlsName] = to('tls')
    assert.equal(await tlsEcho(tls, 'a.test.mesh', 'ping', tlsName), 'tls a.test.mesh ping')
  }
})

test('the load counts what fails', async (t) => {
  const good = startLoad({ to: proxy, host: 'http.test', inFlight: 4 })
  const bad = startLoad({ to: proxy, host: 'http.test', path: '/?status=503', inFlight: 1 })
  await new Promise((resolve) => setTimeout(resolve, 300))
  const [ok, failed] = await Promise.all([good.stop(), bad.stop()])
  t.diagnostic(describe(ok))
  assert.ok(ok.ok > 20 && ok.failed === 0)
  assert.ok(failed.failed > 5 && failed.ok === 0)
})

function staticProxy(port: number) {
  const cluster = (name: string, place: Place, h2: boolean) => ({
    name,
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(place) } }] }],
    },
    ...(h2 && {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
  })
  const host = (name: string) => ({
    name,
    domains: [`${name}.test`, `${name}.test:*`],
    routes: [
      {
        match: { connect_matcher: {} },
        route: { cluster: name, upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
      },
      { match: { prefix: '/' }, route: { cluster: name } },
    ],
  })
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'proxy',
    route_config: { ignore_port_in_host_matching: true, virtual_hosts: Object.keys(apps).map(host) },
    upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'CONNECT' }],
    http2_protocol_options: { allow_connect: true },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  }
  return {
    listeners: [
      {
        name: 'proxy',
        address: address({ host: '127.0.0.1', port }),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
      },
    ],
    clusters: Object.entries(apps).map(([name, place]) => cluster(name, place, /2|grpc/.test(name))),
  }
}

function address(place: Place) {
  return { socket_address: { address: place.host, port_value: place.port } }
}
