/**
 * Odd but valid meshes (test/generate/meshes.ts), the same ones in each run: the real Envoy refuses none of them. One
 * refused listener is a rejected response, and perhaps the one that all traffic arrives at.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { ensureEnvoy } from '#src/demo/envoy.ts'
import { generateArbitrary, inlineBootstrap } from '../generate/golden.ts'
import { meshes } from '../generate/meshes.ts'

const run = promisify(execFile)
let envoy: string
let folder: string
before(async () => {
  envoy = await ensureEnvoy()
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-random-'))
})
after(() => rm(folder, { recursive: true, force: true }))

test('Envoy takes whatever valid configuration is made into', async () => {
  const path = join(folder, 'bootstrap.json')
  await fc.assert(
    fc.asyncProperty(meshes, async (mesh) => {
      await writeFile(path, JSON.stringify(inlineBootstrap(generateArbitrary(mesh))))
      const validate = ['--mode', 'validate', '-l', 'warning', '-c', path]
      const { stderr } = await run(envoy, validate, { timeout: 60_000 })
      assert.doesNotMatch(stderr, /[Dd]eprecated/)
    }),
    { seed: 20261122, numRuns: 120, interruptAfterTimeLimit: 35_000, verbose: 1 },
  )
})
