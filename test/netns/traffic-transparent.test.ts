/**
 * Real requests in transparent mode: each host is a network namespace whose TCP is redirected to its sidecar (15001 out,
 * 15006 in); applications and clients know nothing of it. Needs root, iproute2, nftables: without them it fails.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bootstrap } from '#inject/bootstrap.ts'
import type { EnvoyProcess } from '#src/demo/envoy-process.ts'
import { putFile } from '#src/demo/files.ts'
import type { AppSpec, Echo } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy } from '../support/envoys.ts'
import type { GrpcKind } from '../support/grpc-echo.ts'
import { type ServiceSpec, serviceEntry } from '../support/istio.ts'
import { serveCommand } from '../support/pilot.ts'
import { type Host, makeHosts, redirect, requireTools, sidecarGroup } from './hosts.ts'

const house = cleanup()
type Name = 'pilot' | 'client' | 'server' | 'outside'
let hosts: Record<Name, Host>
let sidecars: Record<'client' | 'server', EnvoyProcess>
let files: string

/** Applications on the server, at the ports that the services name. */
const apps: readonly AppSpec[] = [
  { kind: 'http', name: 'http', port: 8080 },
  { kind: 'http2', name: 'http2', port: 8081 },
  { kind: 'grpc', name: 'grpc', port: 8082 },
  { kind: 'tcp', name: 'tcp', port: 8083 },
  { kind: 'greeter', name: 'greeter', port: 8084 },
  { kind: 'tls', name: 'tls', port: 8085 },
  { kind: 'http', name: 'auto-http', port: 8086 },
  { kind: 'tcp', name: 'auto-tcp', port: 8087 },
  { kind: 'tcp', name: 'single', port: 8093 },
  { kind: 'tcp', name: 'headless', port: 8088 },
  { kind: 'http', name: 'unlisted', port: 8089 },
  { kind: 'tls', name: 'auto-tls', port: 8090 },
  { kind: 'http', name: 'shared-http', port: 8091 },
  { kind: 'tcp', name: 'shared-tcp', port: 8092 },
]
const vip = (n: number) => `10.200.0.${n}`

before(async () => {
  requireTools()
  hosts = await makeHosts(house, ['pilot', 'client', 'server', 'outside'])
  for (const spec of apps) await hosts.server.app(spec)
  await hosts.outside.app({ kind: 'http', name: 'outside', port: 9090 })
  await hosts.outside.app({ kind: 'tcp', name: 'fixed', port: 9091 })
  await hosts.outside.app({ kind: 'tls', name: 'any', port: 9092 })
  await hosts.outside.app({ kind: 'tcp', name: 'headless-outside', port: 8088 })
  files = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-netns-')), (path) =>
    rm(path, { recursive: true }),
  )
  await putFile(files, 'services.yaml', services().map(serviceEntry))
  await startPilotIn(hosts.pilot)
  for (const host of [hosts.client, hosts.server]) redirect(host)
  sidecars = { client: await sidecar(hosts.client), server: await sidecar(hosts.server) }
})
after(() => house.end())

function services(): ServiceSpec[] {
  const served = (
    name: string,
    number: number,
    protocol: string | undefined,
    port: number,
    address?: string,
  ) => ({
    host: `${name}.test.mesh`,
    ports: [{ number, name, ...(protocol && { protocol }), targetPort: port }],
    endpoints: [{ address: hosts.server.ip }],
    ...(address && { addresses: [address] }),
  })
  return [
    served('http', 80, 'HTTP', 8080, vip(1)),
    served('http2', 80, 'HTTP2', 8081, vip(2)),
    served('grpc', 7070, 'GRPC', 8082, vip(3)),
    served('tcp', 9000, 'TCP', 8083, vip(4)),
    served('greeter', 9000, 'TCP', 8084, vip(5)),
    served('tls', 443, 'TLS', 8085, vip(6)),
    served('auto-http', 7000, undefined, 8086, vip(7)),
    served('auto-tcp', 7000, undefined, 8087, vip(8)),
    served('auto-tls', 7000, undefined, 8090, vip(10)),
    served('shared-http', 7001, undefined, 8091),
    served('shared-tcp', 7001, undefined, 8092, vip(11)),
    served('single', 8093, 'TCP', 8093),
    {
      host: 'headless.test.mesh',
      labels: { 'service.kubernetes.io/headless': '' },
      ports: [{ number: 8088, name: 'tcp', protocol: 'TCP' }],
      endpoints: [{ address: hosts.server.ip }, { address: hosts.outside.ip }],
    },
    {
      host: 'fixed.external.test',
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      addresses: [`${hosts.outside.ip}/32`],
      ports: [{ number: 9091, name: 'tcp', protocol: 'TCP' }],
    },
    {
      host: '*.any.external.test',
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      ports: [{ number: 9092, name: 'tls', protocol: 'TLS' }],
    },
    {
      host: 'outside.external.test',
      location: 'MESH_EXTERNAL',
      addresses: [vip(9)],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 9090 }],
      endpoints: [{ address: hosts.outside.ip }],
    },
  ]
}

async function startPilotIn(host: Host): Promise<void> {
  const { child, output } = serveCommand(
    house,
    ['--files', files, '--xds-address', `${host.ip}:15010`, '--admin-address', '127.0.0.1:15014'],
    host.prefix,
  )
  await until('the Pilot to be ready', async () => {
    if (child.exitCode !== null) throw new Error(`it has ended:\n${output()}`)
    return (await host.get('http://127.0.0.1:15014/ready')).status === 200
  })
}

async function sidecar(host: Host): Promise<EnvoyProcess> {
  const config = bootstrap({
    onDemand: process.env.PILOTHOUSE_TEST_ON_DEMAND === '1',
    ...{ id: host.name, namespace: 'test', ip: host.ip, mode: 'transparent' },
    xds: `${hosts.pilot.ip}:15010`,
  })
  // Only the group differs, so that it can read what this user can.
  const prefix = [...host.prefix, 'setpriv', '--regid', String(sidecarGroup), '--clear-groups']
  const started = await envoy(house, config, { name: `sidecar of ${host.name}`, prefix, fetch: host.get })
  await started.ready()
  return started
}

const get = (to: string, port: number, host: string, kind: 'http1' | 'http2' = 'http1') =>
  hosts.client.request({ kind, call: { to: { host: to, port }, host, path: '/x' } })

async function answers(app: string, answer: Promise<{ status: number; body: string }>): Promise<Echo> {
  const { status, body } = await answer
  assert.equal(status, 200, body)
  const echo = JSON.parse(body) as Echo
  assert.equal(echo.app, app)
  return echo
}

/** Requests or connections that passed a sidecar's clusters, by the clusters' names. */
async function passed(running: EnvoyProcess, cluster: RegExp): Promise<number> {
  const { body } = await running.get('/clusters?format=json')
  const clusters = JSON.parse(body).cluster_statuses as {
    name: string
    host_statuses?: { stats: { name?: string; value?: string }[] }[]
  }[]
  return clusters
    .filter(({ name }) => cluster.test(name))
    .flatMap(({ host_statuses = [] }) => host_statuses.flatMap(({ stats }) => stats))
    .filter(({ name }) => name === 'cx_total')
    .reduce((sum, { value }) => sum + Number(value ?? 0), 0)
}

test('HTTP/1.1 to a virtual IP goes through both sidecars', async (t) => {
  const echo = await answers('http', get(vip(1), 80, 'http.test.mesh'))
  const [out, into] = [
    await passed(sidecars.client, /^outbound\|80\|\|http\.test\.mesh$/),
    await passed(sidecars.server, /^inbound\|8080\|\|/),
  ]
  t.diagnostic(
    `client's outbound ${out}, server's inbound ${into} connections; ${JSON.stringify(echo.headers)}`,
  )
  assert.ok(out > 0 && into > 0)
})

test('HTTP/1.1 by name at any address (the port and the Host decide)', async () => {
  await answers('http', get('10.200.9.9', 80, 'http.test.mesh'))
})

test('HTTP/2', async () => {
  const echo = await answers('http2', get(vip(2), 80, 'http2.test.mesh', 'http2'))
  assert.equal(echo.httpVersion, '2.0')
})

test('gRPC, unary and streaming in both directions', async () => {
  for (const method of ['Unary', 'ServerStream', 'ClientStream', 'Both'] satisfies GrpcKind[]) {
    const answer = await hosts.client.request({
      ...{
        kind: 'grpc',
        method,
        text: 'one two',
        target: `${vip(3)}:7070`,
        authority: 'grpc.test.mesh:7070',
      },
    })
    assert.deepEqual(JSON.parse(answer.body), { words: ['one', 'two'], from: ['grpc'] }, method)
  }
})

test('WebSocket', async () => {
  const call = { to: { host: vip(1), port: 80 }, host: 'http.test.mesh', path: '/socket' }
  const answer = await hosts.client.request({ kind: 'websocket', call, text: 'hi' })
  assert.equal(answer.body, 'http /socket hi')
})

const tcp = async (host: string, port: number, text: string) =>
  (await hosts.client.request({ kind: 'tcp', to: { host, port }, text })).body

test('TCP to virtual IPs that share a port; the server may speak first', async () => {
  assert.equal(await tcp(vip(4), 9000, 'ping'), 'tcp ping')
  assert.equal(await tcp(vip(5), 9000, ''), 'hello from greeter\n')
  assert.ok((await passed(sidecars.server, /^inbound\|8083\|\|/)) > 0)
})

const tls = async (host: string, port: number, servername: string) =>
  (await hosts.client.request({ kind: 'tls', to: { host, port }, servername, text: 'ping' })).body

test('TLS by SNI', async () => {
  assert.equal(await tls(vip(6), 443, 'tls.test.mesh'), 'tls tls.test.mesh ping')
  assert.ok((await passed(sidecars.client, /^outbound\|443\|\|tls\.test\.mesh$/)) > 0)
})

test('a port of no protocol is sniffed: HTTP, plain TCP, TLS', async () => {
  await answers('auto-http', get(vip(7), 7000, 'auto-http.test.mesh'))
  assert.equal(await tcp(vip(8), 7000, 'ping\n'), 'auto-tcp ping\n')
  assert.equal(await tls(vip(10), 7000, 'auto-tls.test.mesh'), 'auto-tls auto-tls.test.mesh ping')
  assert.ok((await passed(sidecars.client, /^outbound\|7000\|\|auto-tls\.test\.mesh$/)) > 0)
})

test('a sniffed port that two services share, one of them without a virtual IP', async () => {
  await answers('shared-http', get('10.200.9.9', 7001, 'shared-http.test.mesh'))
  assert.equal(await tcp(vip(11), 7001, 'ping\n'), 'shared-tcp ping\n')
})

test('a service without a virtual IP is called at its endpoint’s own address', async () => {
  assert.equal(await tcp(hosts.server.ip, 8093, 'ping'), 'single ping')
  const out = await passed(sidecars.client, /^outbound\|8093\|\|single\.test\.mesh$/)
  const into = await passed(sidecars.server, /^inbound\|8093\|\|/)
  assert.ok(into > 0 && out > 0, `inbound ${into}, outbound ${out}`)
})

test('a headless service: each endpoint is called by itself, and passes as that service', async () => {
  assert.equal(await tcp(hosts.server.ip, 8088, 'ping'), 'headless ping')
  assert.equal(await tcp(hosts.outside.ip, 8088, 'ping'), 'headless-outside ping')
  assert.equal(await passed(sidecars.client, /^outbound\|8088\|\|headless\.test\.mesh$/), 2)
})

test('an external service, and an address that no one registered (ALLOW_ANY)', async () => {
  await answers('outside', get(vip(9), 80, 'outside.external.test'))
  await answers('outside', get(hosts.outside.ip, 9090, 'whatever.example'))
  assert.ok((await passed(sidecars.client, /^PassthroughCluster/)) > 0)
})

test('external services of no resolution keep the address that was called: by CIDR, by wildcard SNI', async () => {
  assert.equal(await tcp(hosts.outside.ip, 9091, 'ping'), 'fixed ping')
  assert.ok((await passed(sidecars.client, /^outbound\|9091\|\|fixed\.external\.test$/)) > 0)
  const name = 'one.any.external.test'
  assert.equal(await tls(hosts.outside.ip, 9092, name), `any ${name} ping`)
  assert.ok((await passed(sidecars.client, /^outbound\|9092\|\|\*\.any\.external\.test$/)) > 0)
})

test('a port of the workload that no service names passes the inbound side as it is', async () => {
  await answers('unlisted', get(hosts.server.ip, 8089, 'unlisted'))
})

test('from outside the mesh, straight to the workload', async () => {
  const call = { to: { host: hosts.server.ip, port: 8080 }, host: 'http.test.mesh', path: '/x' }
  await answers('http', hosts.outside.request({ kind: 'http1', call }))
})

test('health and Prometheus ports answer from outside', async () => {
  const health = await hosts.outside.get(`http://${hosts.server.ip}:15021/healthz/ready`)
  assert.equal(health.status, 200)
  const metrics = await hosts.outside.get(`http://${hosts.server.ip}:15090/stats/prometheus`)
  assert.match(metrics.body, /envoy_/)
})

test('REGISTRY_ONLY closes what is not registered', async () => {
  const strict = {
    ...{
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata: { name: 'strict', namespace: 'test' },
    },
    spec: { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
  }
  await putFile(files, 'strict.yaml', [strict])
  await until('the unknown address to be closed', async () => {
    const answer = await get(hosts.outside.ip, 9090, 'whatever.example').catch(() => undefined)
    return answer?.status !== 200
  })
  await answers('http', get(vip(1), 80, 'http.test.mesh'))
  await answers('outside', get(vip(9), 80, 'outside.external.test'))
})
