/** The one list of configuration sources, and the watches they share with file registries. */
import { resolve } from 'node:path'
import type { Observable, SchedulerLike } from 'rxjs'
import type { Logger } from '#support/logger.ts'
import type { FollowKv } from '../connections/consul-kv.ts'
import type { KubernetesConnection } from '../connections/kubernetes.ts'
import type { KubernetesCluster } from '../connections/kubernetes-api.ts'
import type { RegistrySettings } from '../entry-kind.ts'
import type { ConfigSource } from '../source.ts'
import { writeStatus } from '../status/writer.ts'
import { consulKvSource } from './consul-kv.ts'
import { type FilesDeps, type FilesOptions, filesSource } from './files.ts'
import { type ConfigEntry, filesName } from './kinds.ts'
import { kubernetesSource, type Verdict } from './kubernetes.ts'

/**
 * The source for a path: one for each path, so that a directory has one watch however often it is used. Who asks first
 * may name it.
 */
export type FileSources = (path: string, name?: string) => ConfigSource

export function sharedFileSources(
  options: Omit<FilesOptions, 'name' | 'path'> = {},
  deps: FilesDeps = {},
): FileSources {
  const sources = new Map<string, ConfigSource>()
  return (path, name = filesName(path)) => {
    const key = resolve(path)
    const known = sources.get(key)
    if (known) return known
    const source = filesSource({ ...options, name, path }, deps)
    sources.set(key, source)
    return source
  }
}

export interface CreateSourcesDeps {
  readonly files: FileSources
  /** The same for the same connection. */
  readonly kubernetes: (connection: KubernetesConnection) => KubernetesCluster
  readonly consulKv: FollowKv
  readonly rootNamespace: string
  /** Of this Pilot among those that share a cluster: unique. */
  readonly identity: string
  readonly clock: SchedulerLike
  readonly log: Logger
}

export interface CreatedSources {
  readonly configs: readonly ConfigSource[]
  /** Those of `configs` whose ServiceEntries and WorkloadEntries no registry of the settings reads. */
  readonly withServices: readonly ConfigSource[]
}

/**
 * The sources of the settings' `config`, and the directories of `file` registries: a directory of Istio's YAML means the
 * same wherever the settings name it, so `registries` and `config` both give its services and its configuration. (Only
 * a registry has a place in the order of precedence.)
 */
export function createConfigSources(
  settings: {
    readonly config: readonly ConfigEntry[]
    readonly registries: readonly (RegistrySettings & { readonly path?: string })[]
  },
  deps: CreateSourcesDeps,
): CreatedSources {
  const { files } = deps
  const configs = new Set(settings.config.map((entry) => createSource(entry, deps)))
  const registries = new Set(
    settings.registries.flatMap(({ kind, path }) =>
      kind === 'file' && path !== undefined ? [files(path)] : [],
    ),
  )
  return {
    configs: [...new Set([...configs, ...registries])],
    withServices: [...configs].filter((source) => !registries.has(source)),
  }
}

function createSource(entry: ConfigEntry, deps: CreateSourcesDeps): ConfigSource {
  switch (entry.kind) {
    case 'files':
      return deps.files(entry.path, entry.name)
    case 'consul-kv':
      return consulKvSource(
        { ...entry, rootNamespace: deps.rootNamespace },
        { follow: deps.consulKv, log: deps.log },
      )
    case 'kubernetes': {
      const cluster = deps.kubernetes(entry.connection)
      const { name, namespaces, leaseNamespace: namespace } = entry
      const { rootNamespace, identity, clock, log } = deps
      const writer = (verdicts: Observable<Verdict>) =>
        writeStatus({ identity, namespace, verdicts }, { cluster, clock, log })
      return kubernetesSource(
        { name, namespaces, rootNamespace },
        { cluster, clock, ...(entry.status && { writeStatus: writer }) },
      )
    }
  }
}
