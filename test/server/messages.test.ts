/** Messages of gRPC streams from the chunks that they come in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#support/logger.ts'
import { HealthCheckRequestSchema } from '#xds/proto/gen/grpc/health/v1/health_pb.js'
import { encode } from '#xds/proto/index.ts'
import type { Call, CallListener } from '#xds/server/grpc/call.ts'
import { HEAD, messageReader, writeHead } from '#xds/server/grpc/messages.ts'
import { answering } from '#xds/server/services/methods.ts'

const framed = (text: string): Buffer => {
  const head = Buffer.alloc(HEAD)
  writeHead(head, Buffer.byteLength(text))
  return Buffer.concat([head, Buffer.from(text)])
}
const long = (letter: string, length: number): string => letter.repeat(length)

/** What a stream hears of chunks, as text at the time at which it hears it. */
function stream() {
  const { read } = messageReader(1_000_000, undefined)
  return (chunk: Buffer): string[] => read(chunk).map((message) => message.toString())
}

test('a message comes in as many chunks as it likes, and a chunk with as many messages', () => {
  const read = stream()
  const bytes = Buffer.concat([framed('one'), framed(''), framed(long('a', 40_000)), framed('two')])
  assert.deepEqual(read(bytes), ['one', '', long('a', 40_000), 'two'])
  const byByte = [...bytes].flatMap((byte) => read(Buffer.of(byte)))
  assert.deepEqual(byByte, ['one', '', long('a', 40_000), 'two'])
})

test('streams whose chunks come in turns take nothing of each other', () => {
  const [a, b] = [stream(), stream()]
  const first = Buffer.concat([framed(long('a', 30_000)), framed(long('c', 20_000))])
  const second = Buffer.concat([framed(long('b', 30_000)), framed(long('d', 20_000))])
  assert.deepEqual(a(first.subarray(0, 20_000)), [])
  assert.deepEqual(b(second.subarray(0, 20_000)), [])
  // Ends one message and begins the next: what is begun stays while the other stream joins its own.
  assert.deepEqual(a(first.subarray(20_000, 40_000)), [long('a', 30_000)])
  assert.deepEqual(b(second.subarray(20_000, 40_000)), [long('b', 30_000)])
  assert.deepEqual(a(first.subarray(40_000)), [long('c', 20_000)])
  assert.deepEqual(b(second.subarray(40_000)), [long('d', 20_000)])
})

test('a message larger than what is joined in place comes whole', () => {
  const read = stream()
  const bytes = framed(long('x', 700_000))
  assert.deepEqual(read(bytes.subarray(0, 400_000)), [])
  assert.deepEqual(read(bytes.subarray(400_000)), [long('x', 700_000)])
})

test('a request that waits for its answer is the same when its turn comes', async () => {
  const asked: string[] = []
  const answers: (() => void)[] = []
  let listener: CallListener | undefined
  const call: Call = {
    peer: '127.0.0.1:1',
    listen: (it) => {
      listener = it
    },
    send: (_message, taken) => taken(),
    end: () => {},
    drop: () => {},
  }
  const limits = { firstRequestMs: 60_000, slowReaderMs: 60_000 }
  const take = answering(HealthCheckRequestSchema, 'stream', { limits, log: silentLogger }, ({ service }) => {
    asked.push(service)
    return new Promise((resolve) => answers.push(() => resolve([])))
  })
  take(call)
  for (const service of ['first', 'second']) {
    const bytes = Buffer.from(encode(HealthCheckRequestSchema, { service }))
    listener?.message(bytes)
    bytes.fill(0)
  }
  answers.shift()?.()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(asked, ['first', 'second'])
  listener?.gone()
})
