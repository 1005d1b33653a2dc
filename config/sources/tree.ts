/**
 * What is below the root, as it was seen last: looks at paths, believes what it sees or waits, and tells the catalogue.
 * What adds is believed at once; what takes away, or may be half written, only when it has stayed so for a while.
 */
import { dirname, join, sep } from 'node:path'
import type { SchedulerLike } from 'rxjs'
import { issue } from '../issue-codes.ts'
import type { ObjectOptions } from '../istio/object.ts'
import { type FileContent, parseSteps } from '../parse.ts'
import type { Agenda, Timing } from './agenda.ts'
import type { Catalog } from './catalog.ts'
import { type FileSystem, isConfigFile, isHidden, isMissing, type Look, look, reason } from './look.ts'
import type { Watches } from './watches.ts'

export interface TreeOptions extends ObjectOptions {
  readonly source: string
  readonly maxFileBytes: number
  readonly fs: FileSystem
  readonly clock: SchedulerLike
  readonly timing: Timing
}

export interface TreeDeps {
  readonly catalog: Catalog
  readonly watches: Watches
  readonly agenda: Agenda
  /** The one path that is read whatever its name. */
  readonly isRootFile: (path: string) => boolean
  /** Whether the root is still there; asked before anything is believed to be gone. */
  readonly rootIsThere: () => Promise<boolean>
  /** Nothing is held back before the first complete scan. */
  readonly settled: () => boolean
  /** The root is coming back: what is missing may still come. */
  readonly returning: () => boolean
  readonly stopped: () => boolean
}

export interface Visit {
  /** Everything below, not only what is new. */
  readonly all: boolean
  /** Paths whose content was written to. */
  readonly inPlace?: ReadonlySet<string>
}

export interface Tree {
  visit(paths: readonly string[], how: Visit): Promise<void>
  /** A directory that is there: watches it if it is new, and returns which of its entries to look at. Rejects if it can't be read. */
  enter(dir: string, id: string, all: boolean): Promise<readonly string[]>
  /** Something is neither believed nor dismissed yet. */
  undecided(): boolean
  /** Forgets its doubts: the root is away. */
  drop(): void
}

interface Held {
  readonly signature: string
  readonly link: boolean
  readonly content: FileContent
  readonly until: number
}

/** How many paths are read at once, and for how long files are parsed before others get their turn (ms). */
const READS = 32
const SLICE = 8

export function createTree(options: TreeOptions, deps: TreeDeps): Tree {
  const { fs, clock, timing } = options
  const { catalog, watches, agenda } = deps
  /** Files that were read, and as what. */
  const known = new Map<string, { readonly signature: string; readonly link: boolean }>()
  const held = new Map<string, Held>()
  /** Files and directories that were seen, by the directory they are in. */
  const entries = new Map<string, Set<string>>()
  /** Since when a path is missing. */
  const vanishing = new Map<string, number>()
  let lastVanish = 0
  let sliceStart = performance.now()

  /** Looks at paths, and at what is below them where they are new directories (or everywhere: `all`). */
  async function visit(paths: readonly string[], { all, inPlace }: Visit): Promise<void> {
    const queue = [...paths]
    while (queue.length && !deps.stopped()) {
      const batch = queue.splice(0, READS)
      const looks = await Promise.all(
        batch.map((path) => look(fs, path, lookOptions(path, inPlace?.has(path)))),
      )
      // The events of what was written while it was read are heard first.
      await new Promise(setImmediate)
      for (const [i, path] of batch.entries()) {
        if (deps.stopped()) return
        queue.push(...(await take(path, looks[i]!, all, inPlace?.has(path) ?? false)))
      }
    }
  }

  const lookOptions = (path: string, written = false) => ({
    // Two writes of the same size can share a time stamp: what was written to is read whatever it looks like.
    ...(written ? {} : { known: (held.get(path) ?? known.get(path))?.signature }),
    maxBytes: options.maxFileBytes,
    anyName: deps.isRootFile(path),
  })

  /** What a look means; returns what to look at next. */
  async function take(path: string, seen: Look, all: boolean, inPlace: boolean): Promise<readonly string[]> {
    if (seen.found === 'nothing') {
      held.delete(path)
      if (known.has(path) || watches.id(path) !== undefined) await vanish(path)
      else vanishing.delete(path)
      return []
    }
    vanishing.delete(path)
    switch (seen.found) {
      case 'other':
        return []
      case 'directory':
        return enter(path, seen.id, all).catch((error) => {
          // Gone in the meantime: its parent's events bring us back here.
          if (isMissing(error)) return []
          catalog.fail(
            path,
            issue('PH1013', { message: `${path} can't be read: ${reason(error)}`, at: path }),
          )
          return []
        })
      case 'same': {
        const waiting = held.get(path)
        if (!waiting) return []
        if (waiting.until > clock.now()) agenda.again(path, waiting.until - clock.now())
        else commit(path, waiting)
        return []
      }
      case 'problem':
        held.delete(path)
        catalog.fail(path, seen.issue)
        remember(path, seen)
        return []
      case 'text': {
        // Maybe read between two writes: it is looked at again when it has been quiet.
        if (!inPlace && deps.settled() && agenda.isWritten(path)) return []
        const content = await parse(path, seen.text)
        const wait = patience(path, seen.text, content, inPlace)
        const result = { ...seen, content, until: clock.now() + wait }
        if (wait === 0) commit(path, result)
        else {
          held.set(path, result)
          agenda.again(path, wait)
        }
        if (seen.link) await watches.link(path)
        return []
      }
    }
  }

  function commit(path: string, { signature, link, content }: Omit<Held, 'until'>): void {
    held.delete(path)
    remember(path, { signature, link })
    catalog.set(path, content)
  }

  /** How long to wait before this content is believed: what adds is good at once, what takes away may be half a file. */
  function patience(path: string, text: string, content: FileContent, inPlace: boolean): number {
    if (!deps.settled()) return 0
    if (inPlace && text !== '' && !text.endsWith('\n') && !/\.json$/i.test(path)) return timing.torn
    return !content.whole || catalog.loses(path, content) ? timing.vanish : 0
  }

  async function parse(path: string, text: string): Promise<FileContent> {
    const steps = parseSteps(text, { ...options, file: path })
    for (;;) {
      const step = steps.next()
      if (performance.now() - sliceStart > SLICE) {
        await new Promise(setImmediate)
        sliceStart = performance.now()
      }
      if (step.done) return step.value
    }
  }

  /** A directory that is there: watches it if it is new, and returns which of its entries to look at. */
  async function enter(dir: string, id: string, all: boolean): Promise<readonly string[]> {
    const fresh = watches.id(dir) !== id
    if (fresh) {
      const loop = watches.dirs().some((d) => d !== dir && within(d, dir) && watches.id(d) === id)
      if (loop) return []
      watches.add(dir, id)
      enlist(dir)
    }
    const names = (await fs.readdir(dir)).filter((name) => !isHidden(name))
    if (catalog.has(dir)) catalog.remove(dir)
    const present = new Set(names.map((name) => join(dir, name)))
    const missing = [...(entries.get(dir) ?? [])].filter((p) => !present.has(p))
    const open = [...present].filter((p) => {
      const file = known.get(p)
      if (all || fresh || file?.link) return true
      return file === undefined && (isConfigFile(p) || watches.id(p) === undefined)
    })
    return [...open.sort(), ...missing]
  }

  async function vanish(path: string): Promise<void> {
    const now = clock.now()
    const wait = deps.returning() ? timing.vanishAfterTrouble : timing.vanish
    const since = vanishing.get(path)
    if (since === undefined) {
      vanishing.set(path, now)
      lastVanish = now
      return agenda.again(path, wait)
    }
    // While more and more goes, the whole directory may be going.
    const calm = now - lastVanish >= wait || now - since >= Math.max(wait, timing.longest)
    if (!calm || now - since < wait) return agenda.again(path, Math.max(1, wait - (now - lastVanish)))
    if (await deps.rootIsThere()) forget(path)
  }

  function remember(path: string, file: { readonly signature: string; readonly link: boolean }): void {
    known.set(path, { signature: file.signature, link: file.link })
    enlist(path)
  }

  function enlist(path: string): void {
    const dir = dirname(path)
    if (dir === path) return
    entries.set(dir, (entries.get(dir) ?? new Set()).add(path))
  }

  /** Believes that a path is gone, and all that was below it. */
  function forget(path: string): void {
    for (const below of entries.get(path) ?? []) forget(below)
    entries.delete(path)
    entries.get(dirname(path))?.delete(path)
    known.delete(path)
    held.delete(path)
    vanishing.delete(path)
    watches.unlink(path)
    watches.remove(path)
    if (catalog.has(path)) catalog.remove(path)
  }

  return {
    visit,
    enter,
    undecided: () => vanishing.size > 0 || held.size > 0,
    drop() {
      vanishing.clear()
      held.clear()
    },
  }
}

const within = (dir: string, path: string): boolean => path.startsWith(dir === '.' ? '' : dir + sep)
