/** The process's log: pino to stdout, written in this thread. Nothing else imports pino. */
import { type DestinationStream, type LevelWithSilent, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { Logger } from '#support/logger.ts'
import { lineWriter } from './stdout.ts'

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LevelWithSilent
  /** json: one object a line (default). pretty: for people; colours only on a terminal and without NO_COLOR. */
  readonly format?: 'json' | 'pretty'
  /** Where lines go; default is stdout. A test passes its own. */
  readonly destination?: DestinationStream
  /** journald reads the lines: each begins with its priority (sd-daemon(3)), and has no time, which the journal adds. */
  readonly journal?: boolean
}

/** A logger whose level can be changed while it runs. */
export interface LeveledLogger extends Logger {
  level: string
}

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
export function createLogger(options: LogOptions = {}): LeveledLogger {
  const { level = 'info', format = 'json' } = options
  const settings = {
    level,
    base: null,
    redact: {
      paths: secrets.flatMap((name) => [name, below('*', name), below('*.*', name)]),
      censor: '[redacted]',
    },
    timestamp: options.journal ? false : pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  }
  if (options.journal) return pino(settings, journal(options))
  return pino(settings, format === 'json' ? stdout(options) : prettyStream(options))
}

/** Written in this thread, line by line: nothing is lost when the process ends. */
const stdout = ({ destination }: LogOptions): DestinationStream => destination ?? lineWriter(1)

/** To journald: the priority first, before each line, since each is an entry of its own. */
function journal(options: LogOptions): DestinationStream {
  const out = stdout(options)
  const pretty = prettyFactory({ colorize: false, singleLine: true })
  const text = options.format === 'pretty' ? pretty : String
  return {
    // pino says the level of the line to a stream that has this.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write(line: string) {
      const prefix = `<${priority(this.lastLevel)}>`
      out.write(`${prefix}${text(line).trimEnd().replaceAll('\n', `\n${prefix}`)}\n`)
    },
  } as DestinationStream & { lastLevel: number }
}

/** pino's level as syslog's. */
function priority(level: number): number {
  if (level >= 50) return 3
  if (level >= 40) return 4
  return level >= 30 ? 6 : 7
}

function prettyStream(options: LogOptions): DestinationStream {
  const { destination } = options
  const colorize = destination === undefined && process.stdout.isTTY === true && !process.env.NO_COLOR
  const prettify = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l' })
  const out = stdout(options)
  return { write: (line) => out.write(prettify(line)) }
}
