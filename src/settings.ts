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

/**
 * Flags win over the environment, which wins over the file; every issue at once. Where none of them says a `stateDir`, the
 * one that systemd made for the unit (STATE_DIRECTORY, systemd.exec(5)) is it.
 */
export function loadSettings(input: SettingsInput): LoadedSettings {
  const loaded = load<RegistryEntry, ConfigEntry>(input, { registries: registryKinds, configs: configKinds })
  const { settings } = loaded
  const [stateDir] = (input.env?.STATE_DIRECTORY ?? '').split(':')
  if (!settings || !stateDir || settings.stateDir !== undefined) return loaded
  return { ...loaded, settings: { ...settings, stateDir } }
}
