import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmin } from '#admin/server.ts'
import { endpoint, fakes, service, snapshot } from './fakes.ts'

test('an endpoint is not listed for a port that it does not serve', async () => {
  const mesh = snapshot([
    service('a.test', [endpoint('10.0.0.1', 'file/a', { ports: { http: 0, tcp: 9001 } })]),
  ])
  const admin = createAdmin(fakes({ mesh: { ...fakes().mesh, snapshot: () => mesh } }))
  const listed = (await admin.inject({ url: '/debug/endpointz' })).json<
    { port: number; targetPort: number }[]
  >()
  await admin.close()
  assert.deepEqual(
    listed.map(({ port, targetPort }) => [port, targetPort]),
    [[9000, 9001]],
  )
})
