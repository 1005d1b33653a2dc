/** Listeners as `istioctl proxy-config listeners` shows them: a line for each filter chain. */
import { addressText, type FilterChain, type HttpManager, type Listener, type TcpProxy } from './dump.ts'

export const listenerHead = ['ADDRESSES', 'PORT', 'MATCH', 'DESTINATION', 'NAME'] as const

export function listenerRows(listener: Listener): readonly (readonly string[])[] {
  const { name, filter_chains = [], default_filter_chain, api_listener } = listener
  const { hosts, port } = place(listener)
  const row = (match: string, destination: string) => [hosts, port, match, destination, name]
  const chains = filter_chains.map((chain) => row(matchText(chain), destinationText(chain)))
  const fallback = default_filter_chain ? [row('ALL', destinationText(default_filter_chain))] : []
  const api = api_listener?.api_listener ? [row('API', httpText(api_listener.api_listener))] : []
  return [...chains, ...fallback, ...api]
}

function place({ address, additional_addresses = [] }: Listener): { hosts: string; port: string } {
  const all = [address, ...additional_addresses.map((each) => each.address)].filter(
    (each) => each !== undefined,
  )
  const hosts = all.map((each) => each.socket_address?.address ?? addressText(each))
  return { hosts: hosts.join(','), port: String(address?.socket_address?.port_value ?? '') }
}

function matchText({ filter_chain_match: match }: FilterChain): string {
  if (!match) return 'ALL'
  const { transport_protocol, application_protocols, server_names, prefix_ranges, destination_port } = match
  const ranges = prefix_ranges?.map(({ address_prefix, prefix_len = 0 }) => `${address_prefix}/${prefix_len}`)
  const port = destination_port === undefined ? '' : `:${destination_port}`
  const parts = [
    transport_protocol && `Trans: ${transport_protocol}`,
    application_protocols?.length && `App: ${application_protocols.join(',')}`,
    server_names?.length && `SNI: ${server_names.join(',')}`,
    (ranges?.length || port) && `Addr: ${ranges?.join(',') || '*'}${port}`,
  ].filter(Boolean)
  return parts.length > 0 ? parts.join('; ') : 'ALL'
}

function destinationText({ filters = [] }: FilterChain): string {
  for (const { typed_config } of filters) {
    if (typed_config?.rds || typed_config?.route_config) return httpText(typed_config)
    const text = typed_config && tcpText(typed_config)
    if (text) return text
  }
  return filters.at(-1)?.name ?? 'none'
}

const tcpText = ({ cluster, weighted_clusters }: TcpProxy): string => {
  const names = cluster ? [cluster] : (weighted_clusters?.clusters ?? []).map(({ name }) => name)
  return names.length > 0 ? `Cluster: ${names.join(', ')}` : ''
}

const httpText = ({ rds, route_config }: HttpManager): string =>
  rds ? `Route: ${rds.route_config_name ?? ''}` : `Inline Route: ${route_config?.name ?? ''}`
