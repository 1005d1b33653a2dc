/**
 * Follows a directory (or one file): events say where to look, looks say what is there, the catalogue says what changed.
 * One piece of work at a time. Nothing here ever throws to its caller; an unreadable root is a `trouble` value.
 */
import { dirname, join, sep } from 'node:path'
import type { SchedulerLike, Subscription } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { Logger } from '#support/logger.ts'
import { issue } from '../issue-codes.ts'
import type { ObjectOptions } from '../istio/object.ts'
import { type FileContent, parseSteps } from '../parse.ts'
import { createAgenda, type Timing } from './agenda.ts'
import { createCatalog } from './catalog.ts'
import { type FileSystem, isConfigFile, isHidden, type Look, look, reason } from './look.ts'
import { createWatches } from './watches.ts'

export interface FollowOptions extends ObjectOptions {
  /** Directory or file, as the user wrote it. */
  readonly path: string
  /** Name of the source, for provenance. */
  readonly source: string
  readonly maxFileBytes: number
  readonly fs: FileSystem
  readonly clock: SchedulerLike
  readonly timing: Timing
  readonly log: Logger
}

export interface Follower {
  /** What a late subscriber has to hear. */
  current(): readonly ConfigUpdate[]
  stop(): void
}

type Trouble = Extract<ConfigUpdate, { kind: 'trouble' }>
interface Held {
  readonly signature: string
  readonly link: boolean
  readonly content: FileContent
  readonly until: number
}

/** How many paths are read at once, and for how long files are parsed before others get their turn (ms). */
const READS = 32
const SLICE = 8

export function follow(options: FollowOptions, emit: (update: ConfigUpdate) => void): Follower {
  const { fs, clock, timing, log } = options
  const root = join(options.path, '.')
  const catalog = createCatalog()
  /** Files that were read, and as what. */
  const known = new Map<string, { readonly signature: string; readonly link: boolean }>()
  /** Content that takes something away, or may be half written: believed only after a while. */
  const held = new Map<string, Held>()
  const vanishing = new Map<string, number>()
  let lastVanish = 0
  let rootIsFile = false
  let rootSeen = false
  let synced = false
  let trouble: Trouble | undefined
  let stopped = false
  let blind = false
  let tail: Promise<void> = Promise.resolve()
  let sliceStart = performance.now()
  let rescan: Subscription | undefined

  const agenda = createAgenda(clock, timing, () => run(lookAtDue))
  const watches = createWatches(fs, {
    onPath: (path, inPlace) => {
      if (!rootIsFile) agenda.note(path, inPlace)
      else if (path === root || path === dirname(root)) agenda.note(root, inPlace)
    },
    onBlind: (error) => {
      if (blind || stopped) return
      blind = true
      const fields = { source: options.source, error: error.message }
      log.warn(fields, 'files cannot be watched; comparing them every second instead')
      armRescan()
    },
  })

  /** One job after the other; afterwards what changed is told. */
  function run(job: () => Promise<void>): void {
    tail = tail.then(async () => {
      if (stopped) return
      try {
        await job()
      } catch (error) {
        log.error({ source: options.source, error: String(error) }, 'following files failed; trying again')
      }
      if (stopped) return
      tell()
      agenda.arm()
    })
  }

  /** The safety net: everything is compared again, and a missing root is looked for. */
  function armRescan(): void {
    rescan?.unsubscribe()
    if (stopped) return
    rescan = clock.schedule(
      () => {
        run(() => visitRoot(true))
        armRescan()
      },
      trouble || blind ? timing.retry : timing.rescan,
    )
  }

  function tell(): void {
    if (trouble && (!rootSeen || vanishing.size || held.size)) return
    if (!rootSeen) return
    const changes = catalog.take()
    if (!synced || trouble) {
      synced = true
      trouble = undefined
      emit({ kind: 'full', objects: catalog.objects(), issues: catalog.issues() })
    } else if (changes) emit({ kind: 'delta', ...changes })
  }

  function fail(error: unknown): void {
    rootSeen = false
    vanishing.clear()
    held.clear()
    if (trouble || stopped) return
    const { code, message, remedy } = issue('PH1013', { message: `${root} can't be read: ${reason(error)}` })
    trouble = { kind: 'trouble', error: { code, message, remedy }, since: new Date(clock.now()) }
    emit(trouble)
    armRescan()
  }

  async function lookAtDue(): Promise<void> {
    const due = agenda.takeDue()
    if (trouble || !synced) return visitRoot(true)
    const inPlace = new Set([...due].flatMap(([path, how]) => (how.inPlace ? [path] : [])))
    if (due.has(root)) await visitRoot(false)
    await visit(
      [...due.keys()].filter((p) => p !== root),
      false,
      inPlace,
    )
  }

  async function visitRoot(all: boolean): Promise<void> {
    try {
      const stat = await fs.stat(root)
      rootIsFile = !stat.isDirectory()
      const id = `${stat.dev}:${stat.ino}`
      if (rootIsFile) {
        const dir = dirname(root)
        if (watches.id(dir) === undefined) watches.add(dir, 'parent')
        rootSeen = true
        return visit([root], all)
      }
      const children = await enter(root, id, all)
      rootSeen = true
      return visit(children, all)
    } catch (error) {
      fail(error)
    }
  }

  /** Looks at paths, and at what is below them where they are new directories (or everywhere: `all`). */
  async function visit(paths: readonly string[], all: boolean, inPlace?: ReadonlySet<string>): Promise<void> {
    const queue = [...paths]
    while (queue.length && !stopped) {
      const batch = queue.splice(0, READS)
      const looks = await Promise.all(
        batch.map((path) => look(fs, path, lookOptions(path, inPlace?.has(path)))),
      )
      for (const [i, path] of batch.entries()) {
        if (stopped || (synced && !rootSeen)) return
        queue.push(...(await take(path, looks[i]!, all, inPlace?.has(path) ?? false)))
      }
    }
  }

  const lookOptions = (path: string, written = false) => ({
    // Two writes of the same size can share a time stamp: what was written to is read whatever it looks like.
    ...(written ? {} : { known: (held.get(path) ?? known.get(path))?.signature }),
    maxBytes: options.maxFileBytes,
    anyName: rootIsFile && path === root,
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
        known.set(path, seen)
        return []
      case 'text': {
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
    known.set(path, { signature, link })
    catalog.set(path, content)
  }

  /** How long to wait before this content is believed: what adds is good at once, what takes away may be half a file. */
  function patience(path: string, text: string, content: FileContent, inPlace: boolean): number {
    if (!synced) return 0
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
    }
    const names = (await fs.readdir(dir)).filter((name) => !isHidden(name))
    if (catalog.has(dir)) catalog.remove(dir)
    const present = new Set(names.map((name) => join(dir, name)))
    const missing = [...known.keys(), ...watches.dirs()].filter(
      (p) => dirname(p) === dir && !present.has(p) && p !== dir,
    )
    const open = [...present].filter((p) => {
      const file = known.get(p)
      if (all || fresh || file?.link) return true
      return file === undefined && (isConfigFile(p) || watches.id(p) === undefined)
    })
    return [...open.sort(), ...missing]
  }

  async function vanish(path: string): Promise<void> {
    const now = clock.now()
    const wait = trouble ? timing.vanishAfterTrouble : timing.vanish
    const since = vanishing.get(path)
    if (since === undefined) {
      vanishing.set(path, now)
      lastVanish = now
      return agenda.again(path, wait)
    }
    // While more and more goes, the whole directory may be going.
    const calm = now - lastVanish >= wait || now - since >= Math.max(wait, timing.longest)
    if (!calm || now - since < wait) return agenda.again(path, Math.max(1, wait - (now - lastVanish)))
    try {
      await fs.stat(root)
      forget(path)
    } catch (error) {
      fail(error)
    }
  }

  function forget(path: string): void {
    const below = (p: string) => p === path || within(path, p)
    for (const file of [...known.keys()].filter(below)) {
      known.delete(file)
      held.delete(file)
      watches.unlink(file)
      catalog.remove(file)
    }
    for (const dir of watches.dirs().filter(below)) watches.remove(dir)
    for (const gone of [...vanishing.keys()].filter(below)) vanishing.delete(gone)
    if (catalog.has(path)) catalog.remove(path)
  }

  run(() => visitRoot(true))
  armRescan()

  return {
    current: () => [
      ...(synced ? [{ kind: 'full', objects: catalog.objects(), issues: catalog.issues() } as const] : []),
      ...(trouble ? [trouble] : []),
    ],
    stop() {
      stopped = true
      agenda.stop()
      watches.stop()
      rescan?.unsubscribe()
    },
  }
}

const within = (dir: string, path: string): boolean => path.startsWith(dir === '.' ? '' : dir + sep)
