/**
 * What all files together say, and what changed since it was last asked: pure bookkeeping, no file system.
 * A refused object keeps its last good version; of two objects with one key the first file by path wins.
 */
import type { ConfigKey, ConfigObject } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import { issue } from '../issue-codes.ts'
import type { FileContent } from '../parse.ts'

export interface CatalogChanges {
  readonly changed: readonly ConfigObject[]
  readonly removed: readonly ConfigKey[]
  /** All that is wrong now, in all files. */
  readonly issues: readonly Issue[]
}

export interface Catalog {
  /** The file as it is now. */
  set(file: string, content: FileContent): void
  /** The file can't be read: what it said last stays. */
  fail(file: string, problem: Issue): void
  remove(file: string): void
  /** Would this content take away something that the file gives now? */
  loses(file: string, content: FileContent): boolean
  has(file: string): boolean
  /** What changed since the last call; undefined if nothing did. */
  take(): CatalogChanges | undefined
  objects(): readonly ConfigObject[]
  issues(): readonly Issue[]
}

/** One object in one file. */
interface Entry {
  readonly at: string
  /** The version that is served: this one, or the last good one. */
  readonly object?: ConfigObject
  readonly issues: readonly Issue[]
}
interface FileEntry {
  readonly entries: ReadonlyMap<ConfigKey, Entry>
  /** Of the file as a whole, and of documents that are no objects. */
  readonly issues: readonly Issue[]
}

export function createCatalog(): Catalog {
  const files = new Map<string, FileEntry>()
  /** Files with something wrong in them: few, where files are many. */
  const troubled = new Set<string>()
  const places = new Map<ConfigKey, Set<string>>()
  const winners = new Map<ConfigKey, ConfigObject>()
  const duplicates = new Map<ConfigKey, readonly Issue[]>()
  const dirty = new Set<ConfigKey>()
  let lastIssues = '[]'
  let issuesDirty = false

  function replace(file: string, next: FileEntry | undefined): void {
    const before = files.get(file)
    for (const key of before?.entries.keys() ?? []) {
      places.get(key)?.delete(file)
      dirty.add(key)
    }
    for (const key of next?.entries.keys() ?? []) {
      const set = places.get(key) ?? new Set()
      places.set(key, set.add(file))
      dirty.add(key)
    }
    if (next) files.set(file, next)
    else files.delete(file)
    if (next && (next.issues.length || [...next.entries.values()].some((e) => e.issues.length)))
      troubled.add(file)
    else troubled.delete(file)
    issuesDirty = true
  }

  /** The object that is served under a key, after a change of one of its files. */
  function settleKey(key: ConfigKey): ConfigObject | undefined {
    const holders = [...(places.get(key) ?? [])].sort()
    if (!holders.length) places.delete(key)
    const entries = holders.map((file) => files.get(file)!.entries.get(key)!)
    const winner = entries.find((e) => e.object)
    const first = winner ?? entries[0]
    const losers = entries.filter((e) => e !== first)
    if (losers.length)
      duplicates.set(
        key,
        losers.map((e) => duplicate(key, e.at, first!.at)),
      )
    else duplicates.delete(key)
    return winner?.object
  }

  function collectIssues(): Issue[] {
    const all: Issue[] = []
    for (const file of [...troubled].sort()) {
      const { entries, issues } = files.get(file)!
      all.push(...issues)
      for (const entry of entries.values()) all.push(...entry.issues)
    }
    for (const key of [...duplicates.keys()].sort()) all.push(...duplicates.get(key)!)
    return all
  }

  return {
    set(file, content) {
      replace(file, merge(content, files.get(file)))
    },
    fail(file, problem) {
      const before = files.get(file)
      replace(file, { entries: before?.entries ?? new Map(), issues: [problem] })
    },
    remove(file) {
      replace(file, undefined)
    },
    loses(file, content) {
      const before = files.get(file)
      if (!before || !content.whole) return false
      const now = new Set(content.objects.map((o) => o.key))
      return [...before.entries].some(([key, entry]) => entry.object && !now.has(key))
    },
    has: (file) => files.has(file),
    take() {
      if (!issuesDirty) return undefined
      const changed: ConfigObject[] = []
      const removed: ConfigKey[] = []
      for (const key of dirty) {
        const before = winners.get(key)
        const now = settleKey(key)
        if (now && before && sameObject(now, before)) continue
        if (now) {
          winners.set(key, now)
          changed.push(now)
        } else if (winners.delete(key)) removed.push(key)
      }
      dirty.clear()
      issuesDirty = false
      const issues = collectIssues()
      const text = JSON.stringify(issues)
      if (!changed.length && !removed.length && text === lastIssues) return undefined
      lastIssues = text
      return { changed, removed, issues }
    },
    objects: () => [...winners.values()],
    issues: () => JSON.parse(lastIssues) as Issue[],
  }
}

/** A file's new content over what it gave before. */
function merge(content: FileContent, before: FileEntry | undefined): FileEntry {
  const entries = new Map<ConfigKey, Entry>()
  const issues = [...content.issues]
  for (const parsed of content.objects) {
    const { key, at } = parsed
    const twin = entries.get(key)
    if (twin) {
      issues.push(duplicate(key, at, twin.at))
      continue
    }
    const last = before?.entries.get(key)?.object
    const kept = last && { ...last, issues: parsed.issues }
    entries.set(key, {
      at,
      issues: parsed.issues,
      ...((parsed.object ?? kept) ? { object: parsed.object ?? kept! } : {}),
    })
  }
  // A document that can't be read may be any of the objects that are missing now.
  if (!content.whole)
    for (const [key, { at, object }] of before?.entries ?? [])
      if (!entries.has(key))
        entries.set(key, { at, issues: [], ...(object && { object: { ...object, issues: content.issues } }) })
  return { entries, issues }
}

const duplicate = (key: ConfigKey, at: string, first: string): Issue =>
  issue('PH1009', {
    message: `${key} is already defined at ${first}, which is the one that is served`,
    at,
    object: key,
  })

/** Equal content from the same file, even if its lines have moved. */
function sameObject(a: ConfigObject, b: ConfigObject): boolean {
  return a.version === b.version && fileOf(a) === fileOf(b) && sameIssues(a.issues, b.issues)
}

const fileOf = ({ origin }: ConfigObject): string | undefined => origin.at?.replace(/:\d+$/, '')

function sameIssues(a: readonly Issue[], b: readonly Issue[]): boolean {
  return (
    a.length === b.length &&
    a.every((x, i) => x.code === b[i]!.code && x.message === b[i]!.message && x.path === b[i]!.path)
  )
}
