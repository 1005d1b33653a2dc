/** What the settings need to know of a kind of registry or of configuration source: its fields, its flag, its names. */
import type { Fields, Reader } from './settings-reader.ts'
import type { Path } from './yaml.ts'

/** What every entry of `registries` has; its other fields are its kind's own. */
export interface RegistrySettings {
  readonly kind: string
  /** Unique: the owner recorded on everything that this registry reports, e.g. `consul/dc1`. */
  readonly name: string
  /** When a mass disappearance is held back; absent = never. */
  readonly protection?: Protection
}

export interface Protection {
  /** 0 to 1: more than this part of a registry's endpoints gone at once is doubted. */
  readonly share: number
  /** Fewer endpoints than this are no mass. */
  readonly atLeast: number
  /** How long they are held back, ms. */
  readonly hold: number
}

/** What every entry of `config` has. */
export interface ConfigSettings {
  readonly kind: string
  readonly name: string
}

export interface EntryContext {
  readonly reader: Reader
  /** Of the entry, e.g. `['registries', 2]`. */
  readonly path: Path
  readonly env: Readonly<Record<string, string | undefined>>
  /** A path as it is meant: in a settings file from where that file is, in a flag from the working directory. */
  readonly fromFile: (path: string) => string
}

export interface EntryKind<Entry extends { readonly kind: string; readonly name: string }> {
  readonly kind: Entry['kind']
  /** Its own fields: all but `kind`, `name` and a registry's `protection`. */
  readonly fields: readonly string[]
  /**
   * The entry with its defaults (from the environment, else its own). `name` is the one given, as `KIND/NAME`; without
   * it the kind finds a stable one. What is wrong is told to the reader; undefined where nothing can be made of it.
   */
  read(fields: Fields, name: string | undefined, context: EntryContext): Entry | undefined
  /** The fields that a value of its flag stands for: `--consul URL` is `{ address: URL }`. */
  readonly flag?: (value: string) => Fields
}

export type RegistryKind<Entry extends RegistrySettings = RegistrySettings> = EntryKind<Entry>
export type ConfigKind<Entry extends ConfigSettings = ConfigSettings> = EntryKind<Entry>
