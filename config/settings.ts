/** The settings of `pilothouse serve`: file, environment and flags to one checked value, with every issue at once. */
import { dirname, isAbsolute, join } from 'node:path'
import type { Issue } from '#model/issue.ts'
import type { MeshSettings } from '#model/mesh.ts'
import { givenIn, PROTECTION, readConfigs, readProtection, readRegistries } from './entries.ts'
import type { ConfigSettings, EntryKind, Protection, RegistrySettings } from './entry-kind.ts'
import { issue } from './issue-codes.ts'
import { readMesh } from './mesh-settings.ts'
import { readDocument, readUtf8 } from './settings-file.ts'
import { type Environment, entriesOfFlags, filesOf, override, type SettingsFlags } from './settings-given.ts'
import {
  type Fields,
  type Reader,
  readAddress,
  readChoice,
  readCount,
  readDuration,
  readInterval,
  readList,
  readMap,
  readText,
  readTexts,
  warnIfOpen,
} from './settings-reader.ts'

/** `Entry`: the registries that this program knows; `Config`: its configuration sources. */
export interface Settings<
  Entry extends RegistrySettings = RegistrySettings,
  Config extends ConfigSettings = ConfigSettings,
> {
  readonly mesh: MeshSettings
  /** Plaintext xDS; `maxStreams` of one peer address. */
  readonly xds: {
    readonly address: string
    readonly maxStreams: number
    /** ms; 0 = without end. Istio's keepaliveMaxServerConnectionAge. */
    readonly maxConnectionAge: number
    /** How often proxies are told to report their load (LRS), ms. */
    readonly loadReportInterval: number
  }
  readonly admin: { readonly address: string }
  /** Nothing is kept where there is none. */
  readonly stateDir?: string
  /** How long a registry may hold back readiness, ms. */
  readonly startupGrace: number
  /** In order of precedence. */
  readonly registries: readonly Entry[]
  readonly config: readonly Config[]
  /** What protects the services of configuration sources; each registry has its own. */
  readonly protection?: Protection
  readonly aliases: readonly { readonly host: string; readonly joins: readonly string[] }[]
  /** Hostnames, or `*.suffix`, whose registries are failover ranks instead of one union. */
  readonly failover: readonly string[]
  /** `format` absent: as the terminal is. */
  readonly log: { readonly level: LogLevel; readonly format?: LogFormat }
}
export type LogLevel = (typeof LEVELS)[number]
export type LogFormat = (typeof FORMATS)[number]

export interface SettingsInput {
  /** The settings file; `flags.config` and PILOTHOUSE_CONFIG mean the same. */
  readonly file?: string
  readonly flags?: SettingsFlags
  readonly env?: Environment
  /** Given where a test needs faults. */
  readonly readText?: (path: string) => string
}

export interface LoadedSettings<
  Entry extends RegistrySettings = RegistrySettings,
  Config extends ConfigSettings = ConfigSettings,
> {
  /** Absent where an issue is an error: nothing starts half. */
  readonly settings?: Settings<Entry, Config>
  readonly issues: readonly Issue[]
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
const FORMATS = ['json', 'pretty'] as const
const TOP = [
  'mesh',
  'xds',
  'xdsTls',
  'admin',
  'stateDir',
  'startupGrace',
  'registries',
  'protection',
  'aliases',
  'failover',
  'config',
  'log',
] as const

/** The kinds of `registries` and `config` that there are. */
export interface SettingsKinds<Entry extends RegistrySettings, Config extends ConfigSettings> {
  readonly registries: readonly EntryKind<Entry>[]
  readonly configs: readonly EntryKind<Config>[]
}

/** Flags win over the environment, which wins over the file. */
export function loadSettings<Entry extends RegistrySettings, Config extends ConfigSettings>(
  input: SettingsInput,
  kinds: SettingsKinds<Entry, Config>,
): LoadedSettings<Entry, Config> {
  const { flags = {}, env = {} } = input
  const file = input.file ?? flags.config ?? (env.PILOTHOUSE_CONFIG || undefined)
  const issues: Issue[] = []
  const document = file === undefined ? undefined : readDocument(file, input.readText ?? readUtf8, issues)
  const merged = override((document?.value ?? {}) as Fields, flags, env)
  const reader: Reader = {
    issues,
    at(path, key) {
      const source = merged.sources.get(path.join('.'))
      if (source) return source
      if (!document) return 'settings'
      const place = document.locate(path, key)
      return `${file}:${place.line}:${place.column}`
    },
  }
  const settings = readSettings(reader, merged.root, {
    file,
    flags,
    env,
    outside: merged.sources,
    kinds,
  })
  if (!settings.registries.length && !settings.config.length && !issues.some((i) => i.severity === 'error'))
    issues.push(issue('PH1404', { message: 'there is no registry and no configuration to serve', at: file }))
  return issues.some((i) => i.severity === 'error') ? { issues } : { settings, issues }
}

/** Does a parsed file look like settings, not like configuration objects? */
export function isSettings(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !('apiVersion' in value) && !('kind' in value) && TOP.some((field) => field in value)
}

interface Given<Entry extends RegistrySettings, Config extends ConfigSettings> {
  readonly file?: string
  readonly flags: SettingsFlags
  readonly env: Environment
  readonly outside: ReadonlyMap<string, string>
  readonly kinds: SettingsKinds<Entry, Config>
}

function readSettings<Entry extends RegistrySettings, Config extends ConfigSettings>(
  reader: Reader,
  root: Fields,
  { file, flags, env, outside, kinds }: Given<Entry, Config>,
): Settings<Entry, Config> {
  const named = filesOf(flags, env)
  const files = named.filter((path) => path !== '')
  const top = readMap(reader, root, [], TOP)
  // What a file says of paths is meant from where the file is.
  const fromFile = (path: string) =>
    file === undefined || isAbsolute(path) ? path : join(dirname(file), path)
  const xds = readMap(
    reader,
    top.xds,
    ['xds'],
    ['address', 'maxStreams', 'maxConnectionAge', 'loadReportInterval'],
  )
  if (top.xdsTls !== undefined && top.xdsTls !== null)
    reader.issues.push(
      issue('PH1410', {
        message: 'xdsTls has no effect in this version',
        path: 'xdsTls',
        at: reader.at(['xdsTls'], true),
      }),
    )
  const admin = readMap(reader, top.admin, ['admin'], ['address'])
  const log = readMap(reader, top.log, ['log'], ['level', 'format'])
  const format = readChoice(reader, log.format, ['log', 'format'], FORMATS)
  const given = readText(reader, top.stateDir, ['stateDir'])
  const stateDir = given === undefined || outside.has('stateDir') ? given : fromFile(given)
  const address = (fields: Fields, name: string, preset: string) => {
    const value = readAddress(reader, fields.address, [name, 'address'])
    if (value !== undefined) warnIfOpen(reader, value, [name, 'address'])
    return value ?? preset
  }
  if (named.length > files.length) {
    const params = { hint: 'Name the directory; a shell variable in its place may be unset.' }
    reader.issues.push(issue('PH1402', { message: '--files is empty', at: '--files', params }))
  }
  const context = { reader, env, fromFile }
  const protection = readProtection(reader, top.protection, ['protection'], PROTECTION)
  return {
    mesh: readMesh(reader, top.mesh),
    xds: {
      address: address(xds, 'xds', '127.0.0.1:15010'),
      maxStreams: readCount(reader, xds.maxStreams, ['xds', 'maxStreams']) ?? 10_000,
      maxConnectionAge: readDuration(reader, xds.maxConnectionAge, ['xds', 'maxConnectionAge']) ?? 1_800_000,
      loadReportInterval:
        readInterval(reader, xds.loadReportInterval, ['xds', 'loadReportInterval']) ?? 10_000,
    },
    admin: { address: address(admin, 'admin', '127.0.0.1:15014') },
    ...(stateDir === undefined ? {} : { stateDir }),
    startupGrace: readDuration(reader, top.startupGrace, ['startupGrace']) ?? 30_000,
    registries: readRegistries(
      [...entriesOfFlags(flags, files, kinds.registries), ...givenIn(reader, top.registries, 'registries')],
      kinds.registries,
      protection,
      context,
    ),
    config: readConfigs(
      [
        ...files.map((path) => ({ fields: { kind: 'files', path }, path: ['files'], flag: '--files' })),
        ...givenIn(reader, top.config, 'config'),
      ],
      kinds.configs,
      context,
    ),
    ...(protection && { protection }),
    aliases: readAliases(reader, top.aliases),
    failover: readTexts(reader, top.failover, ['failover']),
    log: {
      level: readChoice(reader, log.level, ['log', 'level'], LEVELS) ?? 'info',
      ...(format !== undefined && { format }),
    },
  }
}

function readAliases(reader: Reader, value: unknown): Settings['aliases'] {
  return readList(reader, value, ['aliases']).flatMap((item, i) => {
    const path = ['aliases', i]
    const fields = readMap(reader, item, path, ['host', 'joins'])
    const host = readText(reader, fields.host, [...path, 'host'])
    const joins = readTexts(reader, fields.joins, [...path, 'joins'])
    if (host !== undefined && joins.length) return [{ host, joins }]
    const params = { hint: 'Write { host: NAME, joins: [NAME, …] }.' }
    const message = `alias without ${host === undefined ? 'host' : 'joins'}`
    reader.issues.push(issue('PH1402', { message, path: `aliases[${i}]`, at: reader.at(path), params }))
    return []
  })
}
