/** Limits, bad clients and many clients, over real connections. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { test } from 'node:test'
import { type Client, status } from '@grpc/grpc-js'
import { makeResource } from '#xds/make-resource.ts'
import { DiscoveryRequestSchema } from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { anyBytes, encode, StringValueSchema } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer, type XdsServer, type XdsServerOptions } from '#xds/server/server.ts'
import type { XdsObserver } from '#xds/server/status.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { adsSotw, connect, openDelta, openSotw } from './client.ts'

const CDS = typeUrls.cluster
const EDS = typeUrls.endpoint
const node = { id: 'n1' }
const r = (typeUrl: string, name: string, value: string): Resource =>
  makeResource(typeUrl, name, anyBytes(StringValueSchema, { value: `${name}=${value}` }))

interface Setup {
  readonly server: XdsServer
  readonly port: number
  readonly source: ReturnType<typeof createMemorySource>
  client(): Client
}

/** Runs with a server of its own and leaves nothing behind. */
async function withServer(
  options: Partial<XdsServerOptions>,
  run: (setup: Setup) => Promise<void>,
): Promise<void> {
  const source = createMemorySource()
  const server = createXdsServer({ source, ...options })
  const { port } = await server.listen('127.0.0.1:0')
  const clients: Client[] = []
  try {
    const client = (): Client => {
      const made = connect(port)
      clients.push(made)
      return made
    }
    await run({ server, port, source, client })
  } finally {
    for (const client of clients) client.close()
    await server.close()
  }
}

/** Waits for a condition, by turns of the event loop; fails after five seconds. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 5000
  while (!condition()) {
    if (Date.now() > end) assert.fail(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('a too large request ends its stream, and no other', () =>
  withServer({ limits: { maxRequestBytes: 10_000 } }, async ({ client, source }) => {
    source.update('*', r(CDS, 'a', '1'))
    const connection = client()
    const good = openSotw(connection)
    good.send({ node, typeUrl: CDS })
    await good.next()
    const bad = openSotw(connection)
    bad.send({ node, typeUrl: CDS, resourceNames: ['x'.repeat(20_000)] })
    assert.equal((await bad.ended).code, status.RESOURCE_EXHAUSTED)
    good.send({ typeUrl: EDS, resourceNames: ['a'] })
    await good.next()
  }))

test('too many names end the stream with a clear text', () =>
  withServer({ limits: { maxNames: 10 } }, async ({ client }) => {
    const stream = openDelta(client())
    stream.send({ node, typeUrl: EDS, resourceNamesSubscribe: Array.from({ length: 11 }, (_, i) => `n${i}`) })
    const { code, details } = await stream.ended
    assert.equal(code, status.INVALID_ARGUMENT)
    assert.match(details, /more than 10 names/)
  }))

for (const [what, limits] of [
  ['in all', { maxStreams: 2 }],
  ['of one address', { maxStreamsPerPeer: 2 }],
] as const) {
  test(`too many streams ${what} are refused, and there is room again when one has gone`, () =>
    withServer({ limits }, async ({ client, server }) => {
      const streams = [openSotw(client()), openSotw(client())]
      for (const stream of streams) {
        stream.send({ node, typeUrl: CDS })
        await stream.next()
      }
      const third = openSotw(client())
      const { code, details } = await third.ended
      assert.equal(code, status.RESOURCE_EXHAUSTED)
      assert.match(details, /2 streams at most/)
      streams[0]!.call.cancel()
      await until(() => server.streams().length === 1, 'stream closed')
      const fourth = openSotw(client())
      fourth.send({ node, typeUrl: CDS })
      await fourth.next()
    }))
}

test('a client that never reads: one message is kept for it, others are served, and it is cut off', () => {
  let clock = 0
  return withServer(
    { limits: { slowReaderMs: 200 }, now: () => clock },
    async ({ client, port, server, source }) => {
      const big = (step: number): Resource => r(EDS, 'big', String(step).padStart(1_000_000, 'x'))
      source.update('*', big(0), r(EDS, 'small', '0'))
      const session = connectHttp2(`http://127.0.0.1:${port}`)
      session.on('error', () => {})
      const deaf = session.request({
        ':method': 'POST',
        ':path': adsSotw,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      deaf.on('error', () => {})
      // Nobody listens for data, so the flow control window stays shut.
      deaf.write(
        frame(encode(DiscoveryRequestSchema, { node: { id: 'deaf' }, typeUrl: EDS, resourceNames: ['big'] })),
      )
      const good = openDelta(client())
      good.send({ node, typeUrl: EDS, resourceNamesSubscribe: ['small'] })
      let response = await good.next()
      for (let step = 1; step <= 50; step++) {
        good.send({ typeUrl: EDS, responseNonce: response.nonce })
        source.update('*', big(step), r(EDS, 'small', String(step)))
        response = await good.next()
      }
      assert.equal(server.streams().find(({ node }) => node?.id === 'deaf')?.messagesSent, 1)
      clock += 1000
      await once(session, 'close')
      assert.deepEqual(
        server.streams().map(({ node }) => node?.id),
        ['n1'],
      )
    },
  )
})

/** A message as gRPC frames it: not compressed, four bytes of length. */
function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

test('streams and connections that say nothing are ended', () =>
  withServer({ limits: { firstRequestMs: 200 } }, async ({ client, port }) => {
    const mute = openSotw(client())
    const socket = connectSocket(port, '127.0.0.1')
    const [{ code }] = await Promise.all([mute.ended, once(socket, 'close')])
    assert.equal(code, status.DEADLINE_EXCEEDED)
  }))

test('a connection that answers no pings is ended: half-open ones are not kept', () =>
  withServer({ limits: { keepaliveMs: 50, keepaliveTimeoutMs: 50 } }, async ({ port }) => {
    const socket = connectSocket(port, '127.0.0.1')
    // The preface and empty SETTINGS; whatever comes is swallowed.
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
      ]),
    )
    socket.resume()
    await once(socket, 'close')
  }))

test('garbage on the port is closed, counted and harmless', async () => {
  const garbage: string[] = []
  const observer: XdsObserver = { onGarbage: (peer) => garbage.push(peer) }
  await withServer({ observer }, async ({ client, port }) => {
    const heads = [
      '\x16\x03\x01\x02\x00',
      '\0',
      'hello\n',
      'PRI * HTTP/1.1\r\n\r\n',
      'ABCDEFGHIJ',
      '\x7f'.repeat(100_000),
    ]
    const sockets = Array.from({ length: 60 }, (_, i) => {
      const socket = connectSocket(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(heads[i % heads.length]!, 'latin1')
      return new Promise((resolve) => socket.on('close', resolve))
    })
    await Promise.all(sockets)
    assert.equal(garbage.length, 60)
    // A right preface and then nonsense is HTTP/2's own matter.
    const socket = connectSocket(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'junk '.repeat(100)}`)
    socket.resume()
    await new Promise((resolve) => socket.on('close', resolve))
    const stream = openSotw(client())
    stream.send({ node, typeUrl: CDS })
    await stream.next()
  })
})

test('the first bytes may come one by one', () =>
  withServer({}, async ({ port }) => {
    const body = JSON.stringify({ node })
    const request = `POST /v3/discovery:clusters HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    const socket = connectSocket(port, '127.0.0.1')
    socket.setNoDelay(true)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    for (const char of request.slice(0, 12)) {
      socket.write(char)
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.write(request.slice(12))
    await once(socket, 'close')
    assert.match(answer, /^HTTP\/1\.1 200 /)
  }))

test('1,000 clients at once, and one message for each that a change concerns', async () => {
  let pushes = 0
  const observer: XdsObserver = { onPush: () => void pushes++ }
  await withServer({ observer }, async ({ client, server, source }) => {
    source.update('*', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
    const streams = Array.from({ length: 1000 }, () => openDelta(client()))
    for (const [i, stream] of streams.entries()) {
      stream.send({ node: { id: `n${i}` }, typeUrl: EDS, resourceNamesSubscribe: [i % 2 ? 'a' : 'b'] })
    }
    const first = await Promise.all(streams.map((stream) => stream.next(20_000)))
    assert.ok(first.every(({ resources }) => resources.length === 1))
    assert.equal(server.streams().length, 1000)
    for (const [i, stream] of streams.entries()) stream.send({ typeUrl: EDS, responseNonce: first[i]!.nonce })
    const isSynced = (): boolean => server.streams().every(({ types }) => types[0]!.status === 'SYNCED')
    await until(isSynced, 'all acknowledged')
    pushes = 0
    source.update('*', r(EDS, 'a', '2'))
    await Promise.all(streams.filter((_, i) => i % 2).map((stream) => stream.next(20_000)))
    assert.equal(pushes, 500)
  })
})

test('drain sends all clients away, takes no new ones, and ends', () =>
  withServer({}, async ({ client, port, server }) => {
    const streams = Array.from({ length: 20 }, () => openSotw(client()))
    for (const stream of streams) {
      stream.send({ node, typeUrl: CDS })
      await stream.next()
    }
    await server.drain(100)
    for (const stream of streams) assert.equal((await stream.ended).code, status.UNAVAILABLE)
    assert.equal(server.streams().length, 0)
    const socket = connectSocket(port, '127.0.0.1')
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNREFUSED')
  }))

test('half-closed, cancelled and reset streams leave nothing behind', async () => {
  const events: string[] = []
  const observer: XdsObserver = {
    onConnect: ({ node }) => events.push(`+${node?.id}`),
    onDisconnect: ({ node }) => events.push(`-${node?.id}`),
  }
  await withServer({ observer }, async ({ client, server }) => {
    const half = openSotw(client())
    half.send({ node: { id: 'half' }, typeUrl: CDS })
    await half.next()
    half.call.end()
    assert.equal((await half.ended).code, status.OK)
    const connection = client()
    const reset = openDelta(connection)
    reset.send({ node: { id: 'reset' }, typeUrl: CDS })
    await reset.next()
    reset.call.cancel()
    connection.close()
    await until(() => server.streams().length === 0, 'no streams')
    assert.deepEqual(events, ['+half', '-half', '+reset', '-reset'])
  })
})

test('metrics see pushes, ACKs, NACKs and expired nonces', async () => {
  const events: string[] = []
  const observer: XdsObserver = {
    onPush: (_, __, resources, bytes) => events.push(`push ${resources.length} ${bytes > 0}`),
    onAck: () => events.push('ack'),
    onNack: (_, __, message) => events.push(`nack ${message}`),
    onExpiredNonce: () => events.push('expired'),
  }
  await withServer({ observer }, async ({ client, server, source }) => {
    source.update('*', r(CDS, 'a', '1'))
    const stream = openSotw(client())
    stream.send({ node, typeUrl: CDS })
    const { nonce, versionInfo } = await stream.next()
    stream.send({ typeUrl: CDS, responseNonce: 'other' })
    stream.send({ typeUrl: CDS, responseNonce: nonce, versionInfo })
    await until(() => events.includes('ack'), 'ack')
    source.update('*', r(CDS, 'a', '2'))
    stream.send({
      typeUrl: CDS,
      responseNonce: (await stream.next()).nonce,
      versionInfo,
      errorDetail: { code: 3, message: 'no' },
    })
    await until(() => events.includes('nack no'), 'nack')
    assert.deepEqual(events, ['push 1 true', 'expired', 'ack', 'push 1 true', 'nack no'])
    const [one] = server.streams()
    assert.equal(one?.types[0]?.nack?.lastGoodVersion, versionInfo)
    assert.deepEqual(
      [...server.held(one!.id)].map(({ name }) => name),
      ['a'],
    )
    assert.equal(one?.messagesSent, 2)
  })
})

test('a connection that is old enough ends in good order, and its client comes again', () =>
  withServer({ limits: { maxConnectionAgeMs: 200 } }, async ({ client, source }) => {
    source.update('*', makeResource(CDS, 'a', anyBytes(StringValueSchema, { value: '1' })))
    const one = client()
    for (let i = 0; i < 2; i++) {
      const stream = openDelta(one)
      stream.send({ node, typeUrl: CDS })
      assert.equal((await stream.next()).resources.length, 1)
      assert.equal((await stream.ended).code, status.OK)
    }
  }))
