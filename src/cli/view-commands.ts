/** services, endpoints, registries, config, proxy-status, proxy-config: what a running Pilot knows. */
import { Argument, type Command, Option } from 'commander'
import type { ViewOptions } from './options.ts'
import { port } from './parse.ts'
import { show, type Terminal } from './terminal.ts'

type Asked = ViewOptions & { readonly admin: string }

export function addViewCommands(program: Command, terminal: Terminal): void {
  const colors = terminal.colors
  view(program, 'services', 'services of all registries').action(async ({ admin, ...options }: Asked) => {
    const { services } = await import('./services.ts')
    show(terminal, await services(admin, [], { ...options, colors }))
  })

  view(program, 'endpoints', 'endpoints with their health and registry')
    .argument('[service]', 'hostname of one service')
    .option('--registry <name>', 'only those of this registry')
    .action(async (service: string | undefined, { admin, ...options }: Asked & { registry?: string }) => {
      const { endpoints } = await import('./endpoints.ts')
      show(terminal, await endpoints(admin, service === undefined ? [] : [service], { ...options, colors }))
    })

  view(program, 'registries', 'registries and configuration sources with their state')
    .option('--accept <name>', 'let go what is held back (protected) of this registry')
    .action(async ({ admin, ...options }: Asked & { accept?: string }) => {
      const { registries } = await import('./registries.ts')
      show(terminal, await registries(admin, [], { ...options, colors }))
    })

  view(program, 'config', 'configuration objects, and what is wrong with any')
    .option('--kind <kind>', 'only this kind, e.g. Sidecar')
    .option('--namespace <name>', 'only this namespace')
    .option('--name <name>', 'only this name')
    .action(async ({ admin, ...options }: Asked) => {
      const { config } = await import('./config.ts')
      show(terminal, await config(admin, [], { ...options, colors }))
    })

  view(program, 'proxy-status', 'each connected proxy: what it has, and what it rejected')
    .alias('ps')
    .argument('[proxy]', 'node id, or name.namespace')
    .action(async (proxy: string | undefined, { admin, ...options }: Asked) => {
      const { proxyStatus } = await import('./proxy-status.ts')
      show(terminal, await proxyStatus(admin, proxy === undefined ? [] : [proxy], { ...options, colors }))
    })

  view(program, 'proxy-config', 'what a proxy was sent')
    .alias('pc')
    .addArgument(
      new Argument(
        '<kind>',
        'listeners, routes, clusters, endpoints, secrets or all (singular does as well)',
      ),
    )
    .argument('<proxy>', 'node id, or name.namespace')
    .option('--fqdn <hostname>', 'only clusters and endpoints of this service')
    .option('--port <port>', 'only this port', port)
    .option('--name <name>', 'only the resource of this name')
    .action(async (kind: string, proxy: string, { admin, ...options }: Asked) => {
      const { proxyConfig } = await import('./proxy-config.ts')
      show(terminal, await proxyConfig(admin, [kind, proxy], { ...options, colors }))
    })
}

/** A command that asks a running Pilot. */
const view = (program: Command, name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .addOption(new Option('-o, --output <format>', 'form').choices(['table', 'json']).default('table'))
    .addOption(
      new Option('--admin <url>', "the Pilot's REST")
        .env('PILOTHOUSE_ADMIN')
        .default('http://127.0.0.1:15014'),
    )
