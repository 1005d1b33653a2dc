import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SettingsInput } from '#config/settings.ts'
import { registryKinds } from '#registries/index.ts'
import { loadSettings } from '#src/settings.ts'

const FILE = 'etc/pilothouse.yaml'
const load = (text: string, more: Omit<SettingsInput, 'file' | 'readText'> = {}) =>
  loadSettings({ file: FILE, readText: () => text, ...more })
const brief = (text: string, more = {}) =>
  load(text, more).issues.map((i) => `${i.at} ${i.code} ${i.path ?? ''}`.trim())

const MINIMAL = 'config: [{kind: files, path: mesh}]\n'

suite('settings', () => {
  test('defaults', () => {
    const { settings, issues } = loadSettings({ flags: { files: ['mesh/'] } })
    assert.deepEqual(issues, [])
    assert.deepEqual(settings, {
      mesh: {
        trustDomain: 'cluster.local',
        rootNamespace: 'istio-system',
        outboundTrafficPolicy: 'ALLOW_ANY',
        connectTimeout: 10_000,
        localityLbEnabled: false,
        protocolDetectionTimeout: 0,
      },
      xds: {
        address: '127.0.0.1:15010',
        maxStreams: 10_000,
        maxConnectionAge: 1_800_000,
        loadReportInterval: 10_000,
      },
      admin: { address: '127.0.0.1:15014' },
      startupGrace: 30_000,
      registries: [{ kind: 'file', name: 'file/mesh', path: 'mesh/' }],
      config: [{ kind: 'files', name: 'files/mesh', path: 'mesh/' }],
      protection: { share: 0.5, atLeast: 10, hold: 600_000 },
      aliases: [],
      failover: [],
      log: { level: 'info' },
    })
  })
  test('weights of localities from load', () => {
    const weights = (fields: string) =>
      load(`${MINIMAL}mesh: { localityWeightsFromLoad: { ${fields} } }`).settings?.mesh
        .localityWeightsFromLoad
    assert.deepEqual(weights('enabled: true'), { interval: 30_000, threshold: 0.05 })
    assert.deepEqual(weights('enabled: true, interval: 5s, threshold: 10%'), {
      interval: 5000,
      threshold: 0.1,
    })
    assert.equal(weights('interval: 5s'), undefined)
  })
  test('everything', () => {
    const { settings, issues } = load(`mesh:
  trustDomain: example.org
  rootNamespace: mesh
  outboundTrafficPolicy: { mode: REGISTRY_ONLY }
  connectTimeout: 1m30s
  localityLbSetting: { enabled: true }
  protocolDetectionTimeout: 250ms
xds: { address: "[::1]:0", maxStreams: 5, maxConnectionAge: 0, loadReportInterval: 1s }
admin: { address: localhost:1 }
stateDir: /var/lib/pilothouse
startupGrace: 5s
registries:
  - { kind: file, path: services/ }
  - { kind: file, name: more, path: /srv/more }
config: [{ kind: files, path: ../config }]
aliases: [{ host: a.b, joins: [A, c.d] }]
failover: ["*.critical"]
log: { level: debug, format: pretty }
`)
    assert.deepEqual(issues, [])
    assert.deepEqual(settings, {
      mesh: {
        trustDomain: 'example.org',
        rootNamespace: 'mesh',
        outboundTrafficPolicy: 'REGISTRY_ONLY',
        connectTimeout: 90_000,
        localityLbEnabled: true,
        protocolDetectionTimeout: 250,
      },
      xds: { address: '[::1]:0', maxStreams: 5, maxConnectionAge: 0, loadReportInterval: 1000 },
      admin: { address: 'localhost:1' },
      stateDir: '/var/lib/pilothouse',
      startupGrace: 5000,
      registries: [
        { kind: 'file', name: 'file/services', path: 'etc/services/' },
        { kind: 'file', name: 'file/more', path: '/srv/more' },
      ],
      config: [{ kind: 'files', name: 'files/config', path: 'config' }],
      protection: { share: 0.5, atLeast: 10, hold: 600_000 },
      aliases: [{ host: 'a.b', joins: ['A', 'c.d'] }],
      failover: ['*.critical'],
      log: { level: 'debug', format: 'pretty' },
    })
  })
  test('flags win over the environment, which wins over the file', () => {
    const text = `${MINIMAL}xds: {address: 127.0.0.1:1}\nadmin: {address: 127.0.0.1:1}\nlog: {level: warn}\n`
    const env = {
      PILOTHOUSE_XDS_ADDRESS: '127.0.0.1:2',
      PILOTHOUSE_ADMIN_ADDRESS: '127.0.0.1:2',
      PILOTHOUSE_STATE_DIR: '',
    }
    const { settings } = load(text, { env, flags: { xdsAddress: '127.0.0.1:3' } })
    assert.deepEqual(
      [settings?.xds.address, settings?.admin.address, settings?.log.level, settings?.stateDir],
      ['127.0.0.1:3', '127.0.0.1:2', 'warn', undefined],
    )
  })
  test('files of flags come first; the environment names them too', () => {
    assert.deepEqual(
      load('registries: [{kind: file, path: c}]', { flags: { files: ['a', 'b'] } }).settings?.registries.map(
        (r) => r.name,
      ),
      ['file/a', 'file/b', 'file/c'],
    )
    assert.deepEqual(
      loadSettings({ env: { PILOTHOUSE_FILES: 'a:b' } }).settings?.config.map(
        (c) => c.kind === 'files' && c.path,
      ),
      ['a', 'b'],
    )
  })
  test('flags of one name are told apart: they have no place for another', () => {
    const names = (registries: Record<string, readonly string[]>) => {
      const { settings, issues } = loadSettings({ flags: { registries } })
      assert.deepEqual(issues, [])
      return settings?.registries.map(({ name }) => name)
    }
    assert.deepEqual(names({ dns: ['a.test:80', 'a.test:81', 'a.test:82', 'b.test:80'] }), [
      'dns/a.test',
      'dns/a.test-2',
      'dns/a.test-3',
      'dns/b.test',
    ])
    for (const flags of [
      { registries: { dns: ['a.test:80', 'a.test:81', 'a.test:81'] } },
      { registries: { consul: ['http://127.0.0.1:8500', 'http://127.0.0.1:8500'] } },
      { files: ['mesh', 'mesh/'] },
    ])
      assert.ok(
        loadSettings({ flags }).issues.some(({ code }) => code === 'PH1407'),
        JSON.stringify(flags),
      )
  })
  test('the port with mutual TLS is a setting without effect yet, and says so', () => {
    const { settings, issues } = load(`${MINIMAL}xdsTls: { address: 0.0.0.0:15012 }\n`)
    assert.ok(settings)
    assert.deepEqual(
      issues.map(({ severity, code, at }) => [severity, code, at]),
      [['warning', 'PH1410', `${FILE}:2:1`]],
    )
  })
  test('a value that may be a secret is not repeated', () => {
    const { issues } = load('registries: [{ kind: eureka, username: u, password: 12345678 }]')
    assert.deepEqual(
      issues.map(({ path }) => path),
      ['registries[0].password'],
    )
    assert.ok(!JSON.stringify(issues).includes('12345678'))
  })
  test('a bad flag and a bad variable are named', () => {
    const { issues, settings } = loadSettings({
      flags: { files: ['a'], xdsAddress: 'here' },
      env: { PILOTHOUSE_STARTUP_GRACE: 'soon' },
    })
    assert.equal(settings, undefined)
    assert.deepEqual(
      issues.map((i) => i.at),
      ['--xds-address', 'PILOTHOUSE_STARTUP_GRACE'],
    )
  })
  test('nothing at all tells how to start', () => {
    const { settings, issues } = loadSettings({})
    assert.equal(settings, undefined)
    assert.equal(issues[0]?.code, 'PH1404')
    assert.match(issues[0]!.remedy, /--files DIR/)
  })
  test('an unset variable in place of a directory starts nothing', () => {
    const { settings, issues } = loadSettings({ flags: { files: [''] } })
    assert.equal(settings, undefined)
    assert.deepEqual(
      issues.map(({ code, at }) => [code, at]),
      [['PH1402', '--files']],
    )
  })
  test('no such file', () => {
    const { issues } = loadSettings({ file: '/nowhere/pilothouse.yaml' })
    assert.deepEqual(
      issues.map((i) => i.code),
      ['PH1405'],
    )
  })

  const rows: readonly (readonly [name: string, text: string, issues: readonly string[]])[] = [
    ['unknown', `${MINIMAL}xdss: {}`, [`${FILE}:2:1 PH1401 xdss`]],
    ['unknown below', `${MINIMAL}xds:\n  adress: x`, [`${FILE}:3:3 PH1401 xds.adress`]],
    ['a scalar for a map', `${MINIMAL}mesh: 1`, [`${FILE}:2:7 PH1402 mesh`]],
    ['a map for a list', `${MINIMAL}registries: {kind: file}`, [`${FILE}:2:13 PH1402 registries`]],
    ['a list for the file', '- 1', [`${FILE}:1:1 PH1402`]],
    ['a number for text', `${MINIMAL}stateDir: 1`, [`${FILE}:2:11 PH1402 stateDir`]],
    ['a number for a duration', `${MINIMAL}startupGrace: 30`, [`${FILE}:2:15 PH1402 startupGrace`]],
    [
      'text for a flag',
      `${MINIMAL}mesh: {localityLbSetting: {enabled: "yes"}}`,
      [`${FILE}:2:37 PH1402 mesh.localityLbSetting.enabled`],
    ],
    [
      'a wrong word',
      `${MINIMAL}mesh: {outboundTrafficPolicy: NONE}`,
      [`${FILE}:2:31 PH1402 mesh.outboundTrafficPolicy`],
    ],
    [
      'too often',
      `${MINIMAL}xds: {loadReportInterval: 10ms}`,
      [`${FILE}:2:27 PH1402 xds.loadReportInterval`],
    ],
    [
      'two ways to weigh localities',
      `${MINIMAL}mesh:\n  localityLbSetting: {enabled: true}\n  localityWeightsFromLoad: {enabled: true}`,
      [`${FILE}:4:28 PH1402 mesh.localityWeightsFromLoad`],
    ],
    [
      'no weights to follow',
      `${MINIMAL}mesh: {localityWeightsFromLoad: {interval: 30, threshold: 5, enable: true}}`,
      [
        `${FILE}:2:62 PH1401 mesh.localityWeightsFromLoad.enable`,
        `${FILE}:2:44 PH1402 mesh.localityWeightsFromLoad.interval`,
        `${FILE}:2:59 PH1402 mesh.localityWeightsFromLoad.threshold`,
      ],
    ],
    ['not a count', `${MINIMAL}xds: {maxStreams: 0}`, [`${FILE}:2:19 PH1402 xds.maxStreams`]],
    ['not an address', `${MINIMAL}admin: {address: "127.0.0.1"}`, [`${FILE}:2:18 PH1402 admin.address`]],
    [
      'port out of range',
      `${MINIMAL}admin: {address: "127.0.0.1:70000"}`,
      [`${FILE}:2:18 PH1402 admin.address`],
    ],
    ['open to others', `${MINIMAL}admin: {address: "0.0.0.0:1"}`, [`${FILE}:2:18 PH1408 admin.address`]],
    [
      'unknown registry',
      `registries:\n- {kind: file, path: a}\n- {kind: zookeeper, hosts: x}`,
      [`${FILE}:3:10 PH1403 registries[1].kind`],
    ],
    ['unknown configuration', 'config: [{kind: etcd}]', [`${FILE}:1:17 PH1403 config[0].kind`]],
    ['no kind', 'registries: [{path: a}]', [`${FILE}:1:14 PH1403 registries[0].kind`]],
    ['no path', 'registries: [{kind: file}]', [`${FILE}:1:14 PH1402 registries[0].path`]],
    [
      'unknown field of a registry',
      'registries: [{kind: file, path: a, adress: b}]',
      [`${FILE}:1:36 PH1401 registries[0].adress`],
    ],
    [
      'a name twice',
      'registries: [{kind: file, path: a, name: x}, {kind: file, path: b, name: x}]',
      [`${FILE}:1:46 PH1407`],
    ],
    [
      'configuration twice',
      'config: [{kind: files, path: a}, {kind: files, path: ./a}]',
      [`${FILE}:1:34 PH1407`],
    ],
    ['an alias without joins', `${MINIMAL}aliases: [{host: a}]`, [`${FILE}:2:11 PH1402 aliases[0]`]],
    ['syntax', 'a: [', [`${FILE}:1:5 PH1406`]],
    ['two documents', `${MINIMAL}---\n${MINIMAL}`, [`${FILE}:3:1 PH1406`]],
    [
      'everything at once',
      `${MINIMAL}a: 1\nb: 2\nlog: {level: loud}`,
      [`${FILE}:2:1 PH1401 a`, `${FILE}:3:1 PH1401 b`, `${FILE}:4:14 PH1402 log.level`],
    ],
    ['empty', '', [`${FILE} PH1404`]],
  ]
  for (const [name, text, issues] of rows)
    test(name, () => {
      assert.deepEqual(brief(text), issues)
      const { settings } = load(text)
      assert.equal(
        settings !== undefined,
        load(text).issues.every((i) => i.severity !== 'error'),
      )
    })
  test('the remedy names what was meant, or what there is', () => {
    assert.equal(load(`${MINIMAL}regsitries: []`).issues[0]?.remedy, 'Did you mean "registries"?')
    assert.equal(
      load('registries: [{kind: etcd}]').issues[0]?.remedy,
      `Use one of ${registryKinds.map(({ kind }) => kind).join(', ')}.`,
    )
  })
})
