/** Connections that have become old: they end in good order, or after a while without it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { Call } from '#xds/server/grpc/call.ts'
import { createConnections } from '#xds/server/grpc/connections.ts'
import { defaultLimits } from '#xds/server/limits.ts'

test('a stream whose client does not read keeps its old connection for 30 s at most', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const answer = { byteLength: 100_000, parts: [Buffer.alloc(100_000)] }
  const method = (call: Call) => {
    call.listen({ message() {}, ended() {}, gone() {} })
    call.send(answer, () => {})
  }
  const limits = { ...defaultLimits, keepaliveMs: 3_600_000, maxConnectionAgeMs: 60_000 }
  const connections = createConnections({ limits, methodOf: () => method, random: () => 0.5 })
  const server = createServer((socket) => connections.add(socket, 'a client')).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } })
  t.after(() => client.destroy())
  client.on('error', () => {})
  const stream = client.request({ ':method': 'POST', ':path': '/x.Y/Z', 'content-type': 'application/grpc' })
  stream.on('error', () => {})
  await once(stream, 'response')
  const told = once(client, 'goaway')
  t.mock.timers.tick(60_000)
  await told
  const { promise: pong, resolve } = Promise.withResolvers<void>()
  t.mock.timers.tick(29_999)
  client.ping(() => resolve())
  await pong
  assert.equal(client.destroyed, false)
  t.mock.timers.tick(1)
  await once(client, 'close')
})
