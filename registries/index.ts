/** The one list of registries: an entry of the settings to its adapter. */
import type { ConfigSource } from '#config/source.ts'
import { fileRegistry } from './file/index.ts'
import type { Registry, RegistryDeps } from './registry.ts'

/** An entry of `registries` in the settings (config/settings.ts RegistrySettings). */
export type RegistryEntry = { readonly kind: 'file'; readonly name: string; readonly path: string }

export interface CreateRegistryDeps extends RegistryDeps {
  /** The followed files of a path; the same source for the same path, so that one watch serves all. */
  readonly files: (path: string) => ConfigSource
}

export function createRegistry(entry: RegistryEntry, deps: CreateRegistryDeps): Registry {
  switch (entry.kind) {
    case 'file':
      return fileRegistry({ name: entry.name, config: deps.files(entry.path) })
  }
}
