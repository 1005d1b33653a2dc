import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { networkInterfaces } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { type Client, credentials, Client as GrpcClient, status } from '@grpc/grpc-js'
import { silentLogger } from '#support/logger.ts'
import { resource } from '#xds/make-resource.ts'
import { ClientResourceStatus as Known } from '#xds/proto/gen/envoy/admin/v3/config_dump_shared_pb.js'
import { ClusterSchema } from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import { SecretSchema } from '#xds/proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { UpstreamTlsContextSchema } from '#xds/proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import {
  type ClientConfig,
  type ClientConfig_GenericXdsConfig,
  ClientStatusRequestSchema,
  ClientStatusResponseSchema,
  ConfigStatus,
  type ClientStatusRequestSchema as RequestSchema,
} from '#xds/proto/gen/envoy/service/status/v3/csds_pb.js'
import { encode, type MessageInitShape, pack, unpack } from '#xds/proto/index.ts'
import { defaultLimits } from '#xds/server/limits.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer, type XdsServer } from '#xds/server/server.ts'
import { csdsMethods, type Shown } from '#xds/server/services/csds.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { connect, openDelta, openSotw, openStream, unary } from './client.ts'

const CSDS = '/envoy.service.status.v3.ClientStatusDiscoveryService'
const schemas = [ClientStatusRequestSchema, ClientStatusResponseSchema] as const
type Request = MessageInitShape<typeof RequestSchema>

const KEY = 'a key that nobody may see'
const tls = pack(UpstreamTlsContextSchema, {
  commonTlsContext: {
    tlsCertificates: [
      {
        privateKey: { specifier: { case: 'inlineString', value: KEY } },
        certificateChain: { specifier: { case: 'inlineString', value: 'a certificate' } },
      },
    ],
  },
})
const plain = resource(ClusterSchema, 'plain', { name: 'plain' })
const secure = resource(ClusterSchema, 'secure', {
  name: 'secure',
  transportSocket: { name: 'tls', configType: { case: 'typedConfig', value: tls } },
})
const good = resource(ListenerSchema, 'good', { name: 'good' })
const bad = resource(ListenerSchema, 'bad', { name: 'bad' })
const endpoints = resource(ClusterLoadAssignmentSchema, 'plain', { clusterName: 'plain' })
const secret = resource(SecretSchema, 's', {
  name: 's',
  type: {
    case: 'genericSecret',
    value: { secret: { specifier: { case: 'inlineString', value: KEY } } },
  },
})

const exactly = (value: string) => ({ nodeId: { matchPattern: { case: 'exact' as const, value } } })

/** `type name`, what the server and what the client say, version; by type and name. */
const lines = ({ genericXdsConfigs }: ClientConfig): string[] =>
  genericXdsConfigs
    .map(
      (each) =>
        `${each.typeUrl.split('.').pop()} ${each.name}: ${ConfigStatus[each.configStatus]} ${Known[each.clientStatus]} ${each.versionInfo}`,
    )
    .map((line) => line.trimEnd())
    .sort()

const find = ({ genericXdsConfigs }: ClientConfig, typeUrl: string, name: string) =>
  genericXdsConfigs.find((each) => each.typeUrl === typeUrl && each.name === name) as
    | ClientConfig_GenericXdsConfig
    | undefined

describe('CSDS', () => {
  const source = createMemorySource()
  let server: XdsServer
  let port = 0
  let client: Client
  const metadata = { NAMESPACE: 'shop', LABELS: { app: 'orders' }, PORTS: [80, 443], SPOT: true, NOTE: null }

  before(async () => {
    for (const each of [plain, secure, endpoints, secret, good, bad]) source.update('*', each)
    server = createXdsServer({ source })
    port = (await server.listen('0.0.0.0:0')).port
    client = connect(port)
  })
  after(async () => {
    client.close()
    await server.close()
  })
  const fetchStatus = async (request: Request = {}): Promise<ClientConfig[]> =>
    (await unary(client, `${CSDS}/FetchClientStatus`, schemas, request)).config

  test('nobody is there', async () => {
    assert.deepEqual(await fetchStatus(), [])
  })

  test('a client is shown from its first request to its last answer', async () => {
    const stream = openDelta(client)
    stream.send({
      node: {
        id: 'orders-1',
        cluster: 'orders',
        metadata,
        locality: { region: 'r', zone: 'z', subZone: 's' },
      },
      typeUrl: typeUrls.cluster,
    })
    const clusters = await stream.next()
    const [asked] = await fetchStatus()
    assert.ok(asked)
    assert.deepEqual(lines(asked), [
      `Cluster plain: STALE UNKNOWN ${plain.version}`,
      `Cluster secure: STALE UNKNOWN ${secure.version}`,
    ])
    const { node } = asked
    assert.deepEqual([node?.id, node?.cluster, node?.metadata], ['orders-1', 'orders', metadata])
    assert.equal(node?.locality?.zone, 'z')

    stream.send({ typeUrl: typeUrls.cluster, responseNonce: clusters.nonce })
    stream.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: ['plain', 'absent'] })
    const assignments = await stream.next()
    stream.send({ typeUrl: typeUrls.endpoint, responseNonce: assignments.nonce })
    stream.send({ typeUrl: typeUrls.listener })
    const listeners = await stream.next()
    const before = Date.now()
    stream.send({
      typeUrl: typeUrls.listener,
      responseNonce: listeners.nonce,
      errorDetail: { code: 3, message: 'bad: no filter chain' },
    })
    stream.send({ typeUrl: typeUrls.secret, resourceNamesSubscribe: ['s'] })
    const secrets = await stream.next()
    stream.send({ typeUrl: typeUrls.secret, responseNonce: secrets.nonce })
    // Answered after all that was sent before it on this connection.
    const [shown] = await fetchStatus()
    assert.ok(shown)
    assert.deepEqual(lines(shown), [
      `Cluster plain: SYNCED ACKED ${plain.version}`,
      `Cluster secure: SYNCED ACKED ${secure.version}`,
      'ClusterLoadAssignment absent: SYNCED DOES_NOT_EXIST',
      `ClusterLoadAssignment plain: SYNCED ACKED ${endpoints.version}`,
      'Listener bad: ERROR NACKED',
      `Listener good: STALE UNKNOWN ${good.version}`,
      `Secret s: SYNCED ACKED ${secret.version}`,
    ])

    const refused = find(shown, typeUrls.listener, 'bad')!
    assert.equal(refused.xdsConfig, undefined)
    assert.equal(refused.errorState?.details, 'bad: no filter chain')
    assert.equal(refused.errorState?.versionInfo, bad.version)
    assert.equal(unpack(ListenerSchema, refused.errorState!.failedConfiguration!)?.name, 'bad')
    const at = Number(refused.errorState?.lastUpdateAttempt?.seconds)
    assert.ok(Math.abs(at - before / 1000) < 10, `${at}`)

    const content = find(shown, typeUrls.cluster, 'plain')!
    assert.equal(unpack(ClusterSchema, content.xdsConfig!)?.name, 'plain')
    assert.ok(Math.abs(Number(content.lastUpdated?.seconds) - before / 1000) < 10)
    stream.call.cancel()
    await stream.ended
  })

  test('neither secrets nor keys in other resources are shown', async () => {
    const stream = openDelta(client)
    stream.send({ node: { id: 'n' }, typeUrl: typeUrls.cluster })
    await stream.next()
    stream.send({ typeUrl: typeUrls.secret, resourceNamesSubscribe: ['s'] })
    const { nonce } = await stream.next()
    const shown = async () => (await fetchStatus({ nodeMatchers: [exactly('n')] }))[0]!
    assert.equal(find(await shown(), typeUrls.secret, 's')?.xdsConfig, undefined)
    const refusal = { code: 3, message: 'no' }
    stream.send({ typeUrl: typeUrls.secret, responseNonce: nonce, errorDetail: refusal })
    const config = await shown()
    assert.equal(find(config, typeUrls.secret, 's')?.clientStatus, Known.NACKED)
    assert.equal(find(config, typeUrls.secret, 's')?.errorState?.failedConfiguration, undefined)
    const cluster = unpack(ClusterSchema, find(config, typeUrls.cluster, 'secure')!.xdsConfig!)
    const typed = cluster!.transportSocket!.configType.value!
    const certificate = unpack(UpstreamTlsContextSchema, typed)!.commonTlsContext!.tlsCertificates[0]!
    assert.equal(certificate.privateKey?.specifier.value, '[redacted]')
    assert.equal(certificate.certificateChain?.specifier.value, 'a certificate')
    assert.ok(!Buffer.from(encode(ClientStatusResponseSchema, { config: [config] })).includes(KEY))
    stream.call.cancel()
    await stream.ended
  })

  test('streams for a type each are one client; without contents', async () => {
    const [clusters, listeners] = ['cluster', 'listener'] as const
    const streams = [
      openSotw(client, '/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters'),
      openSotw(client, '/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners'),
    ]
    for (const [i, type] of [clusters, listeners].entries()) {
      streams[i]!.send({ node: { id: 'separate' }, typeUrl: typeUrls[type] })
      await streams[i]!.next()
    }
    const all = await fetchStatus({ nodeMatchers: [exactly('separate')], excludeResourceContents: true })
    assert.equal(all.length, 1)
    assert.deepEqual(
      lines(all[0]!).map((line) => line.split(':')[0]),
      ['Cluster plain', 'Cluster secure', 'Listener bad', 'Listener good'],
    )
    assert.ok(all[0]!.genericXdsConfigs.every(({ xdsConfig }) => xdsConfig === undefined))
    for (const each of streams) each.call.cancel()
    await Promise.all(streams.map(({ ended }) => ended))
  })

  type Matcher = NonNullable<Request['nodeMatchers']>[number]
  const inMetadata = (path: string, value: object): Matcher => ({
    nodeMetadatas: [
      {
        path: path.split('.').map((key) => ({ segment: { case: 'key' as const, value: key } })),
        value: { matchPattern: value } as never,
      },
    ],
  })
  const text = (value: string) => ({ case: 'stringMatch', value: { matchPattern: { case: 'exact', value } } })
  const range = (start: number, end: number) => ({
    case: 'doubleMatch',
    value: { matchPattern: { case: 'range', value: { start, end } } },
  })
  const oneOf = (value: object) => ({
    case: 'listMatch',
    value: { matchPattern: { case: 'oneOf', value: { matchPattern: value } } },
  })
  const id = (kind: string, value: string, ignoreCase = false): Matcher =>
    ({ nodeId: { matchPattern: { case: kind, value }, ignoreCase } }) as never

  const matching: readonly (readonly [string, readonly Matcher[], boolean])[] = [
    ['none', [], true],
    ['another id', [exactly('b')], false],
    ['one of two', [exactly('b'), exactly('node-A')], true],
    ['prefix', [id('prefix', 'node')], true],
    ['suffix', [id('suffix', 'node')], false],
    ['contains', [id('contains', 'de-')], true],
    ['case', [id('exact', 'NODE-a')], false],
    ['without case', [id('exact', 'NODE-a', true)], true],
    ['metadata', [inMetadata('NAMESPACE', text('shop'))], true],
    ['other metadata', [inMetadata('NAMESPACE', text('shopping'))], false],
    ['metadata deep down', [inMetadata('LABELS.app', text('orders'))], true],
    ['no such path', [inMetadata('LABELS.app.x', text('orders'))], false],
    ['inherited', [inMetadata('constructor', { case: 'presentMatch', value: true })], false],
    ['present', [inMetadata('LABELS', { case: 'presentMatch', value: true })], true],
    ['a bool', [inMetadata('SPOT', { case: 'boolMatch', value: true })], true],
    ['null', [inMetadata('NOTE', { case: 'nullMatch', value: {} })], true],
    ['in a list', [inMetadata('PORTS', oneOf(range(400, 500)))], true],
    ['not in a list', [inMetadata('PORTS', oneOf(range(81, 443)))], false],
    [
      'id and metadata',
      [{ ...id('prefix', 'x'), ...inMetadata('NAMESPACE', text('shop')) } as Matcher],
      false,
    ],
  ]
  test('node matchers', async (t) => {
    const stream = openDelta(client)
    stream.send({ node: { id: 'node-A', metadata }, typeUrl: typeUrls.cluster })
    await stream.next()
    for (const [name, nodeMatchers, fits] of matching)
      await t.test(name, async () => {
        const found = await fetchStatus({ nodeMatchers: [...nodeMatchers], excludeResourceContents: true })
        assert.equal(found.length, fits ? 1 : 0)
      })
    stream.call.cancel()
    await stream.ended
  })

  for (const [name, matcher] of [
    ['a regular expression', { nodeId: { matchPattern: { case: 'safeRegex', value: { regex: '(a+)+$' } } } }],
    ['nothing', { nodeId: {} }],
    ['metadata without value', { nodeMetadatas: [{ path: [] }] }],
  ] as readonly (readonly [string, object])[])
    test(`a matcher of ${name} is refused`, async () => {
      const answer = fetchStatus({ nodeMatchers: [matcher as Matcher] })
      await assert.rejects(answer, { code: status.INVALID_ARGUMENT, details: /not supported/ })
    })

  test('a stream answers each request; nonsense ends it', async () => {
    const stream = openStream(client, `${CSDS}/StreamClientStatus`, schemas)
    for (let i = 0; i < 20; i++) stream.send({ nodeMatchers: [exactly('nobody')] })
    for (let i = 0; i < 20; i++) assert.deepEqual((await stream.next()).config, [])
    stream.call.write(Buffer.from([0xff]))
    assert.equal((await stream.ended).code, status.INVALID_ARGUMENT)
  })

  const [elsewhere] = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
  test('another host is refused', { skip: !elsewhere && 'no address but loopback' }, async () => {
    const remote = new GrpcClient(`${elsewhere!.address}:${port}`, credentials.createInsecure())
    for (const call of [
      unary(remote, `${CSDS}/FetchClientStatus`, schemas, {}),
      openStream(remote, `${CSDS}/StreamClientStatus`, schemas).ended.then((ended) => Promise.reject(ended)),
    ])
      await assert.rejects(call, { code: status.PERMISSION_DENIED })
    remote.close()
  })
})

test('an answer that is too large is refused', async (t) => {
  const source = createMemorySource()
  const filler = 'x'.repeat(1_000_000)
  for (let i = 0; i < 30; i++)
    source.update('*', resource(ClusterSchema, `c${i}`, { name: `c${i}`, altStatName: filler }))
  const server = createXdsServer({ source })
  t.after(() => server.close())
  const client = connect((await server.listen('127.0.0.1:0')).port, {
    'grpc.max_receive_message_length': -1,
  })
  t.after(() => client.close())
  for (const id of ['a', 'b', 'c']) {
    const stream = openDelta(client)
    stream.send({ node: { id }, typeUrl: typeUrls.cluster })
    await stream.next(10_000)
  }
  const ask = (request: Request) => unary(client, `${CSDS}/FetchClientStatus`, schemas, request)
  await assert.rejects(ask({}), { code: status.RESOURCE_EXHAUSTED, details: /exclude_resource_contents/ })
  assert.equal((await ask({ excludeResourceContents: true })).config.length, 3)
})

test('a client that leaves its answer unread is dropped', async (t) => {
  const source = createMemorySource()
  source.update('*', resource(ClusterSchema, 'a', { name: 'a', altStatName: 'x'.repeat(1_000_000) }))
  const server = createXdsServer({ source, limits: { slowReaderMs: 1000 } })
  t.after(() => server.close())
  const { port } = await server.listen('127.0.0.1:0')
  const client = connect(port, { 'grpc.max_receive_message_length': -1 })
  t.after(() => client.close())
  const proxy = openDelta(client)
  proxy.send({ node: { id: 'n' }, typeUrl: typeUrls.cluster })
  await proxy.next(10_000)

  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const call = session.request({
    ':method': 'POST',
    ':path': `${CSDS}/StreamClientStatus`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  call.on('error', () => {})
  call.write(Buffer.alloc(5))
  const [headers] = (await once(call, 'response')) as [Record<string, unknown>]
  assert.equal(headers[':status'], 200)
  const asked = performance.now()
  await once(call, 'close', { signal: AbortSignal.timeout(5000) })
  assert.ok(performance.now() - asked >= 900)
  assert.equal(server.streams().length, 1)
})

test('a client is looked at when it is its turn, once, and not at all if nobody asks for it', async () => {
  const looks: string[] = []
  const stream = (id: string): Shown => {
    const node = {
      id,
      cluster: '',
      metadata: {},
      userAgentName: '',
      userAgentVersion: '',
      via: 'ADS',
    } as const
    const info = { id, protocol: 'delta', peer: '127.0.0.1:1', since: 0, node } as const
    const status = { ...info, lastMessageAt: 0, bytesSent: 0, messagesSent: 0, types: [] }
    return {
      info: () => info,
      status() {
        looks.push(id)
        return status
      },
    }
  }
  const deps = { log: silentLogger, limits: defaultLimits }
  const [method] = csdsMethods(() => ['a', 'b', 'c'].map(stream), deps)
  const request: Request = { nodeMatchers: [exactly('a'), exactly('c')] }
  await new Promise<void>((ended) =>
    method!.take({
      peer: '127.0.0.1:1',
      listen: ({ message }) => message(Buffer.from(encode(ClientStatusRequestSchema, request))),
      send: (_, taken) => taken(),
      end: () => ended(),
      drop() {},
    }),
  )
  assert.deepEqual(looks, ['a', 'c'])
})
