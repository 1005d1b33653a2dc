/** `UPDATE_GOLDEN=1` writes out.yaml anew; read the difference before you commit it. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { generateCase, goldenCases, goldenFiles, goldenRoot, goldenText } from './golden.ts'

const update = process.env.UPDATE_GOLDEN === '1'

for (const name of goldenCases())
  test(`golden: ${name}`, () => {
    const path = join(goldenRoot, name, 'out.yaml')
    const text = goldenText(generateCase(name))
    if (update) writeFileSync(path, text)
    assert.equal(text, existsSync(path) ? readFileSync(path, 'utf8') : '')
  })

test('every golden file is claimed by a case', () => {
  for (const name of goldenCases()) {
    const files = readdirSync(join(goldenRoot, name))
    assert.deepEqual(
      files.filter((file) => !goldenFiles.includes(file)),
      [],
      name,
    )
    for (const needed of ['in.yaml', 'node.json', 'out.yaml'])
      assert.ok(files.includes(needed), `${name}/${needed}`)
  }
})
