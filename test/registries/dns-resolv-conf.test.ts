import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseResolvConf, resolvConfReader } from '#registries/dns/resolv-conf.ts'
import { temporary } from '../config/watched.ts'

const addresses = (text: string) =>
  parseResolvConf(text).servers.map(({ address, port }) => `${address} ${port}`)

test('resolv.conf: servers and options, as the C library reads them', () => {
  const text = `# made by hand
search example.com
nameserver 10.0.0.1 # first
nameserver fe80::1
nameserver not-an-address
nameserver 10.0.0.3
nameserver 10.0.0.4
options timeout:1 attempts:4 ndots:5
options rotate
`
  assert.deepEqual(addresses(text), ['10.0.0.1 53', 'fe80::1 53', '10.0.0.3 53'])
  const { timeout, attempts } = parseResolvConf(text)
  assert.deepEqual([timeout, attempts], [1_000, 4])
})

test('resolv.conf: without servers, the one of this machine; limits of the options', () => {
  assert.deepEqual(addresses(''), ['127.0.0.1 53'])
  const { timeout, attempts } = parseResolvConf('options timeout:999 attempts:0')
  assert.deepEqual([timeout, attempts], [30_000, 1])
})

test('resolv.conf: what changes is read, and a missing file changes nothing', (t) => {
  const path = join(temporary(t), 'resolv.conf')
  let now = 0
  const read = resolvConfReader(() => now, path)
  assert.equal(read().servers[0]!.address, '127.0.0.1')
  writeFileSync(path, 'nameserver 10.0.0.1\n')
  assert.equal(read().servers[0]!.address, '127.0.0.1', 'not looked at again within a second')
  now += 1_000
  assert.equal(read().servers[0]!.address, '10.0.0.1')
  rmSync(path)
  now += 1_000
  assert.equal(read().servers[0]!.address, '10.0.0.1')
  writeFileSync(path, 'nameserver 10.0.0.22\n')
  now += 1_000
  assert.equal(read().servers[0]!.address, '10.0.0.22')
})
