/** What a client must not be able to do: end the process, escape the limits, or stay for ever. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { makeResource } from '#xds/make-resource.ts'
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { anyBytes, encode, StringValueSchema } from '#xds/proto/index.ts'
import type { XdsLimits } from '#xds/server/limits.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer } from '#xds/server/server.ts'
import { xdsMethods } from '#xds/server/services.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { adsSotw, connect, openSotw, openStream, unary } from './client.ts'
import { call, closed, END_STREAM, frame, opening, openSocket, read, reset } from './frames.ts'

const CDS = typeUrls.cluster
const node = { id: 'n1' }
const health = '/grpc.health.v1.Health/Check'
const fetchClusters = xdsMethods.find(({ path }) => path.endsWith('/FetchClusters'))!.path
const schemas = [DiscoveryRequestSchema, DiscoveryResponseSchema] as const

async function serving(t: TestContext, limits: Partial<XdsLimits> = {}, bytes = 1) {
  const source = createMemorySource()
  source.update('*', makeResource(CDS, 'a', anyBytes(StringValueSchema, { value: 'x'.repeat(bytes) })))
  const server = createXdsServer({ source, limits })
  t.after(() => server.close())
  const { port } = await server.listen('127.0.0.1:0')
  /** Others are served all the same. */
  const serves = async () => {
    const client = connect(port)
    const stream = openSotw(client)
    stream.send({ node, typeUrl: CDS })
    try {
      await stream.next()
    } finally {
      stream.call.cancel()
      client.close()
    }
  }
  return { server, port, serves }
}

test('a call that is reset by the bytes that came with it', async (t) => {
  const { server, port, serves } = await serving(t, { maxStreams: 1 })
  const calls = [adsSotw, health, fetchClusters, '/x.Y/Z'].map((path) => (id: number) => call(id, path))
  for (const one of [...calls, (id: number) => call(id, adsSotw, { 'content-type': 'text/plain' })]) {
    const whole = await openSocket(port)
    whole.write(Buffer.concat([opening, one(1), reset(1)]))
    const used = await openSocket(port)
    used.write(opening)
    await read(used)
    used.write(Buffer.concat([...[1, 3, 5].map(one), ...[1, 3, 5].map(reset)]))
    await Promise.all([read(whole), read(used)])
    await Promise.all([whole, used].map(closed))
  }
  // And none of them is still counted.
  while (server.streams().length > 0) await delay(5)
  await serves()
})

test('headers that HTTP/2 does not allow', async (t) => {
  const { port, serves } = await serving(t)
  for (const path of [fetchClusters, '/x.Y/Z', adsSotw]) {
    const socket = await openSocket(port)
    socket.write(Buffer.concat([opening, call(1, path, { 'http2-settings': 'x' }), frame(0, END_STREAM, 1)]))
    await read(socket)
    socket.destroy()
  }
  await serves()
})

test('frames in any order', async (t) => {
  const { server, port, serves } = await serving(t)
  const paths = [...xdsMethods.map(({ path }) => path), health, '/x.Y/Z', '']
  let seed = 1
  const any = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
    return (seed >> 8) % below
  }
  const anyFrame = (id: number): Buffer => {
    const noise = Buffer.from(Array.from({ length: any(40) }, () => any(256)))
    const kinds = [
      () => call(id, paths[any(paths.length)]!),
      () => call(id),
      () => reset(id),
      () => frame(0, any(2), id, noise),
      () => frame(0, any(2), id, Buffer.concat([Buffer.from([0, 0, 0, 0, noise.length]), noise])),
      () => frame(8, 0, any(2) * id, Buffer.from([0, 0, any(2), any(256)])),
      () => frame(4, any(2), 0, Buffer.from([0, 4, 0, 0, 0, any(2)])),
      () => frame(any(14), any(256), any(4) * 2 + 1, noise),
    ]
    return kinds[any(kinds.length)]!()
  }
  const one = async () => {
    const socket = await openSocket(port)
    let id = 1
    const frames = Array.from({ length: any(12) }, () => {
      id += 2 * any(2)
      return anyFrame(id)
    })
    const chunks = any(2) ? [Buffer.concat([opening, ...frames])] : [opening, ...frames]
    for (const chunk of chunks) socket.write(chunk)
    await delay(any(10))
    if (any(2)) socket.resetAndDestroy()
    else socket.destroy()
  }
  for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 20 }, one))
  await serves()
  while (server.streams().length > 0) await delay(5)
})

test('a method that is not there, and a request that is no gRPC', async (t) => {
  const { port } = await serving(t)
  const client = connect(port)
  t.after(() => client.close())
  await assert.rejects(unary(client, '/x.Y/Z', schemas, {}), { code: status.UNIMPLEMENTED })
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const [headers] = await once(session.request({ ':method': 'POST', ':path': adsSotw }), 'response')
  assert.equal(headers[':status'], 415)
})

test('a Fetch that says nothing counts, is ended, and does not keep an old connection', async (t) => {
  const { port } = await serving(t, { maxStreams: 2, firstRequestMs: 300, maxConnectionAgeMs: 100 })
  const client = connect(port)
  t.after(() => client.close())
  const silent = Array.from({ length: 3 }, () => openStream(client, fetchClusters, schemas))
  const codes = (await Promise.all(silent.map(({ ended }) => ended))).map(({ code }) => code)
  assert.equal(codes.filter((code) => code === status.RESOURCE_EXHAUSTED).length, 1)
  assert.ok(codes.every((code) => code !== status.CANCELLED))
})

test('a stream that has ended counts until its client has read it, and is dropped if it does not', async (t) => {
  const { server, port, serves } = await serving(t, { maxStreams: 1, slowReaderMs: 300 }, 100_000)
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } })
  session.on('error', () => {})
  t.after(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': adsSotw, 'content-type': 'application/grpc' })
  stream.on('error', () => {})
  const request = encode(DiscoveryRequestSchema, { node, typeUrl: CDS })
  const head = Buffer.alloc(5)
  head.writeUInt32BE(request.length, 1)
  stream.end(Buffer.concat([head, request]))
  await once(stream, 'response')
  while (server.streams().length > 0) await delay(5)
  await assert.rejects(serves(), /1 streams at most/)
  await once(stream, 'close')
  await serves()
})

test('half a message has its time', async (t) => {
  const { port } = await serving(t, { firstRequestMs: 200 })
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': adsSotw, 'content-type': 'application/grpc' })
  stream.resume()
  const request = encode(DiscoveryRequestSchema, { node, typeUrl: CDS })
  const head = Buffer.alloc(5)
  head.writeUInt32BE(request.length, 1)
  stream.write(Buffer.concat([head, request, Buffer.from([0, 0, 0, 4, 0, 1, 2, 3])]))
  const [trailers] = await once(stream, 'trailers')
  assert.equal(trailers['grpc-status'], String(status.DEADLINE_EXCEEDED))
})

test('connections without a stream, and headers that trickle in, are ended', async (t) => {
  const { port } = await serving(t, { firstRequestMs: 200 })
  const idle = await openSocket(port)
  idle.write(opening)
  const slow = await openSocket(port)
  slow.write('POST /v3/discovery:clusters HTTP/1.1\r\n')
  const drops = setInterval(() => slow.write('x'), 50)
  t.after(() => clearInterval(drops))
  await Promise.all([once(idle, 'close'), once(slow, 'close')])
})
