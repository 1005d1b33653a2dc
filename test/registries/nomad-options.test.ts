import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { nomadKind } from '#registries/nomad/options.ts'
import { readNomad } from './nomad-settings.ts'

const read = (fields: Record<string, unknown>, env: Record<string, string> = {}) => {
  const { settings, issues } = readNomad(fields, env)
  assert.deepEqual(issues, [])
  return settings!
}
const wrong = (fields: Record<string, unknown>) => readNomad(fields).issues.map(({ message }) => message)

suite('Nomad: settings', () => {
  test('defaults', () => {
    assert.deepEqual(read({}), {
      kind: 'nomad',
      name: 'nomad/127.0.0.1:4646',
      connection: { address: 'http://127.0.0.1:4646', tls: { skipVerify: false } },
      namespaces: ['*'],
      hostname: '{service}.{namespace}.nomad',
      checks: true,
      checkInterval: 5000,
      locality: { region: 'region', zone: 'datacenter' },
    })
  })

  test('the flag stands for the address', () => {
    assert.deepEqual(nomadKind.flag!('http://h:4646'), { address: 'http://h:4646' })
  })

  test("Nomad's variables, each of which a setting replaces", () => {
    const env = {
      NOMAD_ADDR: 'https://nomad.example:4646',
      NOMAD_TOKEN: 'secret',
      NOMAD_REGION: 'eu',
      NOMAD_NAMESPACE: 'shop',
      NOMAD_CACERT: '/ca.pem',
      NOMAD_CAPATH: '/ca',
      NOMAD_CLIENT_CERT: '/cert.pem',
      NOMAD_CLIENT_KEY: '/key.pem',
      NOMAD_TLS_SERVER_NAME: 'server.eu.nomad',
      NOMAD_SKIP_VERIFY: 'true',
      NOMAD_HTTP_AUTH: 'user:pass',
    }
    const { connection, namespaces, name } = read({}, env)
    assert.deepEqual(connection, {
      address: 'https://nomad.example:4646',
      region: 'eu',
      token: 'secret',
      httpAuth: 'user:pass',
      tls: {
        ca: '/ca.pem',
        caPath: '/ca',
        cert: '/cert.pem',
        key: '/key.pem',
        serverName: 'server.eu.nomad',
        skipVerify: true,
      },
    })
    assert.deepEqual(namespaces, ['shop'])
    assert.equal(name, 'nomad/nomad.example:4646')
    const said = read(
      {
        address: 'http://other:4646',
        region: 'us',
        tokenFile: 'token',
        httpAuth: 'a:b',
        namespaces: ['x', 'x'],
        tls: { ca: 'ca.pem', skipVerify: false },
      },
      env,
    )
    assert.equal(said.connection.address, 'http://other:4646')
    assert.equal(said.connection.region, 'us')
    assert.equal(
      said.connection.token,
      undefined,
      'a token of the environment is not sent beside one that was given',
    )
    assert.equal(said.connection.tokenFile, '/etc/pilothouse/token')
    assert.equal(said.connection.tls.ca, '/etc/pilothouse/ca.pem')
    assert.equal(said.connection.tls.skipVerify, false)
    assert.deepEqual(said.namespaces, ['x'])
  })

  test('inside a Nomad task: the task API and the identity that is renewed in its file', () => {
    const { connection, name } = read({}, { NOMAD_SECRETS_DIR: '/secrets', NOMAD_TOKEN: 'first' })
    assert.equal(connection.address, 'unix:///secrets/api.sock')
    assert.equal(connection.tokenFile, '/secrets/nomad_token')
    assert.equal(connection.token, 'first')
    assert.equal(name, 'nomad/task-api')
  })

  test('an empty variable is none; a list with * is *', () => {
    assert.equal(read({}, { NOMAD_ADDR: '', NOMAD_TOKEN: '' }).connection.address, 'http://127.0.0.1:4646')
    assert.deepEqual(read({ namespaces: ['a', '*'] }).namespaces, ['*'])
  })

  test('user and password of a URL go into the header, not into what is shown', () => {
    const { connection, name } = read({ address: 'https://me:p%40ss@nomad:4646' })
    assert.equal(connection.address, 'https://nomad:4646')
    assert.equal(connection.httpAuth, 'me:p@ss')
    assert.equal(name, 'nomad/nomad:4646')
  })

  test('a socket', () => {
    const { connection, name } = read({ address: 'unix:///run/nomad.sock' })
    assert.equal(connection.address, 'unix:///run/nomad.sock')
    assert.equal(name, 'nomad/run/nomad.sock')
  })

  for (const [fields, message] of [
    [{ address: 'nomad:4646' }, /registries\[0\]\.address is no URL/],
    [{ address: 'http://nomad:4646/v1' }, /has a path/],
    [{ hostname: '{name}.nomad' }, /there is no \{name\}/],
    [{ hostname: 'nomad' }, /same hostname/],
    [{ protocol: 'smtp' }, /protocol is "smtp"/],
    [{ port: 70_000 }, /port is 70000/],
    [{ checkInterval: 5 }, /checkInterval is no duration/],
    [{ locality: { zone: 'rack' } }, /locality\.zone is "rack"/],
    [{ tls: { cert: 'c.pem' } }, /certificate or a key, but not both/],
    [{ tls: { insecure: true } }, /no setting "insecure"/],
  ] as const)
    test(`refused: ${JSON.stringify(fields)}`, () => {
      const messages = wrong(fields as Record<string, unknown>)
      assert.equal(messages.length, 1)
      assert.match(messages[0]!, message)
    })
})
