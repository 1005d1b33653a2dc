/** The user's cache of built servers: built once, whole or not at all, shared by every clone on this machine. */
import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A temporary directory this old belongs to a build that was killed, ms. */
const abandonedAfter = 3_600_000

/** A server can't be had; `remedy` says what the user can do. */
export class TestbedError extends Error {
  readonly remedy: string
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(`${message}. ${remedy}`, options)
    this.name = 'TestbedError'
    this.remedy = remedy
  }
}

export interface Cached {
  /** `consul-1.22.3`: the directory's name in the cache. */
  readonly name: string
  /** A file in it that is there when it is whole, e.g. `consul`. */
  readonly file: string
  /** Fills `home`, which is renamed into the cache when it is done; `work` is thrown away. */
  build(home: string, work: string): Promise<void>
}

/** `$XDG_CACHE_HOME/pilothouse` or `~/.cache/pilothouse`. */
export const cacheRoot = () => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pilothouse')

/** The path of `file` in the cache; built first where it is not there. */
export async function cached(what: Cached, log: (line: string) => void = console.error): Promise<string> {
  const home = join(cacheRoot(), what.name)
  const file = join(home, what.file)
  if (await exists(file)) return file
  await mkdir(dirname(home), { recursive: true })
  await removeAbandoned(home)
  const work = await mkdtemp(`${home}.tmp-`)
  try {
    log(`testbed: ${what.name} is not in ${dirname(home)}; building it`)
    const started = performance.now()
    const built = join(work, 'home')
    await mkdir(built)
    await what.build(built, work)
    if (!(await exists(join(built, what.file))))
      throw new Error(`${what.name}: the build made no ${what.file}`)
    // Of two builds at once the first wins; the other finds its directory there.
    await rename(built, home).catch(async (error: unknown) => {
      if (!(await exists(file))) throw error
    })
    log(`testbed: ${what.name} built in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return file
}

export interface Tool {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** ms; a tool that takes longer has hung. */
  readonly timeout?: number
  /** What to install where the command is missing. */
  readonly remedy: string
}

/** Runs a tool and gives its standard output; throws TestbedError with the end of what it said. */
export async function tool(it: Tool): Promise<string> {
  const { command, args, cwd, env, timeout = 60_000, remedy } = it
  const options = { cwd, timeout, maxBuffer: 1 << 26, env: { ...process.env, ...env } }
  try {
    return (await run(command, [...args], options)).stdout
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException & { stderr?: string; stdout?: string; killed?: boolean }
    if (error.code === 'ENOENT') throw new TestbedError(`${command} is not on the path`, remedy, { cause })
    const said = [error.stdout, error.stderr].map((text) => text?.trim()).filter(Boolean)
    const end = said.join('\n').split('\n').slice(-15).join('\n') || error.message
    const how = error.killed ? `did not end within ${timeout / 1000} s` : 'failed'
    throw new TestbedError(`${command} ${args.slice(0, 2).join(' ')} ${how}:\n${end}\n`, remedy, { cause })
  }
}

export const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

async function removeAbandoned(home: string): Promise<void> {
  const parent = dirname(home)
  const prefix = `${home.slice(parent.length + 1)}.tmp-`
  for (const name of (await readdir(parent)).filter((each) => each.startsWith(prefix))) {
    const made = (await stat(join(parent, name)).catch(() => undefined))?.mtimeMs
    if (made !== undefined && Date.now() - made > abandonedAfter)
      await rm(join(parent, name), { recursive: true, force: true })
  }
}
