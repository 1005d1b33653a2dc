/** Where a command's words go, and how it ends. */
import type { CommandResult } from './options.ts'

export interface Terminal {
  /** To stdout, as it is. */
  out(text: string): void
  /** To stderr, as it is. */
  err(text: string): void
  /** It shows colours, and NO_COLOR is not set. */
  readonly colors?: boolean
  /** The code that the process shall end with, once nothing is left to do. */
  end(exitCode: number): void
}

export const processTerminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  get colors() {
    return process.stdout.isTTY === true && process.stdout.hasColors()
  },
  end: (exitCode) => {
    process.exitCode = exitCode
  },
}

/** Prints a whole answer. */
export function show(terminal: Terminal, { exitCode, text }: CommandResult): void {
  if (text !== '') terminal.out(`${text}\n`)
  terminal.end(exitCode)
}
