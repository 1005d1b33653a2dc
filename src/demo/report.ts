/** The demo's printout: a line for each thing that was tried, true or not. */
import { styleText } from 'node:util'

export interface Report {
  heading(text: string): void
  line(text: string): void
  /** `✓ text` or `✗ text`; a false one makes the demo fail. Returns `ok`. */
  check(ok: boolean, text: string): boolean
  readonly failed: readonly string[]
}

export function startReport(out: NodeJS.WritableStream): Report {
  const failed: string[] = []
  const write = (text: string) => out.write(`${text}\n`)
  const style = (format: 'bold' | 'green' | 'red', text: string) =>
    styleText(format, text, { stream: out as NodeJS.WriteStream, validateStream: true })
  return {
    failed,
    heading: (text) => write(`\n${style('bold', text)}`),
    line: (text) => write(`  ${text}`),
    check(ok, text) {
      if (!ok) failed.push(text)
      write(`${ok ? style('green', '✓') : style('red', '✗')} ${text}`)
      return ok
    },
  }
}
