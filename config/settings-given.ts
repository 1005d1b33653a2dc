/** What flags and environment say: fields instead of the file's, and registries beside them. */
import type { GivenEntry } from './entries.ts'
import type { EntryKind, RegistrySettings } from './entry-kind.ts'
import type { Fields } from './settings-reader.ts'
import type { Path } from './yaml.ts'

/** Flags of the command line, as they were given. */
export interface SettingsFlags {
  readonly config?: string
  readonly files?: readonly string[]
  /** By kind of registry: the values of its flag, `{ consul: ['http://127.0.0.1:8500'] }`. */
  readonly registries?: Readonly<Record<string, readonly string[] | undefined>>
  readonly xdsAddress?: string
  readonly adminAddress?: string
  readonly stateDir?: string
  readonly startupGrace?: string
  readonly logLevel?: string
  readonly logFormat?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Scalar settings outside the file: flag, variable, place in the file. */
const OVERRIDES = [
  ['xdsAddress', 'PILOTHOUSE_XDS_ADDRESS', ['xds', 'address']],
  ['adminAddress', 'PILOTHOUSE_ADMIN_ADDRESS', ['admin', 'address']],
  ['stateDir', 'PILOTHOUSE_STATE_DIR', ['stateDir']],
  ['startupGrace', 'PILOTHOUSE_STARTUP_GRACE', ['startupGrace']],
  ['logLevel', 'PILOTHOUSE_LOG_LEVEL', ['log', 'level']],
  ['logFormat', 'PILOTHOUSE_LOG_FORMAT', ['log', 'format']],
] as const satisfies readonly (readonly [keyof SettingsFlags, string, Path])[]

/** The file's values with what flags and environment say instead, and which of them said so. */
export function override(root: Fields, flags: SettingsFlags, env: Environment) {
  const sources = new Map<string, string>()
  if (typeof root !== 'object' || Array.isArray(root)) return { root, sources }
  const copy: Record<string, unknown> = { ...root }
  for (const [flag, variable, path] of OVERRIDES) {
    const value = flags[flag] ?? (env[variable] || undefined)
    if (value === undefined) continue
    sources.set(path.join('.'), flags[flag] === undefined ? variable : `--${kebab(flag)}`)
    const [first, second] = path
    if (second === undefined) copy[first] = value
    else copy[first] = { ...(copy[first] as object | undefined), [second]: value }
  }
  return { root: copy as Fields, sources }
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)

/** Directories and files of `--files`, else of PILOTHOUSE_FILES. */
export const filesOf = (flags: SettingsFlags, env: Environment): readonly string[] =>
  flags.files?.length ? flags.files : (env.PILOTHOUSE_FILES ?? '').split(':').filter((path) => path !== '')

/** What flags stand for, in the order in which `pilothouse serve --help` lists them. */
export function entriesOfFlags(
  flags: SettingsFlags,
  files: readonly string[],
  kinds: readonly Pick<EntryKind<RegistrySettings>, 'kind' | 'flag'>[],
): readonly GivenEntry[] {
  const ofFiles = files.map((path) => ({ fields: { kind: 'file', path }, flag: '--files' }))
  const others = kinds.flatMap(({ kind, flag }) =>
    (flags.registries?.[kind] ?? []).map((value) => ({
      fields: { ...flag?.(value), kind },
      flag: `--${kind}`,
    })),
  )
  return [...ofFiles, ...others].map((entry) => ({ ...entry, path: [entry.fields.kind] }))
}
