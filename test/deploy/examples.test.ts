/** Every example that is shipped or printed is loaded: the folders of deploy/examples, and the README's settings. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { check } from '#src/cli/check.ts'
import { loadSettings } from '#src/settings.ts'

const examples = 'deploy/examples'

for (const name of readdirSync(examples))
  test(`${examples}/${name} has nothing to complain of`, async () => {
    const { exitCode, text } = await check([`${examples}/${name}`], { output: 'json' })
    assert.deepEqual(JSON.parse(text), [])
    assert.equal(exitCode, 0)
  })

test("the README's settings", () => {
  const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(readFileSync('README.md', 'utf8'))!
  const { settings, issues } = loadSettings({ file: 'README.md', readText: () => yaml! })
  assert.deepEqual(issues, [])
  assert.equal(settings?.mesh.outboundTrafficPolicy, 'REGISTRY_ONLY')
})
