/** `pilothouse serve`: settings, a Pilot, signals. */
import type { EventEmitter } from 'node:events'
import { isatty } from 'node:tty'
import type { Issue } from '#model/issue.ts'
import { loadSettings } from '#src/settings.ts'
import type { Logger } from '#support/logger.ts'
import { createLogger } from '#telemetry/log.ts'
import { startPilot } from '../main.ts'
import type { ServeOptions } from './options.ts'

/** Proxies are sent away over this time on SIGTERM, so that they don't all knock at the next Pilot at once. */
const DRAIN_MS = 1_000

/** Resolves with the exit code when the Pilot has stopped: 0 after a signal, 1 if it could not run, 2 for bad settings. */
export async function runServe(options: ServeOptions): Promise<number> {
  const { settings, issues } = loadSettings({ flags: options, env: process.env })
  for (const issue of issues) console.error(issueLine(issue))
  if (!settings) return 2
  const format = options.logFormat ?? (process.stdout.isTTY ? 'pretty' : settings.log.format)
  const log = createLogger({ ...settings.log, format })
  try {
    const pilot = await startPilot(settings, { log })
    const signal = stopSignal(log, process, isatty(0) || isatty(1))
    const failed = pilot.xds.then(
      () => new Promise<never>(() => {}),
      (error: unknown) => error,
    )
    const reason = await Promise.race([signal, failed])
    if (typeof reason === 'string') log.info({ signal: reason }, 'stopping')
    else console.error(failure(reason))
    await pilot.stop(typeof reason === 'string' ? DRAIN_MS : 0)
    return typeof reason === 'string' ? 0 : 1
  } catch (error) {
    console.error(failure(error))
    return 1
  }
}

/**
 * The signal that ends the Pilot. `signals` is the process; `attached`: a terminal that closes ends what runs in it,
 * while to a daemon SIGHUP means "read your settings again".
 */
export function stopSignal(log: Logger, signals: EventEmitter, attached: boolean): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) signals.once(name, resolve)
    signals.on('SIGHUP', (name: NodeJS.Signals) => {
      if (attached) resolve(name)
      else log.info({ signal: name }, 'nothing to reload: files are followed live, settings take a restart')
    })
  })
}

export const issueLine = ({ at, severity, code, message, remedy }: Issue): string =>
  `${at ? `${at}: ` : ''}${severity} ${code} ${message} (${remedy})`

function failure(error: unknown): string {
  const { code, message, remedy } = error as { code?: string; message?: string; remedy?: string }
  if (code === 'EADDRINUSE')
    return `pilothouse: ${message}. Another process listens there: stop it, or give --xds-address or --admin-address another port.`
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `pilothouse: ${message}. Give --xds-address or --admin-address an address of this machine and a port that this user may bind.`
  return `pilothouse: ${message ?? String(error)}${remedy ? ` (${remedy})` : ''}`
}
