/** Settings of the embedded registry. */
import type { RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import { readPath } from '#config/settings-reader.ts'

export interface FileSettings extends RegistrySettings {
  readonly kind: 'file'
  /** A file or directory of Istio YAML. */
  readonly path: string
}

export const fileKind: RegistryKind<FileSettings> = {
  kind: 'file',
  fields: ['path'],
  read(fields, name, { reader, path, fromFile }) {
    const given = readPath(reader, fields.path, path)
    if (given === undefined) return undefined
    return { kind: 'file', name: name ?? `file/${given.replace(/^\/+|\/+$/g, '')}`, path: fromFile(given) }
  },
}
