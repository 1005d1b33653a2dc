/** A server as a child process: started, waited for, paused, killed, restarted, stopped by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/cleanup.ts'

export interface ServerProcess {
  readonly pid: number
  /** Ends it in good order (SIGTERM, SIGKILL after 10 s) and removes its files. Idempotent. */
  stop(): Promise<void>
  /** SIGKILL, as when its machine is lost. Its files stay, so that it can be restarted. */
  kill(): Promise<void>
  /** SIGSTOP: its sockets accept, it answers nothing. */
  pause(): void
  /** SIGCONT */
  resume(): void
  /** Stops it if it runs, starts it on the same ports and waits until it is ready; `keepData: false` = with an empty data directory. */
  restart(options: { readonly keepData: boolean }): Promise<void>
  /** All it logged so far, over all restarts. */
  logs(): string
}

export interface Launch {
  readonly name: string
  /** Called for every start: the directory `data` exists and is empty at the first. Gives the command. */
  command(): Promise<readonly string[]> | readonly string[]
  /** Resolves to something truthy when it is ready; throws or falsy: not yet; `restart`: only by another start on the same data. */
  ready(logOfThisStart: () => string): Promise<unknown>
  /** ms, default 60 s: these machines may be under load. */
  readonly readyWithin?: number
  readonly env?: Readonly<Record<string, string>>
  /** While it runs, before its data goes for good (stop, or restart without data). */
  beforeDataGoes?(): Promise<void>
  /** When it has ended, before its data goes for good. */
  cleanUp?(): Promise<void>
}

/** Makes the directory of one server; it goes when the server is stopped. `data` in it is the server's own. */
export function serverDirectory(name: string): string {
  for (const path of abandonedDirectories()) {
    // A mount of Nomad's may be left in it: startNomad sees to that.
    if (!path.includes('-nomad-')) rmSync(path, { recursive: true, force: true })
  }
  return mkdtempSync(join(tmpdir(), `pilothouse-testbed-${process.pid}-${name}-`))
}

const running = new Map<ChildProcess, string>()
let watching = false

/** Starts a server whose files are in `directory`; throws with the end of its log where it does not get ready. */
export async function launch(directory: string, spec: Launch): Promise<ServerProcess> {
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  let stopped = false
  const data = join(directory, 'data')
  const logFile = join(directory, 'log')
  const logs = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : lastLogs)
  let lastLogs = ''

  const start = async (): Promise<void> => {
    const before = logs().length
    await mkdir(data, { recursive: true })
    const words = [...dieWithParent(), ...(await spec.command())]
    const log = openSync(logFile, 'a', 0o600)
    const started = spawn(words[0]!, words.slice(1), {
      stdio: ['ignore', log, log],
      detached: true,
      cwd: directory,
      env: { ...process.env, ...spec.env },
    })
    closeSync(log)
    child = started
    remember(started, directory)
    let error: Error | undefined
    ended = new Promise<void>((resolve) => {
      started.once('exit', () => resolve())
      started.once('error', (cause) => {
        error = cause
        resolve()
      })
    }).then(() => void running.delete(started))
    const died = ended.then(() => {
      throw new Error(`${spec.name} has ended before it was ready${error ? `: ${error.message}` : ''}`)
    })
    try {
      const ready = until(
        `${spec.name} is ready`,
        () => running.has(started) && spec.ready(() => logs().slice(before)),
        spec.readyWithin ?? 60_000,
      )
      if ((await Promise.race([died, ready])) !== 'restart') return
    } catch (cause) {
      const end = logs().split('\n').slice(-20).join('\n')
      throw new Error(`${(cause as Error).message}; the end of its log:\n${end}`, { cause })
    }
    await end('SIGTERM')
    await start()
  }
  const end = async (signal: NodeJS.Signals) => {
    const it = child
    if (!it || !running.has(it)) return
    it.kill(signal)
    it.kill('SIGCONT')
    const timer = setTimeout(() => it.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(timer)
  }
  const endForGood = async () => {
    if (child && running.has(child)) {
      child.kill('SIGCONT')
      await spec.beforeDataGoes?.().catch(() => undefined)
    }
    await end('SIGTERM')
    await spec.cleanUp?.()
  }
  const stop = async () => {
    if (stopped) return
    stopped = true
    await endForGood()
    lastLogs = logs()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }

  try {
    await start()
  } catch (error) {
    stopped = true
    await end('SIGKILL')
    await spec.cleanUp?.()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    throw error
  }
  return {
    get pid() {
      return child!.pid!
    },
    stop,
    kill: () => end('SIGKILL'),
    pause() {
      if (child?.kill('SIGSTOP')) untilStopped(child.pid!)
    },
    resume: () => void child?.kill('SIGCONT'),
    async restart({ keepData }) {
      if (stopped) throw new Error(`${spec.name} is stopped`)
      await (keepData ? end('SIGTERM') : endForGood())
      if (!keepData) await rm(data, { recursive: true, force: true, maxRetries: 5 })
      await start()
    },
    logs,
  }
}

/** A server's own things, and the process's: `pid` stays the one of the process that runs now. */
export function withProcess<Own extends object>(process: ServerProcess, own: Own): Own & ServerProcess {
  return Object.defineProperties(own, Object.getOwnPropertyDescriptors(process)) as Own & ServerProcess
}

/** Where util-linux has it: the kernel ends the server when this process ends, also by SIGKILL. The pid stays the server's. */
function dieWithParent(): readonly string[] {
  const setpriv = '/usr/bin/setpriv'
  return existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL'] : []
}

/** A thread may answer once more after the signal was sent: all of them have stopped when this returns (proc(5)). */
function untilStopped(pid: number): void {
  const running = (thread: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ')[1]?.[0] !== 'T'
    } catch {
      return false
    }
  }
  for (const deadline = Date.now() + 1000; Date.now() < deadline; )
    if (!readdirSync(`/proc/${pid}/task`).some(running)) return
}

function remember(child: ChildProcess, directory: string): void {
  running.set(child, directory)
  if (watching) return
  watching = true
  process.once('exit', () => {
    for (const [each, files] of running) {
      each.kill('SIGKILL')
      rmSync(files, { recursive: true, force: true })
    }
  })
}

/** Directories of test processes that were killed: ten minutes old, and no process of that id. */
export function abandonedDirectories(): string[] {
  return readdirSync(tmpdir()).flatMap((name) => {
    const pid = /^pilothouse-testbed-(\d+)-/.exec(name)?.[1]
    if (!pid || existsSync(`/proc/${pid}`)) return []
    const path = join(tmpdir(), name)
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    return age > 600_000 ? [path] : []
  })
}
