/** `pilothouse proxy-config KIND PROXY`: what a proxy was sent, as istioctl shows it. */
import { ask, jsonText } from './admin-client.ts'
import type { Dump } from './dump/dump.ts'
import { type Filters, type Kind, views } from './dump/kinds.ts'
import { CommandFailure } from './failure.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import { table } from './table.ts'

export interface ProxyConfigOptions extends ViewOptions, Filters {}

/** Plural, singular and istioctl's short forms. */
const kinds: Readonly<Record<string, Kind | 'all'>> = {
  listeners: 'listeners',
  listener: 'listeners',
  l: 'listeners',
  routes: 'routes',
  route: 'routes',
  r: 'routes',
  clusters: 'clusters',
  cluster: 'clusters',
  c: 'clusters',
  endpoints: 'endpoints',
  endpoint: 'endpoints',
  ep: 'endpoints',
  secrets: 'secrets',
  secret: 'secrets',
  s: 'secrets',
  all: 'all',
  a: 'all',
}

/** `args` are the kind and the proxy. */
export async function proxyConfig(
  adminUrl: string,
  [word = '', proxyID]: readonly string[],
  { output, fqdn, port, name }: ProxyConfigOptions,
): Promise<CommandResult> {
  const kind = kinds[word]
  if (!kind)
    throw new CommandFailure(
      `proxy-config does not know ${JSON.stringify(word)}.`,
      'Say listeners, routes, clusters, endpoints, secrets or all.',
      2,
    )
  const dump = await ask<Dump>(adminUrl, '/debug/config_dump', {
    proxyID,
    types: kind === 'all' ? undefined : views[kind].types,
  })
  const filters = { fqdn, port, name }
  const text = kind === 'all' ? allText(dump, filters, output) : kindText(kind, dump, filters, output)
  return { exitCode: 0, text }
}

function kindText(kind: Kind, dump: Dump, filters: Filters, output: ViewOptions['output']): string {
  const { head, select, rows } = views[kind]
  const selected = select(dump, filters)
  if (output === 'json') return jsonText(selected)
  return selected.length > 0 ? table(head, rows(selected)) : `This proxy has no such ${kind}.`
}

function allText(dump: Dump, filters: Filters, output: ViewOptions['output']): string {
  if (output === 'json') return jsonText(dump)
  const all: readonly Kind[] = ['clusters', 'listeners', 'routes', 'endpoints', 'secrets']
  return all
    .filter((kind) => views[kind].select(dump, filters).length > 0)
    .map((kind) => kindText(kind, dump, filters, output))
    .join('\n\n')
}
