/** The one list of registries: their kinds for the settings, and an entry of the settings to its adapter. */
import type { KubernetesConnection } from '#config/connections/kubernetes.ts'
import type { KubernetesCluster } from '#config/connections/kubernetes-api.ts'
import type { ConfigSource } from '#config/source.ts'
import { type AutoregistrationDeps, autoregistrationRegistry } from './autoregistration/index.ts'
import { type AutoregistrationSettings, autoregistrationKind } from './autoregistration/options.ts'
import { consulRegistry } from './consul/index.ts'
import { type ConsulSettings, consulKind } from './consul/options.ts'
import { dnsRegistry } from './dns/index.ts'
import { type DnsSettings, dnsKind } from './dns/options.ts'
import { eurekaRegistry } from './eureka/index.ts'
import { type EurekaSettings, eurekaKind } from './eureka/options.ts'
import { fileRegistry } from './file/index.ts'
import { type FileSettings, fileKind } from './file/options.ts'
import { type ClusterDeps, kubernetesCluster } from './kubernetes/cluster.ts'
import { kubernetesRegistry } from './kubernetes/index.ts'
import { type KubernetesSettings, kubernetesKind } from './kubernetes/options.ts'
import { nomadRegistry } from './nomad/index.ts'
import { type NomadSettings, nomadKind } from './nomad/options.ts'
import type { Registry, RegistryDeps } from './registry.ts'

/** An entry of `registries` in the settings. */
export type RegistryEntry =
  | AutoregistrationSettings
  | FileSettings
  | DnsSettings
  | EurekaSettings
  | ConsulSettings
  | KubernetesSettings
  | NomadSettings

export const registryKinds = [
  consulKind,
  nomadKind,
  autoregistrationKind,
  fileKind,
  dnsKind,
  eurekaKind,
  kubernetesKind,
]

export { fileRegistry } from './file/index.ts'

/** One client for each cluster, however many registries and configuration sources read it. */
export function sharedClusters(deps: ClusterDeps): (connection: KubernetesConnection) => KubernetesCluster {
  const clusters = new Map<string, KubernetesCluster>()
  return (connection) => {
    const key = JSON.stringify(connection)
    const cluster = clusters.get(key) ?? kubernetesCluster(connection, deps)
    clusters.set(key, cluster)
    return cluster
  }
}

export interface CreateRegistryDeps extends RegistryDeps {
  /** The followed files of a path; the same source for the same path, so that one watch serves all. */
  readonly files: (path: string) => ConfigSource
  /** The same cluster for the same connection. */
  readonly kubernetes: (connection: KubernetesConnection) => KubernetesCluster
  /** What self-registration under this name is told. */
  readonly autoregistration: (
    name: string,
  ) => Pick<AutoregistrationDeps, 'proxies' | 'groups' | 'restored' | 'controller'>
}

export function createRegistry(entry: RegistryEntry, deps: CreateRegistryDeps): Registry {
  switch (entry.kind) {
    case 'autoregistration':
      return autoregistrationRegistry(entry, { ...deps, ...deps.autoregistration(entry.name) })
    case 'consul':
      return consulRegistry(entry, deps)
    case 'dns':
      return dnsRegistry(entry, deps)
    case 'eureka':
      return eurekaRegistry(entry, deps)
    case 'file':
      return fileRegistry({ name: entry.name, config: deps.files(entry.path) })
    case 'kubernetes':
      return kubernetesRegistry(entry, { ...deps, cluster: deps.kubernetes(entry.connection) })
    case 'nomad':
      return nomadRegistry(entry, deps)
  }
}
