import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { createAdmin } from '#admin/server.ts'
import { fakes } from './fakes.ts'

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
