/**
 * Follows a directory (or one file): events say where to look, looks say what is there, the catalogue says what changed.
 * One piece of work at a time. Nothing here ever throws to its caller; an unreadable root is a `trouble` value.
 */
import { basename, join, resolve } from 'node:path'
import type { Subscription } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import type { Logger } from '#support/logger.ts'
import { issue } from '../issue-codes.ts'
import { createAgenda } from './agenda.ts'
import { createCatalog } from './catalog.ts'
import { isMissing, reason } from './look.ts'
import { createTree, type TreeOptions } from './tree.ts'
import { createWatches } from './watches.ts'

export interface FollowOptions extends TreeOptions {
  /** Directory or file, as the user wrote it. */
  readonly path: string
  readonly log: Logger
}

export interface Follower {
  /** What a late subscriber has to hear. */
  current(): readonly ConfigUpdate[]
  stop(): void
}

type Trouble = Extract<ConfigUpdate, { kind: 'trouble' }>

export function follow(options: FollowOptions, emit: (update: ConfigUpdate) => void): Follower {
  const { fs, clock, timing, log } = options
  // `.` and `..` are no names that a directory's parent would tell of.
  const named = join(options.path, '.')
  const root = basename(named).startsWith('.') ? resolve(named) : named
  let rootIsFile = false
  let rootSeen = false
  let rootMissing: number | undefined
  let synced = false
  let trouble: Trouble | undefined
  let stopped = false
  let blind = false
  let tail: Promise<void> = Promise.resolve()
  let rescan: Subscription | undefined
  let logged: ReadonlySet<string> = new Set()

  const catalog = createCatalog()
  const agenda = createAgenda(clock, timing, () => run(lookAtDue))
  const watches = createWatches(fs, { onPath: agenda.note, onBlind })
  const tree = createTree(options, {
    catalog,
    watches,
    agenda,
    isRootFile: (path) => rootIsFile && path === root,
    rootIsThere,
    settled: () => synced,
    returning: () => trouble !== undefined,
    stopped: () => stopped || (synced && !rootSeen),
  })

  function onBlind(error: Error): void {
    if (blind || stopped) return
    blind = true
    const fields = { source: options.source, error: error.message }
    log.warn(fields, 'files cannot be watched; comparing them every second instead')
    armRescan()
  }

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
    const next = () => {
      run(() => visitRoot(true))
      armRescan()
    }
    rescan = clock.schedule(next, trouble || blind ? timing.retry : timing.rescan)
  }

  function tell(): void {
    if (!rootSeen || (trouble && tree.undecided())) return
    const changes = catalog.take()
    if (changes) logNew(changes.issues)
    if (!synced || trouble) {
      if (trouble) log.info({ source: options.source }, `${root} is read again`)
      synced = true
      trouble = undefined
      emit({ kind: 'full', objects: catalog.objects(), issues: catalog.issues() })
    } else if (changes) emit({ kind: 'delta', ...changes })
  }

  /** Each issue is logged once for as long as it lasts. */
  function logNew(issues: readonly Issue[]): void {
    const now = new Set<string>()
    for (const { severity, code, message, remedy, at, object } of issues) {
      const key = `${at} ${code} ${message}`
      now.add(key)
      if (logged.has(key)) continue
      const level = severity === 'error' ? 'error' : severity === 'warning' ? 'warn' : 'debug'
      log[level]({ code, at, ...(object ? { object } : {}), remedy }, message)
    }
    logged = now
  }

  function fail(error: unknown): void {
    rootSeen = false
    rootMissing = undefined
    tree.drop()
    if (trouble || stopped) return
    const { code, message, remedy } = issue('PH1013', { message: `${root} can't be read: ${reason(error)}` })
    trouble = { kind: 'trouble', error: { code, message, remedy }, since: new Date(clock.now()) }
    log.error({ source: options.source, code, remedy }, message)
    emit(trouble)
    armRescan()
  }

  async function lookAtDue(): Promise<void> {
    const due = agenda.takeDue()
    if (trouble || !synced) return visitRoot(true)
    const inPlace = new Set([...due].flatMap(([path, how]) => (how.inPlace ? [path] : [])))
    if (due.has(root)) await visitRoot(false, inPlace)
    const others = [...due.keys()].filter((path) => path !== root)
    await tree.visit(others, { all: false, inPlace })
  }

  async function visitRoot(all: boolean, inPlace?: ReadonlySet<string>): Promise<void> {
    if (!rootSeen) watches.name(root)
    let paths: readonly string[] = [root]
    try {
      const stat = await fs.stat(root)
      rootIsFile = !stat.isDirectory()
      if (!rootIsFile) paths = await tree.enter(root, `${stat.dev}:${stat.ino}`, all)
      rootMissing = undefined
      rootSeen = true
    } catch (error) {
      if (!isMissing(error) || !rootSeen) return fail(error)
      // An editor may have deleted it only to make it again.
      rootMissing ??= clock.now()
      const left = timing.vanish - (clock.now() - rootMissing)
      return left > 0 ? agenda.again(root, left) : fail(error)
    }
    return tree.visit(paths, { all, ...(inPlace ? { inPlace } : {}) })
  }

  async function rootIsThere(): Promise<boolean> {
    try {
      await fs.stat(root)
      return true
    } catch (error) {
      fail(error)
      return false
    }
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
