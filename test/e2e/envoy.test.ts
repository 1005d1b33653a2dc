/** `ensureEnvoy`: where the real Envoy comes from, on a machine that has none yet. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { EnvoyError, ensureEnvoy, envoyVersion, versionOf } from '#src/demo/envoy.ts'
import { cleanup } from '../support/cleanup.ts'

const house = cleanup()
after(() => house.end())

const freshCache = async () =>
  house.add(await mkdtemp(join(tmpdir(), 'pilothouse-cache-')), (path) => rm(path, { recursive: true }))
const module = fileURLToPath(new URL('../../src/demo/envoy.ts', import.meta.url))

test('installs the pinned version once, also where two want it at once and a third was killed half-way', async () => {
  const cache = await freshCache()
  const env = { ...process.env, XDG_CACHE_HOME: cache, PILOTHOUSE_ENVOY: undefined }
  const script = `import { ensureEnvoy } from ${JSON.stringify(module)}; await ensureEnvoy()`
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'ignore' })
  await sleep(700)
  killed.kill('SIGKILL')
  const [first, second] = await Promise.all([ensureEnvoy({ env }), ensureEnvoy({ env })])
  assert.equal(first, second)
  assert.equal(await versionOf(first), envoyVersion)
  const lines: string[] = []
  assert.equal(await ensureEnvoy({ env, log: (line) => lines.push(line) }), first)
  assert.deepEqual(lines, [])
  // What was killed may have left its own temporary directory, never half a result.
  const names = await readdir(join(cache, 'pilothouse'))
  assert.equal(names.filter((name) => !name.includes('.tmp-')).length, 1)
})

test('takes the Envoy that PILOTHOUSE_ENVOY names, or one of the pinned version on the path', async () => {
  const real = await ensureEnvoy()
  const env = { XDG_CACHE_HOME: await freshCache(), PATH: '' }
  assert.equal(await ensureEnvoy({ env: { ...env, PILOTHOUSE_ENVOY: real } }), real)
  const bin = join(env.XDG_CACHE_HOME, 'bin')
  await mkdir(bin)
  await symlink(real, join(bin, 'envoy'))
  assert.equal(await ensureEnvoy({ env: { ...env, PATH: bin } }), join(bin, 'envoy'))
})

test('says what to do where it can’t be had', async () => {
  const env = { XDG_CACHE_HOME: await freshCache(), PATH: '/nonexistent' }
  const wrong = ensureEnvoy({ env: { ...env, PILOTHOUSE_ENVOY: '/nonexistent/envoy' } })
  await assert.rejects(wrong, (error: EnvoyError) => /PILOTHOUSE_ENVOY/.test(error.message))
  await assert.rejects(ensureEnvoy({ env }), (error: EnvoyError) => {
    assert.ok(error instanceof EnvoyError)
    assert.match(error.remedy, /python3-pip|PILOTHOUSE_ENVOY/)
    return true
  })
})
