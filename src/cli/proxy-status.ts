/** `pilothouse proxy-status [PROXY]`: how far each connected proxy has come, as istioctl shows it. */
import type { SyncStatus } from '#admin/deps.ts'
import { ask, jsonText } from './admin-client.ts'
import type { CommandResult, ViewOptions } from './options.ts'
import { alarm, table } from './table.ts'

interface TypeJson {
  readonly status: SyncStatus
  readonly nack: {
    readonly message: string
    readonly resources: readonly string[]
    readonly since: string
    readonly lastGoodVersion?: string
  } | null
}
interface ProxyJson {
  readonly proxyID: string
  readonly proxy: string
  readonly cluster: string
  readonly namespace: string
  readonly version: string
  readonly types: Readonly<Record<string, TypeJson>>
}

const columns = ['cds', 'lds', 'eds', 'rds', 'sds']

export async function proxyStatus(
  adminUrl: string,
  [proxyID]: readonly string[],
  { output, colors }: ViewOptions,
): Promise<CommandResult> {
  const [proxies, pilot] = await Promise.all([
    ask<readonly ProxyJson[]>(adminUrl, '/debug/syncz', { proxyID }),
    ask<{ version: string }>(adminUrl, '/version'),
  ])
  if (output === 'json') return { exitCode: 0, text: jsonText(proxies) }
  if (proxies.length === 0) return { exitCode: 0, text: 'No proxy is connected.' }
  const head = ['NAME', 'CLUSTER', 'NAMESPACE', ...columns.map((c) => c.toUpperCase()), 'PILOT', 'VERSION']
  const rows = proxies.map(({ proxy, cluster, namespace, version, types }) => [
    proxy,
    cluster,
    namespace,
    ...columns.map((column) => shown(types[column], colors)),
    `pilothouse-${pilot.version}`,
    version,
  ])
  return { exitCode: 0, text: [table(head, rows), ...proxies.flatMap(rejections)].join('\n') }
}

function shown(type: TypeJson | undefined, colors: boolean | undefined): string {
  if (!type) return ''
  return type.status === 'NACKED' ? alarm(type.status, colors) : type.status
}

/** What the proxy said of each response that it rejected and that still stands so. */
function rejections({ proxy, types }: ProxyJson): readonly string[] {
  return Object.entries(types).flatMap(([type, { nack }]) => {
    if (!nack) return []
    const kept = nack.lastGoodVersion ? `, keeps version ${nack.lastGoodVersion}` : ''
    const names = nack.resources.length > 0 ? [`  resources: ${nack.resources.join(', ')}`] : []
    return [
      [
        `\n${proxy} rejects ${type.toUpperCase()} since ${nack.since}${kept}:`,
        `  ${nack.message}`,
        ...names,
      ].join('\n'),
    ]
  })
}
