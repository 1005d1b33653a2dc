/** A registry that is told by its own entry to say less loses that at once: no mass disappearance to hold back. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { putFile } from '#src/demo/files.ts'
import { createLivePipeline } from '#src/live-pipeline.ts'
import { createReload } from '#src/reload.ts'
import { loadSettings } from '#src/settings.ts'
import { silentLogger } from '#support/logger.ts'
import { serviceEntry } from '../support/istio.ts'

const host = 'orders.test.mesh'

test('an entry that was narrowed is believed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'pilothouse-narrower-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }] as const
  for (const [name, count] of [
    ['wide', 12],
    ['narrow', 1],
  ] as const) {
    const endpoints = Array.from({ length: count }, (_, n) => ({ address: `10.0.0.${n + 1}` }))
    await putFile(join(directory, name), 'orders.yaml', [serviceEntry({ host, ports, endpoints })])
  }
  const read = (path: string) => {
    const text = `registries: [{ kind: file, name: vms, path: ${path}, protection: { share: 50%, atLeast: 2 } }]`
    return loadSettings({ file: join(directory, 'p.yaml'), readText: () => text })
  }
  const live = createLivePipeline(read('wide').settings!, { log: silentLogger })
  t.after(() => live.end())
  live.start()
  assert.ok(await live.whenReady())
  const endpoints = () => live.current().mesh.snapshot().services.get(host)?.endpoints.length
  assert.equal(endpoints(), 12)
  const reload = createReload(read('wide').settings!, { live, log: silentLogger, emit() {} })
  assert.equal((await reload.reload(read('narrow'))).kind, 'applied')
  assert.equal(endpoints(), 1)
})
