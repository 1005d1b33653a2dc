import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadSettings, type Settings } from '#src/settings.ts'
import { settingsChange } from '#src/settings-change.ts'

const settings = (text: string): Settings => {
  const loaded = loadSettings({ file: '/etc/p.yaml', readText: () => text })
  assert.ok(loaded.settings, JSON.stringify(loaded.issues))
  return loaded.settings
}
const base = 'registries: [{ kind: file, path: services }]\n'

test('the same settings change nothing, and the level of the log alone no source', () => {
  assert.deepEqual(settingsChange(settings(base), settings(base)), {
    settings: settings(base),
    needRestart: [],
    pipeline: false,
  })
  const quiet = settings(`${base}log: { level: warn }`)
  const change = settingsChange(settings(base), quiet)
  assert.deepEqual([change.pipeline, change.settings.log.level, change.needRestart], [false, 'warn', []])
})

test('sources, aliases, failover and what the mesh settings say change live', () => {
  for (const more of [
    'aliases: [{ host: a.test, joins: [b.test] }]',
    'failover: [a.test]',
    'mesh: { outboundTrafficPolicy: REGISTRY_ONLY }',
    'startupGrace: 1s',
    'config: [{ kind: files, path: config }]',
  ]) {
    const change = settingsChange(settings(base), settings(`${base}${more}`))
    assert.deepEqual([change.pipeline, change.needRestart], [true, []], more)
    assert.deepEqual(change.settings, settings(`${base}${more}`))
  }
})

test('addresses, state directory, trust domain and form of the log stay until a restart, named each', () => {
  const wanted = settings(
    `${base}xds: { address: 127.0.0.1:1 }
admin: { address: 127.0.0.1:2 }
stateDir: /state
mesh: { trustDomain: other.test }
log: { format: pretty, level: debug }`,
  )
  const change = settingsChange(settings(base), wanted)
  assert.deepEqual(change.needRestart, [
    'xds.address',
    'admin.address',
    'stateDir',
    'mesh.trustDomain',
    'log.format',
  ])
  assert.equal(change.pipeline, false)
  const { stateDir: _, ...kept } = { ...settings(base), stateDir: undefined }
  assert.deepEqual(change.settings, { ...kept, log: { level: 'debug' } })
  const back = settingsChange(wanted, settings(base))
  assert.equal(back.settings.stateDir, '/state')
})
