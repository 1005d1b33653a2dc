/** Routes as `istioctl proxy-config routes` shows them: a line for each rule. */
import type { Route, RouteConfig, VirtualHost } from './dump.ts'

export const routeHead = ['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'DESTINATION', 'VIRTUAL SERVICE'] as const

export function routeRows({ name = '', virtual_hosts = [] }: RouteConfig): readonly (readonly string[])[] {
  return virtual_hosts.flatMap((host) =>
    (host.routes ?? []).map((route) => [
      name,
      host.name,
      domainText(host),
      matchText(route),
      destinationText(route),
      virtualService(route),
    ]),
  )
}

function domainText({ domains = [] }: VirtualHost): string {
  const [first = '', second, ...more] = domains
  if (second === undefined) return first
  return more.length === 0 ? `${first}, ${second}` : `${first}, ${second} + ${more.length} more`
}

function matchText(route: Route): string {
  const method = route.match?.headers?.find(({ name }) => name === ':method')?.string_match
  return [pathText(route), method?.safe_regex?.regex ?? method?.exact].filter(Boolean).join(' ')
}

function pathText({ match = {} }: Route): string {
  const { path, prefix, path_separated_prefix, safe_regex, connect_matcher } = match
  if (path !== undefined) return path
  if (path_separated_prefix !== undefined) return `${path_separated_prefix}/*`
  if (safe_regex) return `regex ${safe_regex.regex ?? ''}`
  if (connect_matcher) return 'CONNECT'
  return `${prefix ?? ''}*`
}

function destinationText({ route, redirect, direct_response }: Route): string {
  if (redirect) return 'redirect'
  if (direct_response) return `status ${direct_response.status ?? 200}`
  const weighted = route?.weighted_clusters?.clusters?.map(({ name }) => name).join(', ')
  return route?.cluster ?? weighted ?? ''
}

/** `name.namespace` out of `/apis/networking.istio.io/v1/namespaces/NAMESPACE/virtual-service/NAME`. */
function virtualService({ metadata }: Route): string {
  const config = metadata?.filter_metadata?.istio?.config
  const [, namespace, name] = /\/namespaces\/([^/]+)\/virtual-service\/([^/]+)$/.exec(config ?? '') ?? []
  return name ? `${name}.${namespace}` : ''
}
