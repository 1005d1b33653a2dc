/** The human page at `/`: state at a glance, and links. */
import type { SourceState } from '#model/mesh.ts'
import { shortName } from '#xds/type-urls.ts'
import type { AdminDeps } from './deps.ts'
import { type ConnectedProxy, proxiesOf, proxyName, typesOf } from './proxies.ts'

export function indexPage(deps: AdminDeps, paths: readonly { path: string; summary: string }[]): string {
  const state = deps.mesh.readiness()
  const { services, configs, sources, revision } = deps.mesh.snapshot()
  const proxies = proxiesOf(deps.proxies.streams())
  const rejected = proxies.filter(({ streams }) =>
    streams.some(({ types }) => types.some(({ nack }) => nack)),
  )
  const facts = [
    [
      'state',
      state.ready ? 'ready' : `waiting for ${state.waitingFor.map(({ registry }) => registry).join(', ')}`,
    ],
    ['services', services.size],
    ['configuration objects', configs.size],
    [
      'proxies',
      `${proxies.length}${rejected.length > 0 ? `, ${rejected.length} with a rejected response` : ''}`,
    ],
    ['snapshot', revision],
  ] as const
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pilothouse</title>
<style>${style}</style>
<h1>Pilothouse ${escaped(deps.version.version)}</h1>
<table>${facts.map(([name, value]) => row([name, String(value)])).join('')}</table>
<h2>Sources</h2>
<table><tr><th>name</th><th>state</th><th>last update</th><th>error</th></tr>
${[...sources.values()].map(sourceRow).join('\n')}</table>
<h2>Proxies</h2>
<table><tr><th>name</th><th>types</th><th>sent</th></tr>
${proxies.slice(0, SHOWN).map(proxyRow).join('\n')}</table>
${proxies.length > SHOWN ? `<p>${proxies.length - SHOWN} more: <a href="/debug/syncz">/debug/syncz</a></p>` : ''}
<h2>Paths</h2>
<table>${paths.map(({ path, summary }) => `<tr><td><a href="${escaped(path)}">${escaped(path)}</a></td><td>${escaped(summary)}</td></tr>`).join('\n')}</table>
</html>
`
}

const style =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}' +
  'td,th{padding:.1rem 1.5rem .1rem 0;text-align:left;vertical-align:top}h2{font-size:1.1rem;margin-top:1.5rem}'

const SHOWN = 100

function proxyRow(proxy: ConnectedProxy): string {
  const types = typesOf(proxy).map(({ typeUrl, status }) => `${shortName(typeUrl)} ${status}`)
  const dump = `/debug/config_dump?proxyID=${encodeURIComponent(proxy.id)}`
  return `<tr><td>${escaped(proxyName(proxy.node))}</td><td>${escaped(types.join(', '))}</td><td><a href="${dump}">config_dump</a></td></tr>`
}

const sourceRow = ({ name, state, lastUpdate, error }: SourceState): string =>
  row([name, state, lastUpdate?.toISOString() ?? 'never', error ? `${error.message} ${error.remedy}` : ''])

const row = (cells: readonly string[]): string =>
  `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character]!)
