/** By which Host a virtual host is found (Istio: pilot/pkg/networking/core/httproute.go). */
import type { ServiceAttributes } from '#model/mesh.ts'
import { isAddress } from './envoy.ts'
import { bracketed } from './names.ts'

/**
 * plain: `host`; Envoy ignores the port (ignore_port_in_host_matching). withPort: `host:port`, and `host` for port 80,
 * where one route configuration serves all ports. both: as withPort, and `host` for any port.
 */
export type DomainForm = 'plain' | 'withPort' | 'both'

/** The host itself comes first; then aliases, short names as a Kubernetes client may use them, and virtual IPs. */
export function hostNames(service: ServiceAttributes, proxyNamespace: string): readonly string[] {
  const hosts = [service.hostname, ...service.aliases]
  const names = [
    ...hosts,
    ...hosts.flatMap((host) => shortNames(host, service.namespace, proxyNamespace)),
    ...service.addresses.filter(isAddress).map(bracketed),
  ]
  return [...new Set(names.map((name) => name.toLowerCase()))]
}

export function inForm(host: string, port: number, form: DomainForm): readonly string[] {
  if (form === 'plain') return [host]
  return form === 'both' || port === 80 ? [host, `${host}:${port}`] : [`${host}:${port}`]
}

/** `orders.shop.svc.cluster.local` is also `orders.shop.svc`, `orders.shop` and, within shop, `orders`. */
function shortNames(host: string, namespace: string, proxyNamespace: string): readonly string[] {
  const [name, second, svc, domain] = host.split('.', 4)
  if (name === undefined || name === '*' || second !== namespace || svc !== 'svc' || domain === undefined)
    return []
  const names = [`${name}.${namespace}`, `${name}.${namespace}.svc`]
  return namespace === proxyNamespace ? [name, ...names] : names
}
