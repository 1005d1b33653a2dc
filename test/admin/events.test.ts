import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { createAdmin } from '#admin/server.ts'
import { fakes, service, snapshot } from './fakes.ts'

test('/debug/events tells what happens until the server closes', async () => {
  const deps = fakes()
  const admin = createAdmin(deps)
  const { address, port } = await admin.listen('127.0.0.1:0')
  const call = request({ host: address, port, path: '/debug/events' }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  assert.equal(response.headers['content-type'], 'text/event-stream')
  response.setEncoding('utf8')
  let text = ''
  response.on('data', (piece) => {
    text += piece
    // The subscription stands once the greeting is here.
    if (text === ': connected\n\n') deps.events.emit('nack', { proxy: 'orders-1.default', type: 'lds' })
    else void admin.close()
  })
  await once(response, 'end')
  assert.equal(
    text,
    ': connected\n\nevent: nack\ndata: {"at":"2026-11-22T10:00:00.000Z","proxy":"orders-1.default","type":"lds"}\n\n',
  )
})

test('a client that never reads does not keep the server from closing', async () => {
  const services = Array.from({ length: 20_000 }, (_, index) => service(`s${index}.default`, []))
  const admin = createAdmin(fakes({ mesh: { ...fakes().mesh, snapshot: () => snapshot(services) } }))
  const { address, port } = await admin.listen('127.0.0.1:0')
  const socket = connect({ host: address, port })
  socket.write('GET /debug/registryz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'readable')
  socket.on('error', () => {})
  await admin.close(10)
  socket.destroy()
})
