/** A directory of Istio's YAML means the same wherever the settings name it: services and configuration. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { putFile } from '#src/demo/files.ts'
import { createPipeline } from '#src/pipeline.ts'
import { loadSettings } from '#src/settings.ts'
import { silentLogger } from '#support/logger.ts'
import { serviceEntry } from '../support/istio.ts'

const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }] as const
const sidecar = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name: 'narrow', namespace: 'test' },
  spec: { egress: [{ hosts: ['./*'] }] },
}

const named: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'as configuration': ['config: [{ kind: files, path: mesh }]', ['serviceentry/files/mesh']],
  'as a registry': ['registries: [{ kind: file, path: mesh }]', ['file/mesh']],
  'as both, once': [
    'registries: [{ kind: file, path: mesh }]\nconfig: [{ kind: files, path: mesh }]',
    ['file/mesh'],
  ],
  'with a name of its own': [
    'config: [{ kind: files, path: mesh, name: team-a }]',
    ['serviceentry/files/team-a'],
  ],
}
for (const [how, [text, registries]] of Object.entries(named))
  test(how, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'pilothouse-directories-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    await putFile(join(directory, 'mesh'), 'orders.yaml', [
      serviceEntry({ host: 'orders.test.mesh', ports, endpoints: [{ address: '10.0.0.1' }] }),
      sidecar,
    ])
    // Relative to where the settings are, as their own names are.
    const { settings, issues } = loadSettings({ file: join(directory, 'p.yaml'), readText: () => text })
    assert.deepEqual(issues, [])
    const { mesh } = createPipeline(settings!, { log: silentLogger })
    const running = mesh.start()
    t.after(() => running.unsubscribe())
    assert.ok(await mesh.whenReady())
    const { services, configs, sources } = mesh.snapshot()
    assert.equal(services.get('orders.test.mesh')?.endpoints.length, 1)
    assert.deepEqual([...configs.values()].map(({ kind }) => kind).sort(), ['ServiceEntry', 'Sidecar'])
    const of = [...sources.values()].filter(({ role }) => role === 'registry').map(({ name }) => name)
    assert.deepEqual(
      of.map((name) => name.replace(`${directory.slice(1)}/`, '')),
      registries,
    )
  })
