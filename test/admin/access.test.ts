/** REST: who may ask, and xDS by REST on the same port. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Admin, createAdmin } from '#admin/server.ts'
import { get } from './ask.ts'
import { fakes } from './fakes.ts'

describe('a server on loopback answers only to this machine', () => {
  const table: readonly [string, number][] = [
    ['127.0.0.1:15014', 200],
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['[::1]:15014', 200],
    ['127.1.2.3', 200],
    ['pilot.localhost:80', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example:15014', 403],
    ['10.0.0.1', 403],
    ['localhost:1:2', 403],
  ]
  for (const [host, status] of table)
    test(`Host: ${host}`, async () => assert.equal((await get('/livez', {}, { host })).statusCode, status))
})

describe('REST xDS', () => {
  const asked: unknown[] = []
  const restDiscovery = async (path: string, body: unknown) => {
    asked.push([path, body])
    return { status: 200, body: '{"version_info":"1"}' }
  }
  const post = async (headers: Record<string, string>, payload?: string) => {
    const admin: Admin = createAdmin(fakes({ restDiscovery }))
    const response = await admin.inject({ method: 'POST', url: '/v3/discovery:clusters', headers, payload })
    await admin.close()
    return response
  }

  test('is passed on as it is, whatever the Host (Envoy sends the name of its cluster)', async () => {
    const body = '{"node":{"id":"a"}}'
    const response = await post({ host: 'xds_cluster', 'content-type': 'application/json' }, body)
    assert.equal(response.statusCode, 200)
    assert.deepEqual(response.json(), { version_info: '1' })
    assert.deepEqual(asked.at(-1), ['/v3/discovery:clusters', JSON.parse(body)])
  })

  test('is not for web pages', async () => {
    const headers = { origin: 'http://evil.example', 'content-type': 'application/json' }
    assert.equal((await post(headers, '{}')).statusCode, 403)
  })

  test('refuses what is no JSON, or too large', async () => {
    assert.equal((await post({ 'content-type': 'text/plain' }, 'x')).json().code, 'BODY_REFUSED')
    const large = await post({ 'content-type': 'application/json' }, `"${'x'.repeat(5_000_000)}"`)
    assert.equal(large.statusCode, 413)
    assert.equal(large.json().code, 'BODY_TOO_LARGE')
  })

  test('is not there without a handler', async () => {
    const admin = createAdmin(fakes())
    const response = await admin.inject({ method: 'POST', url: '/v3/discovery:clusters', payload: {} })
    await admin.close()
    assert.equal(response.statusCode, 404)
  })
})
