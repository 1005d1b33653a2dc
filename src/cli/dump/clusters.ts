/** Clusters as `istioctl proxy-config clusters` shows them. */
import { type Cluster, clusterName } from './dump.ts'

export const clusterHead = ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'ORIGIN'] as const

export function clusterRow({ name, type, cluster_type, metadata }: Cluster): readonly string[] {
  const parts = clusterName(name)
  const kind = cluster_type?.name ?? type ?? 'STATIC'
  const origins = metadata?.filter_metadata?.pilothouse?.origins ?? []
  const origin = origins.map(({ source, object }) => `${source}:${object}`).join(', ')
  return parts
    ? [parts.host, parts.port, parts.subset, parts.direction, kind, origin]
    : [name, '', '', '', kind, origin]
}
