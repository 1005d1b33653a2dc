/** REST: what is held back of a registry, shown and let go. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAdmin } from '#admin/server.ts'
import { json } from './ask.ts'
import { fakes, snapshot } from './fakes.ts'

describe('what is held back of a registry can be let go', () => {
  const accepted: string[] = []
  const accept = (registry: string): number | undefined => {
    if (registry !== 'consul/dc1') return undefined
    accepted.push(registry)
    return 3
  }
  const post = async (url: string, headers: Record<string, string> = {}, of: object = { accept }) => {
    const admin = createAdmin(fakes({ mesh: { ...fakes().mesh, ...of } }))
    const response = await admin.inject({ method: 'POST', url, headers })
    await admin.close()
    return response
  }
  const path = '/debug/registryz/accept'

  test('by its name', async () => {
    const response = await post(`${path}?registry=consul/dc1`)
    assert.equal(response.statusCode, 200)
    assert.deepEqual(response.json(), { registry: 'consul/dc1', accepted: 3 })
    assert.deepEqual(accepted, ['consul/dc1'])
  })

  const refused: readonly [string, string, Record<string, string>, number, string][] = [
    ['an unknown one', `${path}?registry=ghost`, {}, 404, 'UNKNOWN_REGISTRY'],
    ['without a name', path, {}, 400, 'INVALID_PARAMETER'],
    ['another parameter', `${path}?name=consul/dc1`, {}, 400, 'INVALID_PARAMETER'],
    ['a web page', `${path}?registry=consul/dc1`, { origin: 'http://127.0.0.1:15014' }, 403, 'HOST_REFUSED'],
    ['a rebound name', `${path}?registry=consul/dc1`, { host: 'evil.example' }, 403, 'HOST_REFUSED'],
  ]
  for (const [name, url, headers, status, code] of refused)
    test(`refused: ${name}`, async () => {
      const before = accepted.length
      const response = await post(url, headers)
      assert.deepEqual([response.statusCode, response.json().code], [status, code])
      assert.equal(accepted.length, before)
    })

  test('of the mesh in force, which a reload replaces', async () => {
    let inForce = 1
    const mesh = Object.defineProperty({ ...fakes().mesh, accept }, 'accept', {
      get: () => {
        const now = inForce
        return () => now
      },
    })
    const admin = createAdmin(fakes({ mesh }))
    inForce = 2
    const response = await admin.inject({ method: 'POST', url: `${path}?registry=consul/dc1` })
    await admin.close()
    assert.equal(response.json().accepted, 2)
  })

  test('reading does nothing', async () => {
    const admin = createAdmin(fakes({ mesh: { ...fakes().mesh, accept } }))
    const response = await admin.inject({ url: `${path}?registry=consul/dc1` })
    await admin.close()
    assert.equal(response.statusCode, 404)
    assert.equal((await post(`${path}?registry=consul/dc1`, {}, {})).statusCode, 404)
  })

  test('registryz counts what is stale and held, endpointz asks for each endpoint', async () => {
    const mesh = snapshot()
    const consul = { ...mesh.sources.get('consul/dc1')!, staleServices: 2, protectedServices: 1 }
    const held = (_key: string, _registry: string, endpoint?: { address: string }) =>
      endpoint?.address === '10.0.0.2'
        ? { state: 'protected' as const, since: new Date(0), reason: 'held back' }
        : { state: 'fresh' as const }
    const shown = { ...mesh, sources: new Map([['consul/dc1', consul]]), freshness: held }
    const of = { mesh: { ...fakes().mesh, snapshot: () => shown } }
    const { registries } = await json('/debug/registryz', of)
    assert.deepEqual([registries[0].staleServices, registries[0].protectedServices], [2, 1])
    const states = (await json('/debug/endpointz', of)).map(
      ({ address, state, reason }: Record<string, string>) => [address, state, reason].join(' '),
    )
    assert.deepEqual([...new Set(states)], ['10.0.0.1 fresh ', '10.0.0.2 protected held back'])
  })
})
