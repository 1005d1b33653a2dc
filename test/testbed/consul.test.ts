/** Consul as tests need it: restarts with and without data, ACLs, TLS, two datacenters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/cleanup.ts'
import { type ConsulServer, call, StatusError, startConsul } from './index.ts'

const names = async (consul: ConsulServer) =>
  Object.keys(await consul.api('GET', '/v1/catalog/services')).sort()

test('killed and restarted, with its data and without', async (t) => {
  const consul = await startConsul()
  t.after(() => consul.stop())
  await consul.api('PUT', '/v1/agent/service/register', { Name: 'web', Port: 80 })
  assert.deepEqual(await names(consul), ['consul', 'web'])
  const { pid } = consul
  await consul.kill()
  await assert.rejects(() => call('GET', consul.url), { code: 'ECONNREFUSED' })
  await consul.restart({ keepData: true })
  assert.notEqual(consul.pid, pid)
  assert.deepEqual(await names(consul), ['consul', 'web'])
  await consul.restart({ keepData: false })
  assert.deepEqual(await names(consul), ['consul'])
  assert.match(consul.logs(), /cluster leadership acquired/)
})

test('paused it says nothing, resumed it goes on', async (t) => {
  const consul = await startConsul()
  t.after(() => consul.stop())
  consul.pause()
  await assert.rejects(
    () => call('GET', `${consul.url}/v1/status/leader`, { timeout: 300 }),
    /no answer within/,
  )
  consul.resume()
  await until('it answers', async () => (await call('GET', `${consul.url}/v1/status/leader`)).status === 200)
})

test('ACLs: nothing without a token, all with the management token, as before after a restart', async (t) => {
  const consul = await startConsul({ acl: true, unixSocket: true })
  t.after(() => consul.stop())
  const anonymous = () => call('GET', `${consul.url}/v1/agent/self`, { socketPath: consul.socketPath })
  assert.equal((await anonymous()).status, 403)
  const rules = {
    Name: 'read-web',
    Rules: 'service "web" { policy = "read" }\nnode_prefix "" { policy = "read" }',
  }
  await consul.api('PUT', '/v1/acl/policy', rules)
  const { SecretID } = await consul.api('PUT', '/v1/acl/token', { Policies: [{ Name: 'read-web' }] })
  await consul.api('PUT', '/v1/agent/service/register', { Name: 'web', Port: 80 })
  await consul.api('PUT', '/v1/agent/service/register', { Name: 'db', Port: 81 })
  const seen = await consul.api('GET', '/v1/catalog/services', undefined, { 'x-consul-token': SecretID })
  assert.deepEqual(Object.keys(seen), ['web'])
  await consul.restart({ keepData: false })
  assert.equal((await consul.api('GET', '/v1/acl/token/self')).SecretID, consul.token)
})

test('mutual TLS: only with a certificate of its authority', async (t) => {
  const consul = await startConsul({ tls: 'mutual' })
  t.after(() => consul.stop())
  assert.match(consul.url, /^https:/)
  assert.ok(await consul.api('GET', '/v1/status/leader'))
  await assert.rejects(() => call('GET', `${consul.url}/v1/status/leader`))
})

test('a second datacenter by WAN, a client agent by LAN', async (t) => {
  const one = await startConsul()
  t.after(() => one.stop())
  const [two, client] = await Promise.all([
    startConsul({ datacenter: 'dc2', join: one }),
    startConsul({ server: false, join: one }),
  ])
  t.after(() => Promise.all([two.stop(), client.stop()]))
  await two.api('PUT', '/v1/agent/service/register', { Name: 'far', Port: 80 })
  await client.api('PUT', '/v1/agent/service/register', { Name: 'near', Port: 80 })
  await until('both are seen', async () => {
    const far = await one.api('GET', '/v1/catalog/service/far?dc=dc2').catch((error: unknown) => {
      if (error instanceof StatusError) return []
      throw error
    })
    return far.length === 1 && (await names(one)).includes('near')
  })
})
