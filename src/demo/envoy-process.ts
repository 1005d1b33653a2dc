/** One Envoy as a child process: started from a bootstrap object, waited for, stopped by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface EnvoyProcessOptions {
  readonly binary: string
  /** An Envoy bootstrap (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto). */
  readonly bootstrap: object
  /** Shown in errors. */
  readonly name?: string
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'warning' | 'error'
  /** Worker threads; one is enough for a demonstration and for a test. */
  readonly concurrency?: number
  /** A command before Envoy's own that replaces itself by it, e.g. `ip netns exec NAME`. */
  readonly prefix?: readonly string[]
  /** Asks for Envoy's admin pages; another network namespace needs its own. */
  readonly fetch?: (url: string) => Promise<{ status: number; body: string }>
}

export interface EnvoyProcess {
  readonly name: string
  readonly pid: number
  /** Resolves when it has ended, by whatever cause. */
  readonly ended: Promise<void>
  /** `http://127.0.0.1:PORT`, known once its admin listens. */
  admin(): Promise<string>
  /** GET on its admin; throws where it can't be reached. */
  get(path: string): Promise<{ status: number; body: string }>
  /** Waits until it is LIVE: its first configuration is in force. Throws with the end of its log. */
  ready(timeout?: number): Promise<void>
  /** All it logged so far. */
  log(): Promise<string>
  /** Ends it (SIGTERM, then SIGKILL after two seconds) and removes its files. Idempotent. */
  stop(): Promise<void>
  /** SIGKILL, as when its machine is lost. */
  kill(): Promise<void>
}

/** What is left running is ended with this process, its files with it, also where it ends by an exception. */
const running = new Map<ChildProcess, string>()
let watching = false

/** Starts Envoy; its configuration, log and admin address are in a temporary directory until it is stopped. */
export async function startEnvoy(options: EnvoyProcessOptions): Promise<EnvoyProcess> {
  const { name = 'envoy', prefix = [], fetch: ask = getText } = options
  const directory = mkdtempSync(join(tmpdir(), 'pilothouse-envoy-'))
  const file = (path: string) => join(directory, path)
  await writeFile(file('bootstrap.json'), JSON.stringify(options.bootstrap))
  const command = [...prefix, options.binary, ...flags(options, file)]
  const log = openSync(file('log'), 'a', 0o600)
  // Its own process group: Ctrl-C is for the parent, which stops its children in order.
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  register(child, directory)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  }).then(() => void running.delete(child))
  const isRunning = () => running.has(child)

  const admin = async () => {
    for (let wait = 5; isRunning(); wait = Math.min(wait * 2, 100)) {
      const address = await readFile(file('admin'), 'utf8').catch(() => '')
      if (address.includes(':')) return `http://${address.trim()}`
      await sleep(wait)
    }
    throw new Error(`${name} has ended`)
  }
  const get = async (path: string) => ask(`${await admin()}${path}`)
  const readLog = () => readFile(file('log'), 'utf8').catch(() => '')
  const failed = async (what: string) =>
    new Error(`${name} ${what}; the end of its log:\n${(await readLog()).split('\n').slice(-15).join('\n')}`)
  const ready = async (timeout = 15_000) => {
    const deadline = Date.now() + timeout
    for (let wait = 10; Date.now() < deadline; wait = Math.min(wait * 2, 100)) {
      if (!isRunning()) throw await failed('has ended before it was ready')
      const answer = await get('/ready').catch(() => undefined)
      if (answer?.status === 200) return
      await sleep(wait)
    }
    throw await failed(`was not ready within ${timeout} ms`)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (isRunning()) child.kill(signal)
    const hard = setTimeout(() => child.kill('SIGKILL'), 2000)
    await ended
    clearTimeout(hard)
    await rm(directory, { recursive: true, force: true })
  }
  return {
    name,
    pid: child.pid ?? -1,
    ended,
    admin,
    get,
    ready,
    log: readLog,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

function flags(options: EnvoyProcessOptions, file: (path: string) => string): string[] {
  return [
    ...['--config-path', file('bootstrap.json'), '--admin-address-path', file('admin')],
    ...['--log-level', options.logLevel ?? 'warning', '--concurrency', String(options.concurrency ?? 1)],
    // No shared memory, so that any number of them run side by side.
    '--disable-hot-restart',
  ]
}

function register(child: ChildProcess, directory: string): void {
  running.set(child, directory)
  if (watching) return
  watching = true
  process.once('exit', () => {
    for (const [each, directory] of running) {
      each.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    }
  })
}

async function getText(url: string): Promise<{ status: number; body: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) })
  return { status: answer.status, body: await answer.text() }
}
