/** The command line. A command's own code is loaded when it runs, so that `pilothouse --help` is quick. */
import { Command, CommanderError } from 'commander'
import { addRunCommands } from './run-commands.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { version } from './version.ts'
import { addViewCommands } from './view-commands.ts'

/** Called wrongly; 1 = it failed. */
const USAGE = 2

/** Runs `argv` (node and script first, as process.argv); resolves when the command has ended. Never throws. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal): Promise<void> {
  // `pilothouse services | head` closes the pipe early: no reason to complain.
  if (terminal === processTerminal) process.stdout.on('error', ignoreClosedPipe)
  try {
    await createProgram(terminal).parseAsync(argv)
  } catch (error) {
    terminal.end(report(error, terminal))
  }
}

export function createProgram(terminal: Terminal): Command {
  const program = new Command('pilothouse')
    .description(
      'A standalone Pilot for Envoy: merges service registries into one model and serves xDS to sidecars on containers and VMs alike.',
    )
    .version(version(), '-V, --version', 'print the version')
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .exitOverride()
    .showHelpAfterError('Add --help to see what it takes.')
  addRunCommands(program, terminal)
  addViewCommands(program, terminal)
  return program
}

/** Commander has printed its own errors already; help and version are none. */
function report(error: unknown, { err }: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (!(error instanceof Error)) {
    err(`error: ${String(error)}\n`)
    return 1
  }
  const { remedy, exitCode, syscall } = error as { remedy?: unknown; exitCode?: unknown; syscall?: unknown }
  // What the system refused (a full disk, a directory that can't be written) is no fault of the program.
  const text = syscall === undefined ? (error.stack ?? error.message) : error.message
  err(typeof remedy === 'string' ? `error: ${error.message}\n${remedy}\n` : `error: ${text}\n`)
  return typeof exitCode === 'number' ? exitCode : 1
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
