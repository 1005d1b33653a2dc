/** `pilothouse registries` */
import type { Issue, PilotError } from '#model/issue.ts'
import { ask, jsonText, post } from './admin-client.ts'
import { issueText } from './issues.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import { age, alarm, table } from './table.ts'

interface SourceJson {
  readonly name: string
  readonly kind: string
  readonly state: string
  readonly lastUpdate: string | null
  readonly error: PilotError | null
  readonly staleServices?: number
  readonly protectedServices?: number
  readonly issues: readonly Issue[]
}
export interface RegistriesOptions extends ViewOptions {
  /** Name of the registry of which what is held back is let go, instead of the list. */
  readonly accept?: string
}
interface RegistryzJson {
  readonly registries: readonly SourceJson[]
  readonly configSources: readonly SourceJson[]
  readonly services: readonly { readonly registries: readonly string[] }[]
}

export async function registries(
  adminUrl: string,
  _args: readonly string[],
  { output, colors, accept }: RegistriesOptions,
): Promise<CommandResult> {
  if (accept !== undefined) return letGo(adminUrl, accept, output)
  const answer = await ask<RegistryzJson>(adminUrl, '/debug/registryz')
  if (output === 'json') return { exitCode: 0, text: jsonText(answer.registries) }
  const row = (role: string) => (source: SourceJson) => [
    source.name,
    role,
    source.kind,
    stateText(source, colors),
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

/** `fresh`, or e.g. `fresh, 2 protected, 1 stale`: the source's own state, and the services that have another. */
function stateText(
  { state, staleServices = 0, protectedServices = 0 }: SourceJson,
  colors: boolean | undefined,
): string {
  const parts = [
    state,
    ...(protectedServices > 0 ? [`${protectedServices} protected`] : []),
    ...(staleServices > 0 ? [`${staleServices} stale`] : []),
  ]
  const text = parts.join(', ')
  return text === 'fresh' ? text : alarm(text, colors)
}

async function letGo(
  adminUrl: string,
  registry: string,
  output: ViewOptions['output'],
): Promise<CommandResult> {
  const answer = await post<{ accepted: number }>(adminUrl, '/debug/registryz/accept', { registry })
  if (output === 'json') return { exitCode: 0, text: jsonText(answer) }
  const { accepted } = answer
  const what =
    accepted === 0 ? 'nothing was held back' : `${accepted} service${accepted > 1 ? 's' : ''} let go`
  return { exitCode: 0, text: `${registry}: ${what}.` }
}

const details = ({ name, error, issues }: SourceJson): readonly string[] => [
  ...(error ? [`\n${name}: ${error.message}\n  ${error.remedy}`] : []),
  ...issues.map((issue) => `\n${issueText(issue)}`),
]
