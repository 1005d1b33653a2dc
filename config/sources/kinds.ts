/** Settings of each kind of configuration source. */
import { normalize } from 'node:path'
import type { ConfigKind, ConfigSettings } from '../entry-kind.ts'
import { readPath } from '../settings-reader.ts'

export interface FilesSettings extends ConfigSettings {
  readonly kind: 'files'
  /** A file or directory of Istio YAML. */
  readonly path: string
}

const filesKind: ConfigKind<FilesSettings> = {
  kind: 'files',
  fields: ['path'],
  read(fields, name, { reader, path, fromFile }) {
    const given = readPath(reader, fields.path, path)
    if (given === undefined) return undefined
    const dir = normalize(fromFile(given))
    return { kind: 'files', name: name ?? `files/${dir.replace(/^\/+|\/+$/g, '')}`, path: fromFile(given) }
  },
}

export type ConfigEntry = FilesSettings

/** The one list. */
export const configKinds = [filesKind]
