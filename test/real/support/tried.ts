/** `pilothouse serve` as somebody tries it: flags, an empty directory, an empty home, and no variables but those given. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cleanup, until } from '../../support/cleanup.ts'
import { command } from '../../support/pilot.ts'
import { freePort } from '../../support/ports.ts'

export interface Tried {
  readonly directory: string
  readonly xds: string
  readonly admin: string
  output(): string
  /** Another command of the same user, asked for JSON: `pilothouse services -o json`, … */
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  shows(...words: readonly string[]): Promise<any>
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>
}

export interface Trying {
  readonly env?: Readonly<Record<string, string>>
  /** A command that replaces itself by the rest. */
  readonly prefix?: readonly string[]
}

/** Resolves when it is ready. */
export async function tried(
  house: Cleanup,
  flags: readonly string[],
  { env = {}, prefix = [] }: Trying = {},
): Promise<Tried> {
  const directory = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-tried-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  const [xds, admin] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const options = { cwd: directory, env: { PATH: process.env.PATH, HOME: directory, ...env } }
  const words = [...prefix, process.execPath, command, 'serve', ...flags]
  const child = spawn(words[0]!, [...words.slice(1), '--xds-address', xds, '--admin-address', admin], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  house.add(child, (it) => {
    it.kill('SIGKILL')
    return closed
  })
  await until(
    'the Pilot to be ready',
    async () => {
      if (child.exitCode !== null) throw new Error(`it has ended:\n${output}`)
      const answer = await fetch(`http://${admin}/ready`)
      if (!answer.ok) throw new Error(`${await answer.text()}\n${output}`)
      return true
    },
    40_000,
  )
  return {
    ...{ directory, xds, admin, output: () => output },
    shows: (...words) => answerOf([...words, '-o', 'json', '--admin', `http://${admin}`], options),
    async stop() {
      child.kill('SIGTERM')
      return closed
    },
  }
}

async function answerOf(words: readonly string[], options: object): Promise<unknown> {
  const child = spawn(process.execPath, [command, ...words], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => (await stream.setEncoding('utf8').toArray()).join('')),
  )
  try {
    return JSON.parse(texts[0]!)
  } catch {
    throw new Error(`pilothouse ${words.join(' ')}: ${texts.join('')}`)
  }
}
