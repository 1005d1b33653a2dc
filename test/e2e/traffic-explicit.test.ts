/** Real requests in each protocol through two real sidecars in explicit mode: client app, its Envoy, server's Envoy, app. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type App, type Echo, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1, http2, tcpEcho, tlsEcho, webSocket } from '../support/clients.ts'
import { grpcCall } from '../support/grpc-echo.ts'
import { type PortSpec, serviceEntry, sidecarResource } from '../support/istio.ts'
import { freePort } from '../support/ports.ts'
import { listens, type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
const kinds = ['http', 'http2', 'grpc', 'tcp', 'greeter', 'tls'] as const
type Kind = (typeof kinds)[number]
const ports: Readonly<Record<Kind, PortSpec>> = {
  http: { number: 80, name: 'http', protocol: 'HTTP' },
  http2: { number: 80, name: 'http2', protocol: 'HTTP2' },
  grpc: { number: 7070, name: 'grpc', protocol: 'GRPC' },
  tcp: { number: 9000, name: 'tcp', protocol: 'TCP' },
  greeter: { number: 9001, name: 'tcp', protocol: 'TCP' },
  tls: { number: 443, name: 'tls', protocol: 'TLS' },
}
const hostOf = (kind: string) => `${kind}.test.mesh`
let it: World
let client: TestSidecar
let server: TestSidecar
let external: App

before(async () => {
  it = await world(house)
  const serverIp = it.ip(2)
  const objects: object[] = []
  for (const kind of kinds) {
    const app = house.add(await startApp({ kind, name: kind }), (each) => each.stop())
    const endpoint = { address: serverIp, ports: { [ports[kind].name]: app.port } }
    objects.push(serviceEntry({ host: hostOf(kind), ports: [ports[kind]], endpoints: [endpoint] }))
  }
  external = house.add(await startApp({ kind: 'http', name: 'external' }), (each) => each.stop())
  await it.put('services', ...objects)
  await it.put('external', ...externalServices())
  client = await it.sidecar({ name: 'client', ip: it.ip(1) })
  server = await it.sidecar({ name: 'server', ip: serverIp })
  await until(
    'the first request',
    async () => (await http1({ to: client.outbound, host: hostOf('http') })).status === 200,
  )
})
after(() => house.end())

function externalServices(): object[] {
  const port = { number: 80, name: 'http', protocol: 'HTTP', targetPort: external.port }
  const outside = { location: 'MESH_EXTERNAL', ports: [port] } as const
  return [
    serviceEntry({ ...outside, host: 'static.external.test', endpoints: [{ address: '127.0.0.1' }] }),
    serviceEntry({
      ...outside,
      host: 'dns.external.test',
      resolution: 'DNS',
      endpoints: [{ address: 'localhost' }],
    }),
  ]
}

const passedIn = async () =>
  (await server.envoy.get('/clusters')).body.match(/^inbound\|.*rq_total::\d+/gm)?.join('\n')

test('HTTP/1.1 by Host, by absolute URI, with the port and with a body', async () => {
  for (const [host, absolute] of [
    ['http.test.mesh', false],
    ['http.test.mesh', true],
    ['http.test.mesh:80', false],
  ] as const) {
    const answer = await http1({
      to: client.outbound,
      host,
      absolute,
      path: '/a%20b?c=d',
      method: 'POST',
      headers: { 'x-mine': '1' },
      body: 'hello',
    })
    assert.equal(answer.status, 200, answer.body)
    const echo = JSON.parse(answer.body) as Echo
    assert.deepEqual(
      [echo.app, echo.method, echo.path, echo.body, echo.headers['x-mine']],
      ['http', 'POST', '/a%20b?c=d', 'hello', '1'],
    )
  }
})

test('the way goes through both sidecars', async (t) => {
  const before = await passedIn()
  await http1({ to: client.outbound, host: hostOf('http') })
  const now = await passedIn()
  t.diagnostic(`server's inbound: ${now?.split('\n').length} clusters`)
  assert.ok(now && now !== before, 'no request passed in by the server’s sidecar')
})

test('HTTP/2', async () => {
  const answer = await http2({ to: client.outbound, host: hostOf('http2'), path: '/x' })
  assert.equal(answer.status, 200, answer.body)
  assert.equal((JSON.parse(answer.body) as Echo).httpVersion, '2.0')
})

test('gRPC, unary and streaming in both directions', async () => {
  for (const method of ['Unary', 'ServerStream', 'ClientStream', 'Both'] as const) {
    const target = `${client.outbound.host}:${client.outbound.port}`
    const answer = await grpcCall(target, method, 'one two three', { authority: 'grpc.test.mesh:7070' })
    assert.deepEqual(answer, { words: ['one', 'two', 'three'], from: ['grpc'] }, method)
  }
})

test('WebSocket', async () => {
  const answer = await webSocket({ to: client.outbound, host: hostOf('http'), path: '/socket' }, 'hi')
  assert.equal(answer, 'http /socket hi')
})

test('TCP by CONNECT, where the client speaks first and where the server does', async () => {
  assert.equal(await tcpEcho(client.outbound, 'ping', 'tcp.test.mesh:9000'), 'tcp ping')
  assert.equal(await tcpEcho(client.outbound, '', 'greeter.test.mesh:9001'), 'hello from greeter\n')
})

test('TLS of the application itself, by CONNECT', async () => {
  const answer = await tlsEcho(client.outbound, 'tls.test.mesh', 'ping', 'tls.test.mesh:443')
  assert.equal(answer, 'tls tls.test.mesh ping')
})

test('TCP and TLS by SNI on listeners of their own (Sidecar egress)', async () => {
  const ip = it.ip(3)
  const [tcpPort, tlsPort] = [await freePort(ip), await freePort(ip)]
  const served = async (kind: 'tcp' | 'tls', number: number) => {
    const app = house.add(await startApp({ kind, name: `${kind}-own` }), (each) => each.stop())
    return serviceEntry({
      host: `${kind}-own.test.mesh`,
      ports: [{ number, name: kind, protocol: kind.toUpperCase() }],
      endpoints: [{ address: it.ip(4), ports: { [kind]: app.port } }],
    })
  }
  const egress = (kind: 'tcp' | 'tls', number: number) => ({
    port: { number, name: kind, protocol: kind.toUpperCase() },
    bind: ip,
    hosts: [`*/${kind}-own.test.mesh`],
  })
  await it.put('own', await served('tcp', tcpPort), await served('tls', tlsPort))
  await it.put(
    'own-sidecar',
    sidecarResource('own', { egress: [egress('tcp', tcpPort), egress('tls', tlsPort), { hosts: ['*/*'] }] }),
  )
  await it.sidecar({ name: 'own-server', ip: it.ip(4) })
  await it.sidecar({ name: 'own', ip, namespace: 'own' })
  await listens({ host: ip, port: tcpPort })
  await listens({ host: ip, port: tlsPort })
  assert.equal(await tcpEcho({ host: ip, port: tcpPort }, 'ping'), 'tcp-own ping')
  const answer = await tlsEcho({ host: ip, port: tlsPort }, 'tls-own.test.mesh', 'ping')
  assert.equal(answer, 'tls-own tls-own.test.mesh ping')
  const unknown = tlsEcho({ host: ip, port: tlsPort }, 'other.test.mesh', 'ping')
  await assert.rejects(unknown, 'a name that the listener does not serve')
})

test('an external service straight from the sidecar, by address and by DNS', async () => {
  for (const host of ['static.external.test', 'dns.external.test']) {
    const answer = await until(`an answer of ${host}`, async () => {
      const each = await http1({ to: client.outbound, host })
      return each.status === 200 && each
    })
    assert.equal((JSON.parse(answer.body) as Echo).app, 'external')
  }
})

test('an unknown host: passed on by ALLOW_ANY, refused by REGISTRY_ONLY', async () => {
  const host = `localhost:${external.port}`
  const allowed = await http1({ to: client.outbound, host, absolute: true })
  assert.equal(allowed.status, 200, allowed.body)
  assert.equal((JSON.parse(allowed.body) as Echo).app, 'external')
  assert.equal(JSON.parse((await connectedGet(client, host)).toString()).app, 'external')

  await it.put('strict', sidecarResource('strict', { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }))
  const strict = await it.sidecar({ name: 'strict', ip: it.ip(5), namespace: 'strict' })
  const known = await until('the registry’s own services', async () => {
    const each = await http1({ to: strict.outbound, host: hostOf('http') })
    return each.status === 200 && each
  })
  assert.equal((JSON.parse(known.body) as Echo).app, 'http')
  const refused = await http1({ to: strict.outbound, host, absolute: true })
  assert.equal(refused.status, 502, refused.body)
  await assert.rejects(tcpEcho(strict.outbound, 'x', host), /CONNECT .*: 502/)
})

/** A GET by hand through a CONNECT tunnel; gives the body. */
async function connectedGet(sidecar: TestSidecar, host: string): Promise<string> {
  const request = `GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`
  const answer = await tcpEcho(sidecar.outbound, request, host)
  return answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)
}
