/** The unit, by systemd's own checks. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const unit = fileURLToPath(new URL('../../../deploy/systemd/pilothouse.service', import.meta.url))

/** Of 10; what is left is the network, JIT-compiled code, and the child that speaks for the Pilot. */
const EXPOSURE = 1.3

function analyze(...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', ['--no-pager', ...args], {
    encoding: 'utf8',
  })
  assert.ifError(error && new Error('systemd-analyze is missing: install systemd', { cause: error }))
  return { status, output: `${stdout}${stderr}` }
}

describe('the unit', () => {
  test('systemd-analyze verify has nothing to say', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'pilothouse-unit-'))
    t.after(() => rmSync(dir, { recursive: true }))
    // The command need not be installed here; all else is checked as it stands.
    const installed = readFileSync(unit, 'utf8').replaceAll('/usr/bin/pilothouse', process.execPath)
    const copy = join(dir, 'pilothouse.service')
    writeFileSync(copy, installed)
    assert.deepEqual(analyze('verify', '--man=no', copy), { status: 0, output: '' })
  })

  test(`systemd-analyze security: ${EXPOSURE} of 10 at most`, () => {
    const { status, output } = analyze('security', '--offline=yes', `--threshold=${EXPOSURE * 10}`, unit)
    assert.equal(status, 0, output)
    assert.match(output, /exposure level for pilothouse\.service: \d/)
  })
})
