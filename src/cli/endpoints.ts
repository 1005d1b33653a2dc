/** `pilothouse endpoints [SERVICE]` */
import { ask, jsonText } from './admin-client.ts'
import { CommandFailure } from './failure.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import type { ServiceJson } from './services.ts'
import { alarm, table } from './table.ts'

interface EndpointJson {
  readonly service: string
  readonly port: number
  readonly address: string
  readonly targetPort: number
  readonly health: string
  readonly weight: number
  readonly locality: string
  readonly registry: string
  readonly state: string
}

export interface EndpointsOptions extends ViewOptions {
  readonly registry?: string
}

export async function endpoints(
  adminUrl: string,
  [service]: readonly string[],
  { output, colors, registry }: EndpointsOptions,
): Promise<CommandResult> {
  const found = await ask<readonly EndpointJson[]>(adminUrl, '/debug/endpointz', { service, registry })
  if (found.length === 0 && service !== undefined) await known(adminUrl, service)
  if (output === 'json') return { exitCode: 0, text: jsonText(found) }
  const rows = found.map((endpoint) => [
    endpoint.service,
    endpoint.port,
    hostAndPort(endpoint),
    endpoint.health === 'HEALTHY' ? endpoint.health : alarm(endpoint.health, colors),
    endpoint.weight,
    endpoint.locality,
    endpoint.registry,
    endpoint.state === 'fresh' ? endpoint.state : alarm(endpoint.state, colors),
  ])
  const head = ['SERVICE', 'PORT', 'ENDPOINT', 'HEALTH', 'WEIGHT', 'LOCALITY', 'REGISTRY', 'STATE']
  return { exitCode: 0, text: rows.length > 0 ? table(head, rows) : 'No endpoints.' }
}

/** @throws CommandFailure if there is no such service */
async function known(adminUrl: string, name: string): Promise<void> {
  const { services } = await ask<{ services: readonly ServiceJson[] }>(adminUrl, '/debug/registryz')
  if (services.some(({ hostname, namespace }) => hostname === name || `${namespace}/${hostname}` === name))
    return
  const near = services.map(({ hostname }) => hostname).filter((hostname) => hostname.startsWith(`${name}.`))
  throw new CommandFailure(
    `There is no service ${name}.`,
    near.length > 0
      ? `Give the whole hostname: ${near.join(', ')}.`
      : '`pilothouse services` lists all hostnames, `pilothouse registries` those who report them.',
  )
}

function hostAndPort({ address, targetPort }: EndpointJson): string {
  if (address.startsWith('unix:')) return address
  return address.includes(':') ? `[${address}]:${targetPort}` : `${address}:${targetPort}`
}
