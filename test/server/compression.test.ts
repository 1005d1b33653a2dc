/** Requests that a client compresses, and ones that say so and are not. */
import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compressionAlgorithms, status } from '@grpc/grpc-js'
import { makeResource } from '#xds/make-resource.ts'
import { DeltaDiscoveryRequestSchema } from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { anyBytes, encode, StringValueSchema } from '#xds/proto/index.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer } from '#xds/server/server.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { adsDelta, connect, openDelta } from './client.ts'

const request = { node: { id: 'n1' }, typeUrl: typeUrls.cluster }

async function serve(t: TestContext): Promise<number> {
  const source = createMemorySource()
  source.update('*', makeResource(typeUrls.cluster, 'a', anyBytes(StringValueSchema, { value: 'a' })))
  const server = createXdsServer({ source, limits: { maxRequestBytes: 1_000_000 } })
  t.after(() => server.close())
  return (await server.listen('127.0.0.1:0')).port
}

for (const algorithm of ['gzip', 'deflate'] as const)
  test(`${algorithm}: read as any other`, async (t) => {
    const client = connect(await serve(t), {
      'grpc.default_compression_algorithm': compressionAlgorithms[algorithm],
    })
    t.after(() => client.close())
    const stream = openDelta(client)
    stream.send(request)
    assert.deepEqual(
      (await stream.next()).resources.map(({ name }) => name),
      ['a'],
    )
  })

/** A stream whose first message is these bytes, marked as compressed; the gRPC status that it ends with. */
async function endOf(t: TestContext, encoding: string, message: Uint8Array): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${await serve(t)}`)
  t.after(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': adsDelta,
    'content-type': 'application/grpc',
    'grpc-encoding': encoding,
    te: 'trailers',
  })
  const frame = Buffer.alloc(5 + message.length)
  frame[0] = 1
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  stream.write(frame)
  stream.resume()
  return new Promise((resolve) => {
    stream.on('trailers', (trailers) => resolve(Number(trailers['grpc-status'])))
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']))
    })
  })
}

test('an encoding that is not known, and bytes that are none, end the stream', async (t) => {
  const bytes = encode(DeltaDiscoveryRequestSchema, request)
  assert.equal(await endOf(t, 'zstd', bytes), status.UNIMPLEMENTED)
  assert.equal(await endOf(t, 'gzip', bytes), status.INTERNAL)
})

test('a small message that would be a large one is not unpacked', async (t) => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  assert.ok(bomb.length < 100_000)
  assert.equal(await endOf(t, 'gzip', bomb), status.INTERNAL)
})
