/** The DNS server as tests need it: records change while it runs, it fails, it is restarted. */
import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { test } from 'node:test'
import { type DnsServer, startDns } from './index.ts'

/** A new resolver each time: it has a cache of its own. */
function ask(dns: DnsServer): Resolver {
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([dns.server])
  return resolver
}

test('records change; NXDOMAIN, no data, REFUSED, SERVFAIL', async (t) => {
  const dns = await startDns({ zones: ['test', 'mesh.internal'] })
  t.after(() => dns.stop())
  await dns.set([
    { name: 'web.test', type: 'A', ttl: 7, values: ['10.0.0.1', '10.0.0.2'] },
    { name: '_http._tcp.web.mesh.internal', type: 'SRV', values: ['0 10 80 a.test.', '1 20 81 b.test.'] },
  ])
  const addresses = await ask(dns).resolve4('web.test', { ttl: true })
  assert.deepEqual(addresses.map((each) => `${each.address} ${each.ttl}`).sort(), [
    '10.0.0.1 7',
    '10.0.0.2 7',
  ])
  const services = await ask(dns).resolveSrv('_http._tcp.web.mesh.internal')
  assert.deepEqual(services.map((each) => each.port).sort(), [80, 81])
  await dns.update('web.test', 'A', 3, ['10.0.0.3'])
  assert.deepEqual(await ask(dns).resolve4('web.test'), ['10.0.0.3'])
  await assert.rejects(() => ask(dns).resolve6('web.test'), { code: 'ENODATA' })
  await assert.rejects(() => ask(dns).resolve4('other.test'), { code: 'ENOTFOUND' })
  await assert.rejects(() => ask(dns).resolve4('example.org'), { code: 'EREFUSED' })
  await assert.rejects(() => dns.update('example.org', 'A', 1, ['10.0.0.1']), TypeError)
  await dns.fail(true)
  await assert.rejects(() => ask(dns).resolve4('web.test'), { code: 'ESERVFAIL' })
  await dns.fail(false)
  assert.deepEqual(await ask(dns).resolve4('web.test'), ['10.0.0.3'])
  await dns.remove('web.test')
  await dns.remove('web.test')
  await assert.rejects(() => ask(dns).resolve4('web.test'), { code: 'ENOTFOUND' })
})

test('an answer too big for UDP comes by TCP', async (t) => {
  const dns = await startDns()
  t.after(() => dns.stop())
  const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  await dns.update('many.test', 'A', 1, many)
  assert.equal((await ask(dns).resolve4('many.test')).length, 300)
})

test('killed, restarted with its records and without, paused', async (t) => {
  const dns = await startDns()
  t.after(() => dns.stop())
  await dns.update('web.test', 'A', 1, ['10.0.0.1'])
  await dns.kill()
  await assert.rejects(() => ask(dns).resolve4('web.test'), { code: 'ECONNREFUSED' })
  await dns.restart({ keepData: true })
  assert.deepEqual(await ask(dns).resolve4('web.test'), ['10.0.0.1'])
  await dns.restart({ keepData: false })
  await assert.rejects(() => ask(dns).resolve4('web.test'), { code: 'ENOTFOUND' })
  dns.pause()
  await assert.rejects(() => ask(dns).resolve4('web.test'), { code: 'ETIMEOUT' })
  dns.resume()
})
