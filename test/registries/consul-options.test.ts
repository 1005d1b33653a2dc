/** Settings and environment of Consul. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { parseAddress } from '#config/connections/consul.ts'
import { consulKvKind } from '#config/sources/consul-kv-kind.ts'
import { createToken } from '#registries/consul/secrets.ts'
import { consulSettings, readConsul } from './consul-settings.ts'

suite('Consul, settings', () => {
  test('nothing but the flag', () => {
    const settings = consulSettings({ address: 'http://127.0.0.1:8500' })
    assert.deepEqual(
      [settings.name, settings.hostname, settings.namespace, settings.datacenters, settings.connection],
      [
        'consul/127.0.0.1:8500',
        '{service}.service.consul',
        'default',
        [],
        { address: 'http://127.0.0.1:8500', tls: { verify: true } },
      ],
    )
  })
  for (const [text, ssl, expected] of [
    ['127.0.0.1:8500', false, { address: 'http://127.0.0.1:8500' }],
    ['127.0.0.1:8501', true, { address: 'https://127.0.0.1:8501' }],
    ['http://consul:8500/', false, { address: 'http://consul:8500' }],
    ['https://consul/prefix/', false, { address: 'https://consul/prefix' }],
    ['https://me:se%3Acret@consul', false, { address: 'https://consul', auth: 'me:se:cret' }],
    ['unix:///run/consul.sock', false, { address: 'unix:///run/consul.sock' }],
    ['unix://', false, undefined],
    ['ftp://x', false, undefined],
    ['http://', false, undefined],
  ] as const)
    test(`address ${text}${ssl ? ' with CONSUL_HTTP_SSL' : ''}`, () =>
      assert.deepEqual(parseAddress(text, ssl), expected))

  test("Consul's own environment", () => {
    const { connection } = consulSettings(
      {},
      {
        CONSUL_HTTP_ADDR: 'consul.example.com:8501',
        CONSUL_HTTP_SSL: 'true',
        CONSUL_HTTP_SSL_VERIFY: 'false',
        CONSUL_HTTP_TOKEN: 't',
        CONSUL_HTTP_TOKEN_FILE: '/t',
        CONSUL_HTTP_AUTH: 'u:p',
        CONSUL_CACERT: '/ca.pem',
        CONSUL_CAPATH: '/cas',
        CONSUL_CLIENT_CERT: '/c.pem',
        CONSUL_CLIENT_KEY: '/k.pem',
        CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
        CONSUL_NAMESPACE: 'ns',
        CONSUL_PARTITION: 'p',
      },
    )
    assert.deepEqual(connection, {
      address: 'https://consul.example.com:8501',
      token: 't',
      tokenFile: '/t',
      auth: 'u:p',
      tls: {
        caFile: '/ca.pem',
        caPath: '/cas',
        certFile: '/c.pem',
        keyFile: '/k.pem',
        serverName: 'server.dc1.consul',
        verify: false,
      },
      namespace: 'ns',
      partition: 'p',
    })
  })
  test('the settings are nearer than the environment; paths are meant from their file', () => {
    const { connection } = consulSettings(
      { address: 'http://a:1', tokenFile: 'token', caFile: 'ca.pem' },
      { CONSUL_HTTP_ADDR: 'b:2', CONSUL_HTTP_TOKEN: 'env', CONSUL_CACERT: '/env.pem' },
    )
    assert.equal(connection.address, 'http://a:1')
    assert.equal(connection.token, undefined)
    assert.equal(connection.tokenFile, '/etc/pilothouse/token')
    assert.equal(connection.tls.caFile, '/etc/pilothouse/ca.pem')
  })
  for (const [what, fields, words] of [
    ['an address', { address: 'ftp://x' }, /address/],
    ['a hostname of nothing', { hostname: 'x.example.com' }, /same hostname/],
    ['a hostname of something else', { hostname: '{name}.consul' }, /\{name\}/],
    ['a protocol', { protocol: 'smoke' }, /smoke/],
    ['a port', { port: 70_000 }, /70000/],
    ['tags', { tags: ['a'] }, /tags/],
    ['a certificate without its key', { certFile: 'c.pem' }, /key/],
  ] as const)
    test(`wrong ${what} is told with its place`, () => {
      const { issues } = readConsul(fields)
      assert.equal(issues.length, 1)
      assert.match(issues[0]!.message, words)
      assert.ok(issues[0]!.remedy)
    })
  test('KV: prefix without slashes, name by it', () => {
    const reader = { issues: [], at: () => '' }
    const context = { reader, path: ['config', 0], env: {}, fromFile: (path: string) => path }
    const entry = consulKvKind.read({ prefix: '/mesh/config/' }, undefined, context)
    assert.deepEqual([entry?.name, entry?.prefix], ['consul-kv/mesh/config', 'mesh/config'])
    assert.equal(consulKvKind.read({}, undefined, context)?.prefix, 'pilothouse/config')
  })
})

suite('Consul, tokens', () => {
  test('of a file: the newest; an empty one is being written; a missing one is said without content', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'pilothouse-consul-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const tokenFile = join(directory, 'token')
    const token = createToken({ tokenFile })
    assert.throws(() => token.headers(), /no token in/)
    writeFileSync(tokenFile, 'first\n')
    assert.equal(token.renew({}), true)
    const sent = token.headers()
    assert.deepEqual(sent, { 'x-consul-token': 'first' })
    assert.equal(token.renew(sent), false)
    writeFileSync(tokenFile, '')
    assert.equal(token.renew(sent), false)
    writeFileSync(tokenFile, 'the second')
    assert.equal(token.renew(sent), true)
    assert.deepEqual(token.headers(), { 'x-consul-token': 'the second' })
    assert.equal(token.renew(sent), true, 'another request with the first one')
  })
})
