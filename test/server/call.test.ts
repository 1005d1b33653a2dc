/** One gRPC call: how long its messages may take, and what its status says. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { openCall } from '#xds/server/grpc/call.ts'

const limits = { maxRequestBytes: 1000, slowReaderMs: 300_000, firstRequestMs: 30_000 }

function opened(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const trailers: Record<string, string>[] = []
  const stream = Object.assign(new EventEmitter(), {
    ...{ destroyed: false, closed: false, headersSent: false },
    respond() {
      stream.headersSent = true
    },
    end: () => stream.emit('wantTrailers'),
    sendTrailers: (sent: Record<string, string>) => trailers.push(sent),
    close: () => stream.emit('close'),
  })
  const call = openCall(stream as never, {}, '127.0.0.1:1', limits)
  const heard: string[] = []
  call.listen({ message: (bytes) => heard.push(bytes.toString()), ended() {}, gone() {} })
  const say = (bytes: Buffer) => stream.emit('data', bytes)
  const pass = (ms: number) => t.mock.timers.tick(ms)
  return { call, heard, trailers, say, pass }
}

const message = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)])

test('a message that was begun and does not end has its time', (t) => {
  const { say, pass, trailers } = opened(t)
  say(message('half').subarray(0, 7))
  pass(29_999)
  assert.deepEqual(trailers, [])
  pass(1)
  assert.equal(trailers[0]!['grpc-status'], String(status.DEADLINE_EXCEEDED))
})

test('each message has a time of its own, also where one begins with the end of the other', (t) => {
  const { say, pass, trailers, heard } = opened(t)
  const bytes = message('whole')
  say(bytes.subarray(0, 7))
  for (let i = 0; i < 10; i++) {
    pass(20_000)
    say(Buffer.concat([bytes.subarray(7), bytes.subarray(0, 7)]))
  }
  assert.deepEqual(trailers, [])
  assert.equal(heard.length, 10)
  pass(30_000)
  assert.equal(trailers.length, 1)
})

test('a status says what fits in a header, and never what no header can hold', (t) => {
  const { call, trailers } = opened(t)
  call.end(status.INVALID_ARGUMENT, `\ud800${'%'.repeat(100_000)}`)
  const text = decodeURIComponent(trailers[0]!['grpc-message']!)
  assert.equal(text.length, 2000)
  assert.ok(text.startsWith('\ufffd%'))
})
