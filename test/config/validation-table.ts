/** Rows of objects with what is wrong with them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brief, issuesOf, object } from './yaml-of.ts'

/** name, spec as YAML (its first line is line 6, column 3), the issues. */
type Row = readonly [name: string, spec: string, issues: readonly string[]]

export function table(kind: string, rows: readonly Row[], extra = ''): void {
  for (const [name, spec, expected] of rows)
    test(name, () => {
      const issues = issuesOf(object(kind, spec, extra))
      assert.deepEqual(issues.map(brief).sort(), [...expected].sort())
      for (const i of issues) {
        assert.ok(
          i.remedy && !/[{}]/.test(i.remedy.replace(/\{ host.*\}/, '')),
          `remedy of ${i.code}: ${i.remedy}`,
        )
        assert.equal(i.object, `${kind}/default/a`)
      }
    })
}

export const PORT = 'ports: [{number: 80, name: http, protocol: HTTP}]'
export const HOST = 'hosts: [a.example.com]'
