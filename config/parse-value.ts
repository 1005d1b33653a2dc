/** An object that came as a value (from an API, not from a file) to what a file's document gives. */
import type { Issue } from '#model/issue.ts'
import { issue, remedyFor } from './issue-codes.ts'
import type { Finding } from './istio/kind.ts'
import { checkObject, type ObjectOptions } from './istio/object.ts'
import { SOURCE } from './istio/schema.ts'
import type { FileContent } from './parse.ts'
import { formatPath, type Path } from './yaml.ts'

export interface ParseValueOptions extends ObjectOptions {
  /** Where it is, as it is shown: `kubernetes/prod/ServiceEntry/default/orders`. */
  readonly at: string
  /** Name of the configuration source, for provenance. */
  readonly source: string
}

export function parseValue(value: unknown, options: ParseValueOptions): FileContent {
  const { at, source } = options
  const checked = checkObject(value, options)
  const key = checked.result === 'none' ? undefined : checked.key
  const issues = checked.findings.map((finding) => toIssue(finding, value, key, at))
  if (checked.result === 'none') return { objects: [], issues, whole: checked.identified }
  if (checked.result === 'refused')
    return { objects: [{ key: checked.key, at, issues }], issues: [], whole: true }
  const origin = { source, object: checked.key, at }
  const object = { ...checked.object, origin, issues }
  return { objects: [{ key: checked.key, at, issues, object }], issues: [], whole: true }
}

function toIssue(finding: Finding, value: unknown, object: string | undefined, at: string): Issue {
  const { code, severity, path, params } = finding
  const fill = (text: string) =>
    text.includes(SOURCE) ? text.replaceAll(SOURCE, JSON.stringify(valueAt(value, path)) ?? '') : text
  return issue(code, {
    message: fill(finding.message),
    remedy: fill(remedyFor(code, params)),
    path: formatPath(path),
    at,
    ...(severity && { severity }),
    ...(object && { object }),
  })
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, step) => (at as Record<string | number, unknown> | undefined)?.[step], value)
