/** The one list of registries: their kinds for the settings, and an entry of the settings to its adapter. */
import type { ConfigSource } from '#config/source.ts'
import { dnsRegistry } from './dns/index.ts'
import { type DnsSettings, dnsKind } from './dns/options.ts'
import { fileRegistry } from './file/index.ts'
import { type FileSettings, fileKind } from './file/options.ts'
import type { Registry, RegistryDeps } from './registry.ts'

/** An entry of `registries` in the settings. */
export type RegistryEntry = FileSettings | DnsSettings

export const registryKinds = [fileKind, dnsKind]

export interface CreateRegistryDeps extends RegistryDeps {
  /** The followed files of a path; the same source for the same path, so that one watch serves all. */
  readonly files: (path: string) => ConfigSource
}

export function createRegistry(entry: RegistryEntry, deps: CreateRegistryDeps): Registry {
  switch (entry.kind) {
    case 'dns':
      return dnsRegistry(entry, deps)
    case 'file':
      return fileRegistry({ name: entry.name, config: deps.files(entry.path) })
  }
}
