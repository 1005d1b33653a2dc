/** Settings of a Kubernetes registry. */
import {
  connectionName,
  type KubernetesConnection,
  kubernetesConnectionFields,
  readKubernetesConnection,
} from '#config/connections/kubernetes.ts'
import type { RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import { complain, readText, readTexts } from '#config/settings-reader.ts'
import { isHostname } from '../hostname.ts'

export interface KubernetesSettings extends RegistrySettings {
  readonly kind: 'kubernetes'
  readonly connection: KubernetesConnection
  /** Only these; empty = all, which takes rights on the whole cluster. */
  readonly namespaces: readonly string[]
  /** Of the cluster's DNS: services are `{service}.{namespace}.svc.{domain}`. */
  readonly domain: string
  /** Of all endpoints, unless a pod's label `topology.istio.io/network` says otherwise; '' = the proxies' own. */
  readonly network: string
  /** Istio's name for the cluster: the label `topology.istio.io/cluster` of its endpoints. */
  readonly cluster?: string
}

export const kubernetesKind: RegistryKind<KubernetesSettings> = {
  kind: 'kubernetes',
  fields: [...kubernetesConnectionFields, 'namespaces', 'domain', 'network', 'cluster'],
  read(fields, name, context) {
    const { reader, path } = context
    const text = (field: string) => readText(reader, fields[field], [...path, field])
    const namespaces = readTexts(reader, fields.namespaces, [...path, 'namespaces'])
    const domain = text('domain') ?? 'cluster.local'
    if (!isHostname(domain))
      complain(reader, [...path, 'domain'], `"${domain}" is no DNS name`, 'Write it as cluster.local.')
    for (const [i, namespace] of namespaces.entries())
      if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
        complain(
          reader,
          [...path, 'namespaces', i],
          `"${namespace}" is no namespace`,
          'Name namespaces, or leave the list empty for all.',
        )
    const network = text('network') ?? ''
    const cluster = text('cluster')
    const connection = readKubernetesConnection(fields, context)
    if (!connection) return undefined
    return {
      kind: 'kubernetes',
      name: name ?? `kubernetes/${connectionName(connection)}`,
      ...{ connection, network, domain: domain.toLowerCase() },
      namespaces: [...new Set(namespaces)],
      ...(cluster === undefined ? {} : { cluster }),
    }
  },
  flag: (file) => (file === '' ? {} : { kubeconfig: file }),
}
