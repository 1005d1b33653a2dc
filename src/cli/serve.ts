/** `pilothouse serve`: settings, a Pilot, signals, and the service manager that keeps it running. */
import type { EventEmitter } from 'node:events'
import { isatty } from 'node:tty'
import type { Issue } from '#model/issue.ts'
import { type LoadedSettings, loadSettings } from '#src/settings.ts'
import { createLogger, type LeveledLogger } from '#telemetry/log.ts'
import { type Pilot, startPilot } from '../main.ts'
import { readByJournal } from '../systemd/journal.ts'
import { type Notifier, reloading, systemdNotifier } from '../systemd/notify.ts'
import { statusLines } from '../systemd/status.ts'
import { issueLine } from './issue-line.ts'
import type { ServeOptions } from './options.ts'

/** Proxies are sent away over this time on SIGTERM, so that they don't all knock at the next Pilot at once. */
const DRAIN_MS = 1_000

/** Where signals come from: the process; `attached` to a terminal or not (see stopSignal). */
interface Signals {
  readonly signals: EventEmitter
  readonly attached: boolean
}

/** Resolves with the exit code when the Pilot has stopped: 0 after a signal, 1 if it could not run, 2 for bad settings. */
export async function runServe(
  options: ServeOptions,
  { signals, attached }: Signals = { signals: process, attached: isatty(0) || isatty(1) },
): Promise<number> {
  const load = (): LoadedSettings => loadSettings({ flags: options, env: process.env })
  const { settings, issues } = load()
  for (const issue of issues) console.error(issueLine(issue))
  if (!settings) return 2
  const format = settings.log.format ?? (process.stdout.isTTY ? 'pretty' : 'json')
  const log = createLogger({ ...settings.log, format, journal: readByJournal(1, process.env) })
  const manager = systemdNotifier({ env: process.env, pids: [process.pid, process.ppid], log })
  try {
    const starting = startPilot(settings, { log }).then((pilot) => ({
      pilot,
      reload: tellManager(manager, pilot),
    }))
    // From the start on: a signal that nothing listens to ends a process.
    const signal = stopSignal(signals, attached, () => {
      starting.then(
        ({ reload }) => reload(load, log),
        () => {},
      )
    })
    const { pilot } = await starting
    const failed = pilot.xds.then(
      () => new Promise<never>(() => {}),
      (error: unknown) => error,
    )
    const reason = await Promise.race([signal, failed])
    manager.notify('STOPPING=1', 'STATUS=Sending proxies away')
    if (typeof reason === 'string') log.info({ signal: reason }, 'stopping')
    else console.error(failure(reason))
    await pilot.stop(typeof reason === 'string' ? DRAIN_MS : 0)
    return typeof reason === 'string' ? 0 : 1
  } catch (error) {
    console.error(failure(error))
    return 1
  } finally {
    await manager.close()
  }
}

/** READY=1 when xDS is served; STATUS= from the start on; WATCHDOG=1 while all is alive. Returns what reloads. */
function tellManager(
  manager: Notifier,
  pilot: Pilot,
): (load: () => LoadedSettings, log: LeveledLogger) => void {
  let serving: string | undefined
  let line = ''
  const status = (text: string): string => `STATUS=${text}`
  const served = pilot.xds.then(({ address, port }) => {
    serving = `${address}:${port}`
    line = `Serving xDS on ${serving}`
    manager.notify('READY=1', status(line))
  })
  // Who waits for xDS is told of a failure; here there is nothing to say then.
  served.catch(() => {})
  statusLines(pilot.health, () => serving).subscribe((text) => {
    line = text
    manager.notify(status(text))
  })
  manager.watch(pilot.alive)

  /** What was wrong with the settings is in the log, in REST and in the manager's status. */
  async function reload(load: () => LoadedSettings, log: LeveledLogger): Promise<void> {
    log.info({}, 'reading the settings again')
    // Before it is ready it is not "reloading", and must not be "ready" after it.
    if (serving) manager.notify(...reloading())
    const outcome = await pilot.reload(load())
    if ('settings' in outcome) log.level = outcome.settings.log.level
    if (outcome.kind === 'superseded') return
    const told =
      outcome.kind === 'refused'
        ? `Settings refused, those before stay in force: ${firstOf(outcome.issues)}`
        : line
    manager.notify(...(serving ? ['READY=1'] : []), status(told))
  }
  return (load, log) => void reload(load, log)
}

const firstOf = (issues: readonly Issue[]): string => {
  const errors = issues.filter(({ severity }) => severity === 'error')
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  return `${errors[0] ? `${errors[0].at ?? ''} ${errors[0].message}`.trim() : ''}${more}`.replace(/\s+/g, ' ')
}

/**
 * The signal that ends the Pilot. `signals` is the process; `attached`: a terminal that closes ends what runs in it,
 * while to a daemon SIGHUP means "read your settings again".
 */
export function stopSignal(
  signals: EventEmitter,
  attached: boolean,
  reload: () => void,
): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) signals.once(name, resolve)
    signals.on('SIGHUP', (name: NodeJS.Signals) => {
      if (attached) resolve(name)
      else reload()
    })
  })
}

function failure(error: unknown): string {
  const { code, message, remedy } = error as { code?: string; message?: string; remedy?: string }
  if (code === 'EADDRINUSE')
    return `pilothouse: ${message}. Another process listens there: stop it, or give --xds-address or --admin-address another port.`
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `pilothouse: ${message}. Give --xds-address or --admin-address an address of this machine and a port that this user may bind.`
  return `pilothouse: ${message ?? String(error)}${remedy ? ` (${remedy})` : ''}`
}
