/** A Pilot for tests: in this process, or as the command a user starts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startPilot } from '#src/main.ts'
import { loadSettings, type Settings } from '#src/settings.ts'
import { silentLogger } from '#support/logger.ts'
import { type Cleanup, until } from './cleanup.ts'
import { freePort } from './ports.ts'

export interface PilotHandle {
  readonly xdsPort: number
  readonly adminPort: number
  stop(): Promise<void>
  /** Stops it if it runs and starts it again on the same ports and files. */
  restart(): Promise<void>
}

export interface PilotOptions {
  readonly files: string
  /** Of a Pilot in this process: other settings than those of its flags. */
  readonly settings?: (settings: Settings) => Settings
}

/** In this process; resolves when it is ready. */
export async function startTestPilot(house: Cleanup, options: PilotOptions): Promise<PilotHandle> {
  const [xdsPort, adminPort] = [await freePort(), await freePort()]
  const { settings: plain, issues } = loadSettings({
    flags: {
      files: [options.files],
      xdsAddress: `127.0.0.1:${xdsPort}`,
      adminAddress: `127.0.0.1:${adminPort}`,
    },
  })
  if (!plain) throw new Error(JSON.stringify(issues))
  const settings = options.settings?.(plain) ?? plain
  const start = async () => {
    const pilot = await startPilot(settings, { log: silentLogger })
    await pilot.xds
    return pilot
  }
  let running: { stop(): Promise<void> } | undefined = await start()
  const stop = async () => {
    await running?.stop()
    running = undefined
  }
  const restart = async () => {
    await stop()
    running = await start()
  }
  return house.add({ xdsPort, adminPort, stop, restart }, stop)
}

export const command = fileURLToPath(new URL('../../src/bin.js', import.meta.url))

export interface CommandPilot extends PilotHandle {
  readonly child: ChildProcess
  /** Standard output and error so far. */
  output(): string
}

/**
 * Starts `pilothouse serve` as a process of its own and ends it with the house; it is not yet ready. `prefix` is a command
 * that replaces itself by the rest, e.g. `ip netns exec NAME`.
 */
export function serveCommand(
  house: Cleanup,
  args: readonly string[],
  prefix: readonly string[] = [],
): Pick<CommandPilot, 'child' | 'output' | 'stop'> {
  const words = [...prefix, process.execPath, command, 'serve', '--log-level', 'warn', ...args]
  const child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(hard)
  }
  house.add(stop, (it) => it())
  return { child, output: () => output, stop }
}

/** `pilothouse serve` on loopback; resolves when `/ready` says so. Its `restart` is a crash: SIGKILL, and started again. */
export async function servePilot(house: Cleanup, options: PilotOptions): Promise<CommandPilot> {
  const [xdsPort, adminPort] = [await freePort(), await freePort()]
  const addresses = ['--xds-address', `127.0.0.1:${xdsPort}`, '--admin-address', `127.0.0.1:${adminPort}`]
  const start = async () => {
    const served = serveCommand(house, ['--files', options.files, ...addresses])
    await until('the Pilot to be ready', async () => {
      if (served.child.exitCode !== null) throw new Error(`it has ended:\n${served.output()}`)
      return (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok
    })
    return served
  }
  let served = await start()
  return {
    xdsPort,
    adminPort,
    child: served.child,
    output: () => served.output(),
    stop: () => served.stop(),
    async restart() {
      served.child.kill('SIGKILL')
      await served.stop()
      served = await start()
    },
  }
}
