/** Runs the command line in this process; nothing of the process is touched. */
import { main } from '#src/cli/program.ts'

export async function run(...args: string[]) {
  const said = { out: '', err: '', code: undefined as number | undefined }
  await main(['node', 'pilothouse', ...args], {
    out(text) {
      said.out += text
    },
    err(text) {
      said.err += text
    },
    end(code) {
      said.code = code
    },
  })
  return said
}
