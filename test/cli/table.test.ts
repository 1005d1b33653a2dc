import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alarm, table } from '#src/cli/table.ts'

test('a long table is drawn in pieces that look as one, in time that grows with its rows', () => {
  const rows = Array.from({ length: 250 }, (_, i) => [
    `s${i}.example`,
    i === 170 ? 'a cell that is wider than all others' : i,
    i % 2 ? alarm('STALE', true) : '',
    'end',
  ])
  const lines = table(['NAME', 'WIDE', 'STATE', 'LAST'], rows).split('\n')
  assert.equal(lines.length, 251)
  const plain = lines.map((line) => line.replaceAll('\x1b[31m', '').replaceAll('\x1b[39m', ''))
  assert.equal(new Set(plain.map((line) => line.search(/LAST|end$/))).size, 1, 'columns in line')
  assert.ok(lines[171]!.includes('wider than all others') && lines[2]!.includes('\x1b[31mSTALE'))
  assert.match(lines[1]!, /^s0\.example {3,}0 {3,}- {3,}end$/)
  assert.deepEqual(table(['A', 'B'], [['x', 1]]).split('\n'), ['A   B', 'x   1'])
})
