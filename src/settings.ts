/** The settings with the kinds of registries and configuration sources that this program has. */
import {
  type LoadedSettings as Loaded,
  loadSettings as load,
  type Settings as Of,
  type SettingsInput,
} from '#config/settings.ts'
import { type ConfigEntry, configKinds } from '#config/sources/kinds.ts'
import { type RegistryEntry, registryKinds } from '#registries/index.ts'

export type Settings = Of<RegistryEntry, ConfigEntry>
export type LoadedSettings = Loaded<RegistryEntry, ConfigEntry>

/** Flags win over the environment, which wins over the file; every issue at once. */
export const loadSettings = (input: SettingsInput): LoadedSettings =>
  load<RegistryEntry, ConfigEntry>(input, { registries: registryKinds, configs: configKinds })
