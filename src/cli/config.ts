/** `pilothouse config`: the configuration objects that the Pilot follows, and what is wrong with any. */
import type { Issue } from '#model/issue.ts'
import { ask, jsonText } from './admin-client.ts'
import { issueText } from './issues.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import { table } from './table.ts'

interface ConfigJson {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly source: string
  readonly version: string
  readonly issues: readonly Issue[]
}

export interface ConfigOptions extends ViewOptions {
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
}

export async function config(
  adminUrl: string,
  _args: readonly string[],
  { output, kind, namespace, name }: ConfigOptions,
): Promise<CommandResult> {
  const objects = await ask<readonly ConfigJson[]>(adminUrl, '/debug/configz', { kind, namespace, name })
  if (output === 'json') return { exitCode: 0, text: jsonText(objects) }
  const rows = objects.map((o) => [o.kind, o.namespace, o.name, o.source, o.version, o.issues.length])
  const head = ['KIND', 'NAMESPACE', 'NAME', 'SOURCE', 'VERSION', 'ISSUES']
  const filtered = kind !== undefined || namespace !== undefined || name !== undefined
  const issues = filtered ? objects.flatMap((object) => object.issues) : await allIssues(adminUrl)
  const shown = rows.length > 0 ? table(head, rows) : 'The Pilot has no such configuration.'
  return { exitCode: 0, text: [shown, ...issues.map((issue) => `\n${issueText(issue)}`)].join('\n') }
}

/** Of refused objects too, which are not among those served. */
const allIssues = async (adminUrl: string): Promise<readonly Issue[]> =>
  (await ask<{ issues: readonly Issue[] }>(adminUrl, '/debug/push_status')).issues
