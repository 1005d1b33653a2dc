/** Reads the entries of `registries` and `config`: each by its kind, those of flags first. */
import { sameContent } from '#support/equal.ts'
import type { ConfigSettings, EntryContext, EntryKind, Protection, RegistrySettings } from './entry-kind.ts'
import { issue } from './issue-codes.ts'
import {
  type Fields,
  type Reader,
  readCount,
  readDuration,
  readList,
  readMap,
  readShare,
  readText,
} from './settings-reader.ts'
import type { Path } from './yaml.ts'

/** An entry as it was given: by a flag, which stands for its fields, or in the file. */
export interface GivenEntry {
  readonly fields: unknown
  readonly path: Path
  /** The flag. */
  readonly flag?: string
}

export interface EntriesContext {
  readonly reader: Reader
  readonly env: EntryContext['env']
  readonly fromFile: (path: string) => string
}

export const givenIn = (reader: Reader, value: unknown, list: string): readonly GivenEntry[] =>
  readList(reader, value, [list]).map((fields, i) => ({ fields, path: [list, i] }))

/** What these report is true by itself: a directory of files, and the proxies that are connected. */
const OWN_TRUTH = ['file', 'autoregistration']

/** The registries, with what protects each. */
export function readRegistries<Entry extends RegistrySettings>(
  given: readonly GivenEntry[],
  kinds: readonly EntryKind<Entry>[],
  preset: Protection | undefined,
  context: EntriesContext,
): readonly Entry[] {
  const common = ['kind', 'name', 'protection']
  return readEntries(
    given,
    { list: 'registries', kinds, common },
    context,
    (entry, fields, { reader, path }) => {
      const fallback = OWN_TRUTH.includes(entry.kind) ? undefined : preset
      const protection = readProtection(reader, fields.protection, [...path, 'protection'], fallback)
      return protection ? { ...entry, protection } : entry
    },
  )
}

export const readConfigs = <Entry extends ConfigSettings>(
  given: readonly GivenEntry[],
  kinds: readonly EntryKind<Entry>[],
  context: EntriesContext,
): readonly Entry[] =>
  readEntries(given, { list: 'config', kinds, common: ['kind', 'name'] }, context, (entry) => entry)

function readEntries<Entry extends { readonly kind: string; readonly name: string }>(
  given: readonly GivenEntry[],
  {
    list,
    kinds,
    common,
  }: {
    readonly list: string
    readonly kinds: readonly EntryKind<Entry>[]
    /** Fields that entries of every kind have. */
    readonly common: readonly string[]
  },
  { reader, env, fromFile }: EntriesContext,
  finish: (entry: Entry, fields: Fields, context: EntryContext) => Entry,
): readonly Entry[] {
  const byName = new Map<string, Entry>()
  return given.flatMap(({ fields: item, path, flag }) => {
    const own: EntryContext = {
      reader: flag ? { issues: reader.issues, at: () => flag } : reader,
      path,
      env,
      fromFile: flag ? (p) => p : fromFile,
    }
    const kind = kindOf(item, kinds, own)
    if (!kind) return []
    const fields = readMap(own.reader, item, path, [...common, ...kind.fields])
    const said = readText(own.reader, fields.name, [...path, 'name'])
    const name = said === undefined || said.includes('/') ? said : `${kind.kind}/${said}`
    const read = kind.read(fields, name, own)
    if (!read) return []
    // A flag has no place for a name: two files with one context, two ports of one DNS name. The same twice is a mistake.
    const entry = flag && isOther(byName.get(read.name), read) ? renamed(read, byName) : read
    if (byName.has(entry.name)) {
      const message = `two entries of ${list} are named ${entry.name}`
      own.reader.issues.push(issue('PH1407', { message, at: own.reader.at(path) }))
    }
    byName.set(entry.name, entry)
    return [finish(entry, fields, own)]
  })
}

/** A path is all that its entry's name says. */
const isOther = (known: object | undefined, entry: object): boolean =>
  known !== undefined && !('path' in entry) && !sameContent(known, entry)

/** `dns/a` is `dns/a-2` where that is taken. */
function renamed<Entry extends { readonly name: string }>(
  entry: Entry,
  taken: ReadonlyMap<string, Entry>,
): Entry {
  for (let i = 2; ; i++) {
    const name = `${entry.name}-${i}`
    const known = taken.get(name)
    if (known === undefined || sameContent(known, { ...entry, name })) return { ...entry, name }
  }
}

/** The kind of the entry; if it is not known, nothing else of it is looked at. */
function kindOf<Kind extends { readonly kind: string }>(
  item: unknown,
  kinds: readonly Kind[],
  { reader, path }: EntryContext,
): Kind | undefined {
  const kind = (item as Fields | null | undefined)?.kind
  const found = kinds.find((each) => each.kind === kind)
  if (found) return found
  const [list, index] = path
  const message =
    kind === undefined ? `${list} entry without a kind` : `unknown kind ${JSON.stringify(kind)} in ${list}`
  const params = { known: kinds.map((each) => each.kind).join(', ') }
  const place = { path: `${list}[${index}].kind`, at: reader.at([...path, 'kind']) }
  reader.issues.push(issue('PH1403', { message, ...place, params }))
  return undefined
}

export const PROTECTION: Protection = { share: 0.5, atLeast: 10, hold: 600_000 }

/** `off`, or a map of what differs from `preset`; absent is `preset` itself, which may be off (undefined). */
export function readProtection(
  reader: Reader,
  value: unknown,
  path: Path,
  preset: Protection | undefined,
): Protection | undefined {
  if (value === undefined || value === null) return preset
  // YAML 1.1 reads a bare `off` as false.
  if (value === 'off' || value === false) return undefined
  const fields = readMap(reader, value, path, ['share', 'atLeast', 'hold'])
  const { share, atLeast, hold } = preset ?? PROTECTION
  return {
    share: readShare(reader, fields.share, [...path, 'share']) ?? share,
    atLeast: readCount(reader, fields.atLeast, [...path, 'atLeast']) ?? atLeast,
    hold: readDuration(reader, fields.hold, [...path, 'hold']) ?? hold,
  }
}
