/**
 * Who sees what: exportTo, the Sidecar resource in force, and its egress hosts. Pure; the rules are those of Istio's
 * pilot/pkg/model/sidecar.go and push_context.go.
 */
import type { ConfigObject, SidecarEgress, SidecarSpec } from '#model/config.ts'
import type { MeshService, ServiceAttributes } from '#model/mesh.ts'
import type { Labels, Protocol } from '#model/service.ts'
import type { Sidecar } from './view.ts'

export type SidecarConfig = ConfigObject<'Sidecar', SidecarSpec>

/** All namespaces see it: its mesh key is its hostname alone. */
export const isPublic = ({ exportTo }: Pick<ServiceAttributes, 'exportTo'>): boolean =>
  exportTo.length === 0 || exportTo.includes('*')

/** exportTo: `*` all, `.` its own namespace, a name that namespace, `~` (alone) nobody. */
export function isVisible(service: ServiceAttributes, namespace: string): boolean {
  if (isPublic(service)) return true
  return service.exportTo.some((to) => to === namespace || (to === '.' && service.namespace === namespace))
}

/**
 * Order among services of one hostname that a namespace sees, best first: its own, then those exported to less than all
 * (they shadow the public one), then the oldest, then by key.
 */
function compareServices(a: ServiceAttributes, b: ServiceAttributes, namespace: string): number {
  return (
    Number(a.namespace !== namespace) - Number(b.namespace !== namespace) ||
    Number(isPublic(a)) - Number(isPublic(b)) ||
    compareAge(a, b) ||
    compareText(a.key, b.key)
  )
}

/** Oldest first; an unknown age comes last. */
export function compareAge(a: { readonly createdAt?: string }, b: { readonly createdAt?: string }): number {
  if (a.createdAt === b.createdAt) return 0
  if (a.createdAt === undefined) return 1
  if (b.createdAt === undefined) return -1
  return Date.parse(a.createdAt) - Date.parse(b.createdAt) || 0
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Oldest, then name: who wins among Sidecar resources of equal rank. */
export const compareConfigs = (a: SidecarConfig, b: SidecarConfig): number =>
  compareAge(a, b) || compareText(a.name, b.name)

const selects = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value)

/**
 * The Sidecar resource in force: one of the namespace whose workloadSelector matches, else the namespace's default (no
 * selector), else the root namespace's default. Gateways (`router`) have none. Both lists in order of compareConfigs.
 */
export function sidecarConfigFor(
  sidecar: Pick<Sidecar, 'type' | 'labels'>,
  inNamespace: readonly SidecarConfig[],
  inRoot: readonly SidecarConfig[],
): SidecarConfig | undefined {
  if (sidecar.type === 'router') return undefined
  return (
    inNamespace.find(
      ({ spec }) => spec.workloadSelector && selects(spec.workloadSelector.labels, sidecar.labels),
    ) ??
    inNamespace.find(({ spec }) => !spec.workloadSelector) ??
    inRoot.find(({ spec }) => !spec.workloadSelector)
  )
}

/** May this service be called through the egress entry (or the default)? */
export type ServiceFilter = (service: ServiceAttributes) => boolean

/** One egress entry with a port (or a socket) of its own. */
interface EgressScope {
  readonly egress: SidecarEgress
  readonly protocol: Protocol | 'HTTP_PROXY'
  readonly imports: ServiceFilter
}

/** What a namespace, under one Sidecar resource, may call. */
export interface ScopeRules {
  readonly namespace: string
  readonly config?: SidecarConfig
  /** Of the egress entries without a port; undefined where all entries have one. */
  readonly catchAll: ServiceFilter
  readonly listeners: readonly EgressScope[]
}

/** Compiles the resource once, so that asking about a service is cheap. No resource, or no egress, means `*\/*`. */
export function scopeRules(namespace: string, config: SidecarConfig | undefined): ScopeRules {
  const visible: ServiceFilter = (service) => isVisible(service, namespace)
  const egress = config?.spec.egress ?? []
  if (egress.length === 0) return { namespace, config, catchAll: visible, listeners: [] }
  const open = hostFilter(
    egress.filter(({ port }) => port === undefined).flatMap(({ hosts }) => hosts),
    namespace,
  )
  return {
    namespace,
    config,
    catchAll: (service) => visible(service) && open(service),
    listeners: egress
      .filter(({ port }) => port !== undefined)
      .map((entry) => {
        const protocol = toProtocol(entry.port!.protocol)
        const hosts = hostFilter(entry.hosts, namespace)
        const onPort = portFilter(entry.port!.number, protocol)
        return { egress: entry, protocol, imports: (each) => visible(each) && onPort(each) && hosts(each) }
      }),
  }
}

/** A listener with a port serves the services that have it; an HTTP_PROXY or a Unix socket (port 0) serves all. */
const portFilter = (number: number, protocol: Protocol | 'HTTP_PROXY'): ServiceFilter =>
  number === 0 || protocol === 'HTTP_PROXY'
    ? () => true
    : (service) => service.ports.some(({ port }) => port === number)

/** `namespace/host` entries; a service also goes by its aliases. */
function hostFilter(hosts: readonly string[], ownNamespace: string): ServiceFilter {
  const exact = new Set<string>()
  const suffixes: { readonly namespace: string; readonly suffix: string }[] = []
  for (const entry of hosts) {
    const slash = entry.indexOf('/')
    const namespace = entry.slice(0, slash) === '.' ? ownNamespace : entry.slice(0, slash)
    const host = entry.slice(slash + 1).toLowerCase()
    if (slash < 0 || namespace === '~') continue
    if (host.startsWith('*')) suffixes.push({ namespace, suffix: host.slice(1) })
    else exact.add(`${namespace}/${host}`)
  }
  const named = (namespace: string, host: string) =>
    exact.has(`${namespace}/${host}`) || exact.has(`*/${host}`)
  const ends = (namespace: string, host: string) =>
    suffixes.some(
      (each) => (each.namespace === '*' || each.namespace === namespace) && host.endsWith(each.suffix),
    )
  return ({ namespace, hostname, aliases }) =>
    [hostname, ...aliases].some((host) => named(namespace, host) || ends(namespace, host))
}

/** The one service of a hostname that the rules let through, if any. */
export function pickService(
  candidates: readonly MeshService[],
  imports: ServiceFilter,
  namespace: string,
): MeshService | undefined {
  return candidates
    .filter(({ attributes }) => imports(attributes))
    .sort((a, b) => compareServices(a.attributes, b.attributes, namespace))[0]
}

const protocols: Readonly<Record<string, Protocol | 'HTTP_PROXY'>> = {
  http: 'HTTP',
  http2: 'HTTP2',
  grpc: 'GRPC',
  'grpc-web': 'GRPC-Web',
  https: 'HTTPS',
  tls: 'TLS',
  tcp: 'TCP',
  mongo: 'Mongo',
  mysql: 'MySQL',
  redis: 'Redis',
  udp: 'UDP',
  http_proxy: 'HTTP_PROXY',
}

/** As Istio's protocol.Parse: any case; what is not known is detected. */
export const toProtocol = (name: string): Protocol | 'HTTP_PROXY' => protocols[name.toLowerCase()] ?? 'AUTO'
