/** Connections that are half open end; slow ones don't. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { keepAlive, unsent } from '#xds/server/grpc/keepalive.ts'

function connection(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const socket = { bytesRead: 0, _handle: { writeQueueSize: 0 } }
  const pongs: (() => void)[] = []
  const session = {
    destroyed: false,
    destroy() {
      session.destroyed = true
    },
    ping: (answered: () => void) => pongs.push(answered) > 0,
  }
  const stop = keepAlive(session as never, socket, { keepaliveMs: 30_000, keepaliveTimeoutMs: 10_000 })
  t.after(stop)
  // In steps: what a timer sets during a tick begins at the end of that tick.
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 1000) t.mock.timers.tick(Math.min(left, 1000))
  }
  return { socket, session, pongs, pass }
}

test('what answers stays; what keeps silent after a ping is ended', (t) => {
  const { session, pongs, pass } = connection(t)
  pass(30_000)
  pongs.pop()!()
  pass(10_000)
  assert.equal(session.destroyed, false)
  pass(20_000 + 9_999)
  assert.equal(session.destroyed, false)
  pass(1)
  assert.equal(session.destroyed, true)
})

test('a link so slow that the answer waits behind what it carries is alive as long as anything is read', (t) => {
  const { socket, session, pongs, pass } = connection(t)
  pass(30_000)
  for (let i = 0; i < 20; i++) {
    pass(9_000)
    socket.bytesRead += 13
  }
  assert.equal(session.destroyed, false)
  assert.equal(pongs.length, 1, 'no second ping before the first is answered')
  pass(20_000)
  assert.equal(session.destroyed, true)
})

test('a client that reads a large message without a word is alive as long as any of it is taken', (t) => {
  const { socket, session, pass } = connection(t)
  socket._handle.writeQueueSize = 12_000_000
  pass(30_000)
  for (let i = 0; i < 10; i++) {
    pass(9_000)
    socket._handle.writeQueueSize -= 1_000_000
  }
  assert.equal(session.destroyed, false)
  pass(20_000)
  assert.equal(session.destroyed, true)
})

test('what a socket has yet to pass on is known: Node has no public name for it', async (t) => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const accepted = once(server, 'connection')
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const [other] = (await accepted) as [Socket]
  t.after(() => other.destroy())
  assert.equal(unsent(socket), 0)
  const written = new Promise((resolve) => socket.write(Buffer.alloc(32 * 1024 * 1024), resolve))
  assert.ok(unsent(socket) > 0)
  other.resume()
  await written
  assert.equal(unsent(socket), 0)
})
