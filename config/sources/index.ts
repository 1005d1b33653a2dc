/** The one list of configuration sources, and the watches they share with file registries. */
import { resolve } from 'node:path'
import type { ConfigSettings } from '../settings.ts'
import type { ConfigSource } from '../source.ts'
import { type FilesDeps, type FilesOptions, filesSource } from './files.ts'

/** The source for a path: one for each path, so that a directory has one watch however often it is used. */
export type FileSources = (path: string) => ConfigSource

export function sharedFileSources(
  options: Omit<FilesOptions, 'name' | 'path'> = {},
  deps: FilesDeps = {},
): FileSources {
  const sources = new Map<string, ConfigSource>()
  return (path) => {
    const key = resolve(path)
    const known = sources.get(key)
    if (known) return known
    const source = filesSource({ ...options, name: `files/${path.replace(/\/+$/, '') || '/'}`, path }, deps)
    sources.set(key, source)
    return source
  }
}

export function createConfigSource(settings: ConfigSettings, files: FileSources): ConfigSource {
  switch (settings.kind) {
    case 'files':
      return files(settings.path)
  }
}
