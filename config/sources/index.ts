/** The one list of configuration sources, and the watches they share with file registries. */
import { resolve } from 'node:path'
import { map } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { RegistrySettings } from '../entry-kind.ts'
import type { ConfigSource } from '../source.ts'
import { type FilesDeps, type FilesOptions, filesSource } from './files.ts'
import type { ConfigEntry } from './kinds.ts'

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
    const source = filesSource({ ...options, name: `files/${path.replace(/^\/+|\/+$/g, '')}`, path }, deps)
    sources.set(key, source)
    return source
  }
}

/**
 * The sources of the settings' `config`. A directory that is only a registry is there too, with its issues alone: its
 * services come by way of the registry, and what is wrong in its files must be seen somewhere.
 */
export function createConfigSources(
  settings: {
    readonly config: readonly ConfigEntry[]
    readonly registries: readonly (RegistrySettings & { readonly path?: string })[]
  },
  files: FileSources,
): readonly ConfigSource[] {
  const configs = settings.config.map((entry) => files(entry.path))
  const registries = settings.registries.flatMap(({ kind, path }) =>
    kind === 'file' && path !== undefined ? [files(path)] : [],
  )
  const others = [...new Set(registries)].filter((source) => !configs.includes(source))
  return [...new Set(configs), ...others.map(issuesOnly)]
}

function issuesOnly(source: ConfigSource): ConfigSource {
  const withoutObjects = (update: ConfigUpdate): ConfigUpdate => {
    switch (update.kind) {
      case 'full':
        return { ...update, objects: [] }
      case 'delta':
        return { ...update, changed: [], removed: [] }
      case 'trouble':
        return update
    }
  }
  return { ...source, updates: source.updates.pipe(map(withoutObjects)) }
}
