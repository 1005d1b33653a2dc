/** What the log says of a source: the beginning of its trouble, another trouble, and its end; each once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SourceState } from '#model/mesh.ts'
import { watchSources } from '#src/observe.ts'
import { silentLogger } from '#support/logger.ts'

test('trouble of a source is logged when it begins, changes and ends', () => {
  const lines: string[] = []
  const note = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`)
  const tell = watchSources({ ...silentLogger, warn: note('warn'), info: note('info') })
  const say = (code?: string, kind = 'consul'): void => {
    const error = code === undefined ? {} : { error: { code, message: 'away', remedy: 'wait' } }
    const state: SourceState = {
      name: 'consul/dc1',
      kind,
      role: 'registry',
      state: 'fresh',
      issues: [],
      ...error,
    }
    tell({ sources: new Map([[state.name, state]]) })
  }
  say()
  say('PH3001')
  say('PH3001')
  say('PH3002')
  say()
  say()
  say('PH1013', 'file')
  assert.deepEqual(lines, [
    'warn consul/dc1 is in trouble: what it said last is served on',
    'warn consul/dc1 is in trouble: what it said last is served on',
    'info consul/dc1 speaks again',
  ])
})
