/** Every golden output passes `envoy --mode validate` of the real Envoy, and without a deprecated field. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { ensureEnvoy } from '#src/demo/envoy.ts'
import { type Golden, goldenCases, goldenRoot, inlineBootstrap } from '../generate/golden.ts'

const run = promisify(execFile)
let envoy: string
let folder: string
before(async () => {
  envoy = await ensureEnvoy()
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-golden-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** Rejects, with what Envoy says, if it would refuse the bootstrap. Returns its warnings. */
async function envoyValidate(name: string, bootstrap: unknown): Promise<string> {
  const path = join(folder, `${name}.json`)
  await writeFile(path, JSON.stringify(bootstrap))
  const { stderr } = await run(envoy, ['--mode', 'validate', '-l', 'warning', '-c', path], {
    timeout: 60_000,
  })
  return stderr
}

/** gRPC clients take what no Envoy takes statically, an api_listener for each name: their own parser reads them. */
const isForEnvoy = ({ listeners }: Golden): boolean =>
  listeners.every(({ apiListener }) => apiListener === undefined)

for (const name of goldenCases())
  test(`Envoy takes ${name}`, async (t) => {
    const golden: Golden = parse(await readFile(join(goldenRoot, name, 'out.yaml'), 'utf8'))
    if (!isForEnvoy(golden)) return t.diagnostic('for gRPC clients; test/generate/grpc.test.ts')
    const warnings = await envoyValidate(name, inlineBootstrap(golden))
    assert.doesNotMatch(warnings, /[Dd]eprecated/)
  })

test('Envoy refuses what is wrong, so that the tests above mean something', async () => {
  const golden: Golden = parse(await readFile(join(goldenRoot, 'http', 'out.yaml'), 'utf8'))
  const bootstrap = inlineBootstrap(golden)
  bootstrap.staticResources.clusters.push(bootstrap.staticResources.clusters[0])
  await assert.rejects(envoyValidate('wrong', bootstrap), /duplicate cluster/)
})
