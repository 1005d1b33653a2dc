/** A real Consul that speaks TLS only and wants a certificate. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type ConsulServer, startConsul } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { watch } from './watch.ts'

let consul: ConsulServer
before(async () => {
  consul = await startConsul({ tls: 'mutual' })
  await catalog(consul.api).register({ id: 'orders-1', service: 'orders', address: '10.0.0.1' })
})
after(() => consul?.stop())

suite('Consul, mutual TLS', () => {
  test('with the authority and a certificate', async (t) => {
    const { ca, cert, key } = consul.certificates!
    const w = watch(t, { address: consul.url, caFile: ca, certFile: cert, keyFile: key })
    await w.until('synced', () => w.addresses('orders') === '10.0.0.1')
  })
  test('without them: one trouble, PH3007, and nothing is served', async (t) => {
    const w = watch(t, { address: consul.url })
    await w.until('trouble', () => w.trouble())
    assert.equal(w.trouble()?.error.code, 'PH3007')
    const { ca } = consul.certificates!
    const other = watch(t, { address: consul.url, caFile: ca })
    await other.until('trouble', () => other.trouble())
    assert.equal(other.trouble()?.error.code, 'PH3007')
    assert.equal(w.updates.length + other.updates.length, 2)
    assert.equal(w.services.size + other.services.size, 0)
  })
  test('unverified, by setting', async (t) => {
    const { cert, key } = consul.certificates!
    const w = watch(t, { address: consul.url, verify: false, certFile: cert, keyFile: key })
    await w.until('synced', () => w.addresses('orders') === '10.0.0.1')
  })
  test('a file that is not there is said', async (t) => {
    const w = watch(t, { address: consul.url, caFile: '/nowhere/ca.pem' })
    await w.until('trouble', () => w.trouble())
    assert.match(w.trouble()!.error.message, /\/nowhere\/ca\.pem/)
  })
})
