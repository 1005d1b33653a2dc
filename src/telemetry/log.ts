/** The process's log: pino to stdout, written in this thread. Nothing else imports pino. */
import { type DestinationStream, type LevelWithSilent, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Logger } from '#support/logger.ts'

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LevelWithSilent
  /** json: one object a line (default). pretty: for people; colours only on a terminal and without NO_COLOR. */
  readonly format?: 'json' | 'pretty'
  /** Where lines go; default is stdout. A test passes its own. */
  readonly destination?: DestinationStream
}

export const logLevels: readonly LevelWithSilent[] = [
  'trace',
  'debug',
  'info',
  'warn',
  'error',
  'fatal',
  'silent',
]

/** Fields that are never written, however deep (to two levels) they lie. */
const secrets = [
  'token',
  'secret',
  'password',
  'authorization',
  'Authorization',
  'cookie',
  'privateKey',
  'private_key',
  '["x-consul-token"]',
  '["x-nomad-token"]',
]
const below = (prefix: string, name: string): string =>
  name.startsWith('[') ? prefix + name : `${prefix}.${name}`

/** A logger for the whole process; `child` fields are left to the callers' own `fields`. */
export function createLogger(options: LogOptions = {}): Logger {
  const { level = 'info', format = 'json' } = options
  const settings = {
    level,
    base: null,
    redact: {
      paths: secrets.flatMap((name) => [name, below('*', name), below('*.*', name)]),
      censor: '[redacted]',
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  }
  return pino(
    settings,
    format === 'json' ? (options.destination ?? pino.destination(1)) : prettyStream(options),
  )
}

function prettyStream({ destination }: LogOptions): DestinationStream {
  const colorize = destination === undefined && process.stdout.isTTY === true && !process.env.NO_COLOR
  return pretty({ colorize, sync: true, translateTime: 'SYS:HH:MM:ss.l', destination: destination ?? 1 })
}
