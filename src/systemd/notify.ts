/**
 * What the service manager is told (sd_notify(3)): READY=1, STATUS=…, RELOADING=1, STOPPING=1, WATCHDOG=1. Node has no
 * datagram sockets of the Unix kind, so each message is sent by systemd's own `systemd-notify`; the unit needs
 * `NotifyAccess=all` for that, since the sender is a child of the Pilot.
 */
import { execFile } from 'node:child_process'
import type { Logger } from '#support/logger.ts'

export interface Notifier {
  /** Assignments such as `READY=1`; one message, after those before it. Never throws. */
  notify(...assignments: readonly string[]): void
  /** Sends WATCHDOG=1 while `alive` says so, twice within the time that the unit allows; nothing where it has no watchdog. */
  watch(alive: () => boolean): void
  /** Resolves when all that was to be said has been; ends the watch. */
  close(): Promise<void>
}

export interface NotifierDeps {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of this process and its parent: the one that the watchdog is meant for. */
  readonly pids: readonly number[]
  readonly log: Logger
  /** Sends one message; rejects where it can't. */
  readonly send?: (assignments: readonly string[]) => Promise<void>
}

const silent: Notifier = { notify() {}, watch() {}, close: async () => {} }

/** A notifier that does nothing where no service manager listens (no NOTIFY_SOCKET). */
export function systemdNotifier({ env, pids, log, send = systemdNotify }: NotifierDeps): Notifier {
  if (!env.NOTIFY_SOCKET) return silent
  let queue = Promise.resolve()
  let told = false
  let timer: NodeJS.Timeout | undefined

  const notify = (...assignments: readonly string[]): void => {
    queue = queue.then(() => send(assignments)).catch(failed)
  }
  function failed(error: unknown): void {
    if (told) return
    told = true
    log.warn(
      { error },
      'the service manager can not be told how the Pilot does: systemd-notify failed (install the package systemd, and set NotifyAccess=all in the unit)',
    )
  }
  return {
    notify,
    watch(alive) {
      const period = watchdogPeriod(env, pids)
      if (period === undefined || timer) return
      const ping = (): void => {
        if (alive()) notify('WATCHDOG=1')
        else log.error({}, 'the mesh has stopped: the watchdog is not told that all is well')
      }
      ping()
      timer = setInterval(ping, period / 2).unref()
    },
    close() {
      clearInterval(timer)
      return queue
    },
  }
}

/** WatchdogSec of the unit in ms, if it is meant for us (sd_watchdog_enabled(3)). */
function watchdogPeriod(
  { WATCHDOG_USEC, WATCHDOG_PID }: NotifierDeps['env'],
  pids: readonly number[],
): number | undefined {
  const micros = Number(WATCHDOG_USEC)
  if (!(micros > 0) || (WATCHDOG_PID && !pids.includes(Number(WATCHDOG_PID)))) return undefined
  return micros / 1000
}

/** The clock is CLOCK_MONOTONIC, as systemd wants it with RELOADING=1. */
export const reloading = (): readonly string[] => [
  'RELOADING=1',
  `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
]

const SEND_TIMEOUT = 10_000

/** It waits until the message is taken, so that its sender is still there to be looked up. */
const systemdNotify = (assignments: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile('systemd-notify', ['--', ...assignments], { timeout: SEND_TIMEOUT }, (error) =>
      error ? reject(error) : resolve(),
    )
  })
