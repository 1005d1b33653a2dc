/** The last snapshot on disk: what each source said last, for a restart while the source is away. */
import { createHash } from 'node:crypto'
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SchedulerLike, Subscription } from 'rxjs'
import type { Issue, PilotError } from '#model/issue.ts'
import type { Logger } from '#support/logger.ts'
import { meshIssue, meshIssueCodes, reasonOf } from './conflicts.ts'
import type { SourceId } from './merge.ts'
import type { RestoredSource, SnapshotStore } from './mesh.ts'
import { type Decoded, decode, encode, type Saved } from './store-format.ts'

/** At most one write of a source in this time, ms. */
export const WRITE_DELAY = 1_000
const RETRY_DELAY = 10_000
const SUFFIX = '.jsonl'

/** The state directory can't be used; thrown by `openStore` so that nothing starts half. */
export class StateDirError extends Error implements PilotError {
  readonly code = 'PH2031'
  readonly remedy = meshIssueCodes.PH2031.remedy

  constructor(dir: string, cause: unknown) {
    super(`The state directory ${dir} can not be used: ${reasonOf(cause)}`, { cause })
    this.name = 'StateDirError'
  }
}

export interface FileStore extends SnapshotStore {
  /** Writes what is not written yet; afterwards nothing is accepted. Never rejects: see `issues()`. */
  close(): Promise<void>
}

export interface StoreDeps {
  /** `stateDir` of the settings; files go to its folder `mesh`, mode 0700, each 0600. */
  readonly dir: string
  readonly clock: SchedulerLike
  readonly log: Logger
}

/** Readable to whoever looks into the folder, and unique whatever the name holds. */
const fileName = (source: string): string => {
  const readable = source.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60)
  const unique = createHash('sha256').update(source).digest('hex').slice(0, 12)
  return `${readable}-${unique}${SUFFIX}`
}

/** Node's readline also breaks at U+2028, which JSON leaves as it is. */
async function* linesIn(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== '') yield rest
}

const read = async (path: string): Promise<Decoded> => {
  const handle = await open(path)
  try {
    return await decode(linesIn(handle.createReadStream({ encoding: 'utf8', autoClose: false })))
  } finally {
    await handle.close()
  }
}

/** Reads all files; what can't be taken is moved aside under a name that says why, so that nothing is lost. */
const restore = async (folder: string, { clock, log }: StoreDeps): Promise<SnapshotStore['restored']> => {
  const restored = new Map<string, RestoredSource>()
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name)
    if (name.endsWith('.tmp')) await rm(path, { force: true })
    if (!name.endsWith(SUFFIX)) continue
    const decoded = await read(path)
    if (decoded.ok && fileName(decoded.restored.source.name) === name) {
      restored.set(decoded.restored.source.name, decoded.restored)
      continue
    }
    const { refusal, detail } = decoded.ok
      ? { refusal: 'foreign', detail: `it belongs to ${decoded.restored.source.name}` }
      : decoded
    const aside = `${path}.${refusal}-${clock.now()}`
    await rename(path, aside)
    log.warn({ path, aside, refusal }, `Last snapshot ignored and moved aside: ${detail}.`)
  }
  return restored
}

/** Written, fsynced, renamed; the event loop gets a turn at each piece. */
const write = async (folder: string, saved: Saved): Promise<void> => {
  // Somebody may have tidied it away.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, fileName(saved.source.name))
  const temporary = `${path}.${process.pid}.tmp`
  const handle = await open(temporary, 'w', 0o600)
  try {
    for (const piece of encode(saved)) await handle.write(piece)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
  const directory = await open(folder)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Reads what is there. Rejects with `StateDirError` where the directory can't be made, read or written. */
export const openStore = async (deps: StoreDeps): Promise<FileStore> => {
  const folder = join(deps.dir, 'mesh')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700)
    return writer(folder, await restore(folder, deps), deps)
  } catch (error) {
    throw new StateDirError(deps.dir, error)
  }
}

const writer = (
  folder: string,
  restored: SnapshotStore['restored'],
  { clock, log }: StoreDeps,
): FileStore => {
  const pending = new Map<string, Saved>()
  const failed = new Map<string, Issue>()
  let timer: Subscription | undefined
  let writing: Promise<void> | undefined
  let closed = false

  const writeOne = async (saved: Saved): Promise<void> => {
    const { name } = saved.source
    try {
      await write(folder, saved)
      failed.delete(name)
    } catch (error) {
      if (!pending.has(name)) pending.set(name, saved)
      const message = `The last snapshot of ${name} is not written: ${reasonOf(error)}`
      const problem = meshIssue('PH2030', 'warning', message, { at: name })
      if (!failed.has(name))
        log.warn({ source: name, folder, code: problem.code, remedy: problem.remedy }, message)
      failed.set(name, problem)
    }
  }
  const writeAll = async (): Promise<void> => {
    const batch = [...pending.values()]
    pending.clear()
    for (const saved of batch) await writeOne(saved)
  }
  const flush = (): void => {
    timer = undefined
    writing = writeAll().finally(() => {
      writing = undefined
      plan(failed.size > 0 ? RETRY_DELAY : WRITE_DELAY)
    })
  }
  const plan = (delay: number): void => {
    if (closed || timer !== undefined || writing !== undefined || pending.size === 0) return
    timer = clock.schedule(flush, delay)
  }

  return {
    restored,
    save: (source: SourceId, content, saidAt) => {
      if (closed) return
      pending.set(source.name, { source, content, saidAt })
      plan(WRITE_DELAY)
    },
    issues: () => [...failed.values()],
    close: async () => {
      closed = true
      timer?.unsubscribe()
      await writing
      await writeAll()
    },
  }
}
