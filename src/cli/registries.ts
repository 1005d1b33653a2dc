/** `pilothouse registries` */
import type { Issue, PilotError } from '#model/issue.ts'
import { ask, jsonText } from './admin-client.ts'
import { issueText } from './issues.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import { age, alarm, table } from './table.ts'

interface SourceJson {
  readonly name: string
  readonly kind: string
  readonly state: string
  readonly lastUpdate: string | null
  readonly error: PilotError | null
  readonly issues: readonly Issue[]
}
interface RegistryzJson {
  readonly registries: readonly SourceJson[]
  readonly configSources: readonly SourceJson[]
  readonly services: readonly { readonly registries: readonly string[] }[]
}

export async function registries(
  adminUrl: string,
  _args: readonly string[],
  { output, colors }: ViewOptions,
): Promise<CommandResult> {
  const answer = await ask<RegistryzJson>(adminUrl, '/debug/registryz')
  if (output === 'json') return { exitCode: 0, text: jsonText(answer.registries) }
  const row = (role: string) => (source: SourceJson) => [
    source.name,
    role,
    source.kind,
    source.state === 'fresh' ? source.state : alarm(source.state, colors),
    age(source.lastUpdate, Date.now()),
    role === 'config'
      ? ''
      : answer.services.filter((service) => service.registries.includes(source.name)).length,
    source.issues.length,
  ]
  const rows = [...answer.registries.map(row('registry')), ...answer.configSources.map(row('config'))]
  const head = ['NAME', 'ROLE', 'KIND', 'STATE', 'LAST UPDATE', 'SERVICES', 'ISSUES']
  const sources = [...answer.registries, ...answer.configSources]
  return { exitCode: 0, text: [table(head, rows), ...sources.flatMap(details)].join('\n') }
}

const details = ({ name, error, issues }: SourceJson): readonly string[] => [
  ...(error ? [`\n${name}: ${error.message}\n  ${error.remedy}`] : []),
  ...issues.map((issue) => `\n${issueText(issue)}`),
]
