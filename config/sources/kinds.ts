/** Settings of each kind of configuration source. */
import { normalize } from 'node:path'
import {
  connectionName,
  type KubernetesConnection,
  kubernetesConnectionFields,
  readKubernetesConnection,
} from '../connections/kubernetes.ts'
import type { ConfigKind, ConfigSettings } from '../entry-kind.ts'
import { readFlag, readPath, readText, readTexts } from '../settings-reader.ts'
import { type ConsulKvSettings, consulKvKind } from './consul-kv-kind.ts'

export interface FilesSettings extends ConfigSettings {
  readonly kind: 'files'
  /** A file or directory of Istio YAML. */
  readonly path: string
}

/** `files/PATH`, where the settings say no name. */
export const filesName = (path: string): string => `files/${path.replace(/^\/+|\/+$/g, '')}`

const filesKind: ConfigKind<FilesSettings> = {
  kind: 'files',
  fields: ['path'],
  read(fields, name, { reader, path, fromFile }) {
    const given = readPath(reader, fields.path, path)
    if (given === undefined) return undefined
    const file = fromFile(given)
    return { kind: 'files', name: name ?? filesName(normalize(file)), path: file }
  },
}

export interface KubernetesConfigSettings extends ConfigSettings {
  readonly kind: 'kubernetes'
  readonly connection: KubernetesConnection
  /** None = all of the cluster. */
  readonly namespaces: readonly string[]
  /** Whether the elected Pilot writes what it found of an object to the object's status. */
  readonly status: boolean
  /** Where the Lease of the election is. */
  readonly leaseNamespace: string
}

const kubernetesKind: ConfigKind<KubernetesConfigSettings> = {
  kind: 'kubernetes',
  fields: [...kubernetesConnectionFields, 'namespaces', 'status', 'leaseNamespace'],
  read(fields, name, context) {
    const { reader, path, env } = context
    const connection = readKubernetesConnection(fields, context)
    if (connection === undefined) return undefined
    return {
      kind: 'kubernetes',
      // Not the name of the registry that reads the same cluster's services.
      name: `config/${name ?? `kubernetes/${connectionName(connection)}`}`,
      connection,
      namespaces: readTexts(reader, fields.namespaces, [...path, 'namespaces']),
      status: readFlag(reader, fields.status, [...path, 'status']) ?? true,
      leaseNamespace:
        readText(reader, fields.leaseNamespace, [...path, 'leaseNamespace']) ??
        (env.POD_NAMESPACE || 'pilothouse'),
    }
  },
}

export type ConfigEntry = FilesSettings | KubernetesConfigSettings | ConsulKvSettings

/** The one list. */
export const configKinds = [filesKind, kubernetesKind, consulKvKind]
