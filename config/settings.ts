/** The settings of `pilothouse serve`: file, environment and flags to one checked value, with every issue at once. */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { Issue } from '#model/issue.ts'
import type { MeshSettings } from '#model/mesh.ts'
import { type IssueCode, issue } from './issue-codes.ts'
import {
  type Fields,
  type Reader,
  readAddress,
  readChoice,
  readCount,
  readDuration,
  readFlag,
  readList,
  readMap,
  readText,
  readTexts,
} from './settings-reader.ts'
import { reason } from './sources/look.ts'
import { type ParsedDocument, type Path, parseDocuments } from './yaml.ts'

export interface Settings {
  readonly mesh: MeshSettings
  /** Plaintext xDS; `maxStreams` of one peer address. */
  readonly xds: { readonly address: string; readonly maxStreams: number }
  readonly admin: { readonly address: string }
  /** Nothing is kept where there is none. */
  readonly stateDir?: string
  /** How long a registry may hold back readiness, ms. */
  readonly startupGrace: number
  /** In order of precedence. */
  readonly registries: readonly RegistrySettings[]
  readonly config: readonly ConfigSettings[]
  readonly aliases: readonly { readonly host: string; readonly joins: readonly string[] }[]
  /** Hostnames, or `*.suffix`, whose registries are failover ranks instead of one union. */
  readonly failover: readonly string[]
  readonly log: { readonly level: LogLevel; readonly format: LogFormat }
}
export type RegistrySettings = { readonly kind: 'file'; readonly name: string; readonly path: string }
export type ConfigSettings = { readonly kind: 'files'; readonly path: string }
export type LogLevel = (typeof LEVELS)[number]
export type LogFormat = (typeof FORMATS)[number]

/** Flags of the command line, as they were given. */
export interface SettingsFlags {
  readonly config?: string
  readonly files?: readonly string[]
  readonly xdsAddress?: string
  readonly adminAddress?: string
  readonly stateDir?: string
  readonly startupGrace?: string
  readonly logLevel?: string
  readonly logFormat?: string
}

export interface SettingsInput {
  /** The settings file; `flags.config` and PILOTHOUSE_CONFIG mean the same. */
  readonly file?: string
  readonly flags?: SettingsFlags
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Given where a test needs faults. */
  readonly readText?: (path: string) => string
}

export interface LoadedSettings {
  /** Absent where an issue is an error: nothing starts half. */
  readonly settings?: Settings
  readonly issues: readonly Issue[]
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
const FORMATS = ['json', 'pretty'] as const
const TOP = [
  'mesh',
  'xds',
  'admin',
  'stateDir',
  'startupGrace',
  'registries',
  'aliases',
  'failover',
  'config',
  'log',
] as const
const REGISTRY_KINDS = ['file']
const CONFIG_KINDS = ['files']

/** Scalar settings outside the file: flag, variable, place in the file. */
const OVERRIDES = [
  ['xdsAddress', 'PILOTHOUSE_XDS_ADDRESS', ['xds', 'address']],
  ['adminAddress', 'PILOTHOUSE_ADMIN_ADDRESS', ['admin', 'address']],
  ['stateDir', 'PILOTHOUSE_STATE_DIR', ['stateDir']],
  ['startupGrace', 'PILOTHOUSE_STARTUP_GRACE', ['startupGrace']],
  ['logLevel', 'PILOTHOUSE_LOG_LEVEL', ['log', 'level']],
  ['logFormat', 'PILOTHOUSE_LOG_FORMAT', ['log', 'format']],
] as const satisfies readonly (readonly [keyof SettingsFlags, string, Path])[]

/** Flags win over the environment, which wins over the file. */
export function loadSettings(input: SettingsInput): LoadedSettings {
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
    files: filesOf(flags, env),
    outside: merged.sources,
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

const readUtf8 = (path: string): string => readFileSync(path, 'utf8')

function readDocument(
  file: string,
  read: (path: string) => string,
  issues: Issue[],
): ParsedDocument | undefined {
  const bad = (code: IssueCode, message: string, at: string) => issues.push(issue(code, { message, at }))
  let documents: ParsedDocument[]
  try {
    documents = [...parseDocuments(read(file))]
  } catch (error) {
    bad('PH1405', `${file} can't be read: ${reason(error)}`, file)
    return undefined
  }
  for (const { problems } of documents)
    for (const p of problems) bad('PH1406', p.message, `${file}:${p.line}:${p.column}`)
  if (documents.length > 1)
    bad('PH1406', 'settings are one document', `${file}:${documents[1]!.start.line}:1`)
  return documents[0]
}

/** The file's values with what flags and environment say instead, and which of them said so. */
function override(root: Fields, flags: SettingsFlags, env: NonNullable<SettingsInput['env']>) {
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

const filesOf = (flags: SettingsFlags, env: NonNullable<SettingsInput['env']>): readonly string[] =>
  flags.files?.length ? flags.files : (env.PILOTHOUSE_FILES ?? '').split(':').filter((path) => path !== '')

type FromFile = (path: string) => string

function readSettings(
  reader: Reader,
  root: Fields,
  { file, files, outside }: { file?: string; files: readonly string[]; outside: ReadonlyMap<string, string> },
): Settings {
  const top = readMap(reader, root, [], TOP)
  // What a file says of paths is meant from where the file is.
  const fromFile: FromFile = (path) =>
    file === undefined || isAbsolute(path) ? path : join(dirname(file), path)
  const xds = readMap(reader, top.xds, ['xds'], ['address', 'maxStreams'])
  const admin = readMap(reader, top.admin, ['admin'], ['address'])
  const log = readMap(reader, top.log, ['log'], ['level', 'format'])
  const given = readText(reader, top.stateDir, ['stateDir'])
  const stateDir = given === undefined || outside.has('stateDir') ? given : fromFile(given)
  const address = (fields: Fields, name: string, preset: string) => {
    const value = readAddress(reader, fields.address, [name, 'address'])
    if (value !== undefined) warnIfOpen(reader, value, [name, 'address'])
    return value ?? preset
  }
  if (files.includes('')) {
    const params = { hint: 'Name the directory; a shell variable in its place may be unset.' }
    reader.issues.push(issue('PH1402', { message: '--files is empty', at: '--files', params }))
  }
  const settings: Settings = {
    mesh: readMesh(reader, top.mesh),
    xds: {
      address: address(xds, 'xds', '127.0.0.1:15010'),
      maxStreams: readCount(reader, xds.maxStreams, ['xds', 'maxStreams']) ?? 10_000,
    },
    admin: { address: address(admin, 'admin', '127.0.0.1:15014') },
    ...(stateDir === undefined ? {} : { stateDir }),
    startupGrace: readDuration(reader, top.startupGrace, ['startupGrace']) ?? 30_000,
    registries: [
      ...files.map((path) => ({ kind: 'file', name: nameOf(path), path }) as const),
      ...readRegistries(reader, top.registries, fromFile),
    ],
    config: [
      ...files.map((path) => ({ kind: 'files', path }) as const),
      ...readConfigs(reader, top.config, fromFile),
    ],
    aliases: readAliases(reader, top.aliases),
    failover: readTexts(reader, top.failover, ['failover']),
    log: {
      level: readChoice(reader, log.level, ['log', 'level'], LEVELS) ?? 'info',
      format: readChoice(reader, log.format, ['log', 'format'], FORMATS) ?? 'json',
    },
  }
  checkNames(reader, settings, files.length)
  return settings
}

function readMesh(reader: Reader, value: unknown): MeshSettings {
  const known = [
    'trustDomain',
    'rootNamespace',
    'outboundTrafficPolicy',
    'connectTimeout',
    'localityLbSetting',
    'protocolDetectionTimeout',
  ]
  const mesh = readMap(reader, value, ['mesh'], known)
  const locality = readMap(reader, mesh.localityLbSetting, ['mesh', 'localityLbSetting'], ['enabled'])
  // Istio's MeshConfig writes { mode: REGISTRY_ONLY }; the bare word means the same.
  const policy = mesh.outboundTrafficPolicy
  const nested = typeof policy === 'object' && policy !== null
  const policyPath = ['mesh', 'outboundTrafficPolicy']
  const mode = nested ? readMap(reader, policy, policyPath, ['mode']).mode : policy
  return {
    trustDomain: readText(reader, mesh.trustDomain, ['mesh', 'trustDomain']) ?? 'cluster.local',
    rootNamespace: readText(reader, mesh.rootNamespace, ['mesh', 'rootNamespace']) ?? 'istio-system',
    outboundTrafficPolicy:
      readChoice(reader, mode, nested ? [...policyPath, 'mode'] : policyPath, [
        'ALLOW_ANY',
        'REGISTRY_ONLY',
      ]) ?? 'ALLOW_ANY',
    connectTimeout: readDuration(reader, mesh.connectTimeout, ['mesh', 'connectTimeout']) ?? 10_000,
    localityLbEnabled: readFlag(reader, locality.enabled, ['mesh', 'localityLbSetting', 'enabled']) ?? false,
    protocolDetectionTimeout:
      readDuration(reader, mesh.protocolDetectionTimeout, ['mesh', 'protocolDetectionTimeout']) ?? 0,
  }
}

/** Only loopback is safe for what is neither encrypted nor authenticated. */
function warnIfOpen(reader: Reader, address: string, path: Path): void {
  const host = address.slice(0, address.lastIndexOf(':'))
  if (/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(host)) return
  const details = {
    message: `${path.join('.')} ${address} is open to other hosts, in plaintext and without authentication`,
  }
  reader.issues.push(issue('PH1408', { ...details, path: path.join('.'), at: reader.at(path) }))
}

function readRegistries(reader: Reader, value: unknown, fromFile: FromFile): RegistrySettings[] {
  return readList(reader, value, ['registries']).flatMap((item, i) => {
    const path = ['registries', i]
    if (!readKind(reader, item, path, REGISTRY_KINDS)) return []
    const fields = readMap(reader, item, path, ['kind', 'name', 'path'])
    const dir = readPath(reader, fields.path, path)
    if (dir === undefined) return []
    const name = readText(reader, fields.name, [...path, 'name']) ?? nameOf(dir)
    return [{ kind: 'file', name, path: fromFile(dir) }]
  })
}

function readConfigs(reader: Reader, value: unknown, fromFile: FromFile): ConfigSettings[] {
  return readList(reader, value, ['config']).flatMap((item, i) => {
    const path = ['config', i]
    if (!readKind(reader, item, path, CONFIG_KINDS)) return []
    const dir = readPath(reader, readMap(reader, item, path, ['kind', 'path']).path, path)
    return dir === undefined ? [] : [{ kind: 'files', path: fromFile(dir) }]
  })
}

const nameOf = (path: string): string => `file/${path.replace(/^\/+|\/+$/g, '')}`

/** Whether the entry is of a known kind; if not, nothing else of it is looked at. */
function readKind(reader: Reader, item: unknown, path: Path, known: readonly string[]): boolean {
  const kind = (item as Fields | null | undefined)?.kind
  if (typeof kind === 'string' && known.includes(kind)) return true
  const at = [...path, 'kind']
  const message =
    kind === undefined
      ? `${path[0]} entry without a kind`
      : `unknown kind ${JSON.stringify(kind)} in ${path[0]}`
  reader.issues.push(
    issue('PH1403', {
      message,
      path: `${path[0]}[${path[1]}].kind`,
      at: reader.at(at),
      params: { known: known.join(', ') },
    }),
  )
  return false
}

function readPath(reader: Reader, value: unknown, path: Path): string | undefined {
  if (value !== undefined && value !== null) return readText(reader, value, [...path, 'path'])
  const message = `${path[0]} entry without a path`
  const params = { hint: 'Add path: DIRECTORY.' }
  reader.issues.push(
    issue('PH1402', { message, path: `${path[0]}[${path[1]}].path`, at: reader.at(path), params }),
  )
  return undefined
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

function checkNames(reader: Reader, settings: Settings, fromFlags: number): void {
  const seen = new Set<string>()
  for (const [i, { name }] of settings.registries.entries()) {
    const path = ['registries', i - fromFlags]
    const at = i < fromFlags ? '--files' : reader.at(path)
    if (seen.has(name))
      reader.issues.push(issue('PH1407', { message: `two registries are named ${name}`, at }))
    seen.add(name)
  }
  const paths = new Set<string>()
  for (const [i, { path }] of settings.config.entries()) {
    const at = i < fromFlags ? '--files' : reader.at(['config', i - fromFlags])
    if (paths.has(path))
      reader.issues.push(issue('PH1407', { message: `${path} is given twice as configuration`, at }))
    paths.add(path)
  }
}
