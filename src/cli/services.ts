/** `pilothouse services` */
import type { Issue } from '#model/issue.ts'
import { ask, jsonText } from './admin-client.ts'
import { issueText } from './issues.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import { table } from './table.ts'

export interface ServiceJson {
  readonly hostname: string
  readonly namespace: string
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[]
  readonly addresses: readonly string[]
  readonly registries: readonly string[]
  readonly endpoints: number
  readonly healthy: number
  readonly issues: readonly Issue[]
}

export async function services(
  adminUrl: string,
  _args: readonly string[],
  { output }: ViewOptions,
): Promise<CommandResult> {
  const { services: found } = await ask<{ services: readonly ServiceJson[] }>(adminUrl, '/debug/registryz')
  if (output === 'json') return { exitCode: 0, text: jsonText(found) }
  const rows = found.map((service) => [
    service.hostname,
    service.namespace,
    service.ports.map(({ port, protocol }) => `${port}/${protocol}`).join(','),
    service.addresses.join(','),
    `${service.healthy}/${service.endpoints}`,
    service.registries.join(','),
    service.issues.length,
  ])
  const head = ['HOSTNAME', 'NAMESPACE', 'PORTS', 'ADDRESSES', 'HEALTHY', 'REGISTRIES', 'ISSUES']
  if (rows.length === 0) return { exitCode: 0, text: 'The Pilot knows no services.' }
  const issues = found.flatMap((service) => service.issues.map((issue) => `\n${issueText(issue)}`))
  return { exitCode: 0, text: [table(head, rows), ...issues].join('\n') }
}
