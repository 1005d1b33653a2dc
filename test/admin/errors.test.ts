/** REST: what is refused, and how. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAdmin } from '#admin/server.ts'
import { get } from './ask.ts'
import { fakes, stream } from './fakes.ts'

describe('what is wrong is answered with code, message and remedy', () => {
  const table: readonly [string, number, string, RegExp][] = [
    ['/nowhere', 404, 'NOT_FOUND', /\/nowhere/],
    ['/debug/%zz', 400, 'INVALID_PARAMETER', /%zz/],
    ['/debug/endpointz?limit=many', 400, 'INVALID_PARAMETER', /limit must be integer/],
    ['/debug/endpointz?limit=0', 400, 'INVALID_PARAMETER', /limit must be >= 1/],
    ['/debug/endpointz?offset=-1', 400, 'INVALID_PARAMETER', /offset/],
    ['/debug/registryz?servce=x', 400, 'INVALID_PARAMETER', /servce/],
    ['/debug/syncz?proxyID=ghost', 404, 'UNKNOWN_PROXY', /ghost/],
    ['/debug/sidecarz?proxyID=ghost', 404, 'UNKNOWN_PROXY', /ghost/],
    ['/debug/config_dump', 400, 'MISSING_PROXY', /proxyID/],
    ['/debug/config_dump?proxyID=ghost', 404, 'UNKNOWN_PROXY', /ghost/],
    ['/debug/config_dump?proxyID=orders-1&types=cds,wrong', 400, 'INVALID_PARAMETER', /wrong/],
  ]
  for (const [url, status, code, message] of table)
    test(url, async () => {
      const response = await get(url)
      const body = response.json() as { code: string; message: string; remedy: string }
      assert.equal(response.statusCode, status)
      assert.equal(body.code, code)
      assert.match(body.message, message)
      assert.ok(body.remedy.length > 10)
    })

  test('a name that two proxies have', async () => {
    const streams = () => [
      stream('a', 'sidecar~10.0.0.1~x.one~one.svc'),
      stream('b', 'sidecar~10.0.0.2~x.two~two.svc'),
    ]
    const response = await get('/debug/syncz?proxyID=x', { proxies: { streams, held: () => [] } })
    assert.equal(response.statusCode, 400)
    assert.equal(response.json().code, 'AMBIGUOUS_PROXY')
    assert.match(response.json().message, /x\.one.*x\.two/)
  })

  test('another method', async () => {
    const admin = createAdmin(fakes())
    const response = await admin.inject({ method: 'DELETE', url: '/debug/registryz' })
    await admin.close()
    assert.equal(response.statusCode, 405)
    assert.equal(response.json().code, 'METHOD_NOT_ALLOWED')
  })

  test('a fault of our own: logged whole, told in general', async () => {
    const logged: object[] = []
    const log = { ...fakes().log, error: (fields: object) => void logged.push(fields) }
    const broken = () => {
      throw new Error('token=hunter2')
    }
    const failed = await get('/debug/push_status', { log, mesh: { ...fakes().mesh, snapshot: broken } })
    assert.equal(failed.statusCode, 500)
    assert.equal(failed.json().code, 'INTERNAL')
    assert.ok(!failed.body.includes('hunter2'))
    assert.equal(logged.length, 1)
  })
})
