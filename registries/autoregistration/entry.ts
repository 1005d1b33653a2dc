/**
 * The workload of a proxy that registers itself, by the rules of Istio's autoregistration controller
 * (pilot/pkg/autoregistration): its name, and what of template, group and proxy wins. Pure.
 */
import { isIP } from 'node:net'
import type { ConfigObject } from '#model/config.ts'
import type { Labels, Locality, Workload } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { HEALTH_KEY, healthOf } from '../health.ts'
import { labelsOfMeta } from '../labels.ts'
import type { RegisteringProxy } from './proxy.ts'

/** Istio's WorkloadGroup, what is used of it; it has been checked where it came in. */
export interface GroupSpec {
  readonly metadata?: { readonly labels?: Labels }
  readonly template?: {
    readonly ports?: Readonly<Record<string, number>>
    readonly labels?: Labels
    readonly network?: string
    readonly locality?: string
    readonly weight?: number
    readonly serviceAccount?: string
  }
}
export type Group = ConfigObject<string, GroupSpec>

/** Kubernetes' limit of an object's name. */
const MAX_NAME = 253
const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/

/** `GROUP-IP[-NETWORK]`, `:` of IPv6 as `-`; cut at its beginning. undefined: it would be no object's name. */
export function entryName({
  group,
  ip,
  network,
}: Pick<RegisteringProxy, 'group' | 'ip' | 'network'>): string | undefined {
  const name = [group, ip.replaceAll(':', '-'), ...(network === '' ? [] : [network])]
    .join('-')
    .slice(-MAX_NAME)
  return isIP(ip) !== 0 && NAME.test(name) ? name : undefined
}

/** Labels: the proxy's win over those of the group's `metadata`, these over the template's. Network, locality: the proxy's. */
export function toWorkload(proxy: RegisteringProxy, name: string, group: Group, registry: string): Workload {
  const { template = {}, metadata = {} } = group.spec
  const locality = proxy.locality ?? localityOf(template.locality)
  // A proxy says of itself what it is, not how it is.
  const { [HEALTH_KEY]: _health, ...labels } = {
    ...template.labels,
    ...metadata.labels,
    ...labelsOfMeta(proxy.labels),
  }
  return {
    address: canonicalAddress(proxy.ip),
    ports: template.ports ?? {},
    health: healthOf(template.labels ?? {}) ?? 'HEALTHY',
    weight: template.weight || 1,
    ...(locality && { locality }),
    labels,
    network: proxy.network || (template.network ?? ''),
    serviceAccount: template.serviceAccount ?? '',
    workload: name,
    namespace: proxy.namespace,
    registry,
    origin: { ...group.origin, source: registry, object: groupObject(group.namespace, group.name) },
  }
}

export const groupObject = (namespace: string, name: string): string => `WorkloadGroup/${namespace}/${name}`

/** Why this proxy is not registered in this group, in one sentence; undefined: it is. */
export function refusal(proxy: RegisteringProxy, group: Group): string | undefined {
  const wanted = group.spec.template?.serviceAccount
  if (wanted && proxy.serviceAccount !== '' && proxy.serviceAccount !== wanted)
    return `it says its service account is ${proxy.serviceAccount}, the group's is ${wanted}`
  return undefined
}

export function localityOf(text: string | undefined): Locality | undefined {
  if (!text) return undefined
  const [region = '', zone = '', subzone = ''] = text.split('/')
  return { region, zone, subzone }
}
