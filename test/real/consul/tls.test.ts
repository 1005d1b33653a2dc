/** A real Consul that speaks TLS only, wants a certificate, and a token. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type ConsulServer, startConsul } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { watch } from './watch.ts'

let consul: ConsulServer
before(async () => {
  consul = await startConsul({ tls: 'mutual', acl: true })
  await catalog(consul.api).register({ id: 'orders-1', service: 'orders', address: '10.0.0.1' })
})
after(() => consul?.stop())

const place = () => ({ address: consul.url, token: consul.token! })

suite('Consul, mutual TLS', () => {
  test('with the authority and a certificate', async (t) => {
    const { ca, cert, key } = consul.certificates!
    const w = watch(t, { ...place(), caFile: ca, certFile: cert, keyFile: key })
    await w.until('synced', () => w.addresses('orders') === '10.0.0.1')
  })
  test("by nothing but Consul's own variables", async (t) => {
    const { ca, cert, key } = consul.certificates!
    const env = {
      CONSUL_HTTP_ADDR: `127.0.0.1:${consul.port}`,
      CONSUL_HTTP_SSL: 'true',
      CONSUL_HTTP_TOKEN: consul.token!,
      CONSUL_CACERT: ca,
      CONSUL_CLIENT_CERT: cert,
      CONSUL_CLIENT_KEY: key,
    }
    const w = watch(t, {}, {}, env)
    await w.until('synced', () => w.addresses('orders') === '10.0.0.1')
    const { CONSUL_HTTP_TOKEN: _, ...others } = env
    const refused = watch(t, {}, {}, others)
    await refused.until('refused', () => refused.trouble()?.error.code === 'PH3002')
    assert.equal(refused.services.size, 0)
  })
  test('without them: one trouble, PH3007, and nothing is served', async (t) => {
    const w = watch(t, place())
    await w.until('trouble', () => w.trouble())
    assert.equal(w.trouble()?.error.code, 'PH3007')
    const { ca } = consul.certificates!
    const other = watch(t, { ...place(), caFile: ca })
    await other.until('trouble', () => other.trouble())
    assert.equal(other.trouble()?.error.code, 'PH3007')
    assert.equal(w.updates.length + other.updates.length, 2)
    assert.equal(w.services.size + other.services.size, 0)
  })
  test('unverified, by setting', async (t) => {
    const { cert, key } = consul.certificates!
    const w = watch(t, { ...place(), verify: false, certFile: cert, keyFile: key })
    await w.until('synced', () => w.addresses('orders') === '10.0.0.1')
  })
  test('a file that is not there is said', async (t) => {
    const w = watch(t, { address: consul.url, caFile: '/nowhere/ca.pem' })
    await w.until('trouble', () => w.trouble())
    assert.match(w.trouble()!.error.message, /\/nowhere\/ca\.pem/)
  })
})
