/** The command a stranger runs first: `pilothouse demo`. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { command } from '../support/pilot.ts'

const house = cleanup()
after(() => house.end())

interface Demo {
  readonly child: ChildProcess
  output(): string
  readonly code: Promise<number | null>
  /** In its own temporary directory. */
  leftovers(): string[]
}

function demo(...args: string[]): Demo {
  const temporary = mkdtempSync(join(tmpdir(), 'pilothouse-demo-test-'))
  house.add(temporary, (path) => rmSync(path, { recursive: true, force: true }))
  const env = { ...process.env, NO_COLOR: '1', TMPDIR: temporary }
  const child = spawn(process.execPath, [command, 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  house.add(child, async (each) => {
    if (each.exitCode !== null || each.signalCode !== null) return
    each.kill('SIGTERM')
    await code
  })
  return { child, output: () => output, code, leftovers: () => readdirSync(temporary) }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
/** The process ids it printed, of its Envoys. */
const envoys = (output: string) => [...output.matchAll(/Envoy (\d+)/g)].map(([, pid]) => Number(pid))

test('demo --once: all of it true, exit 0, nothing left behind', { timeout: 120_000 }, async (t) => {
  const { output, code, leftovers } = demo('--once')
  const exit = await code
  for (const line of output()
    .split('\n')
    .filter((each) => /[✓✗]/.test(each)))
    t.diagnostic(line)
  assert.equal(exit, 0, output())
  assert.doesNotMatch(output(), /✗/)
  assert.match(output(), /in all \d+ requests, 0 failed/)
  for (const step of ['added', 'drained', 'back', 'killed'])
    assert.match(output(), new RegExp(`✓ \\S+ ${step}`))
  assert.deepEqual(leftovers(), [])
  assert.deepEqual(envoys(output()).filter(isAlive), [])
})

test('demo: stays up beside another one, what it prints works, Ctrl-C ends it', {
  timeout: 180_000,
}, async () => {
  const [first, second] = [demo(), demo()]
  for (const each of [first, second]) {
    await until(
      'it to stay up',
      () => {
        if (each.child.exitCode !== null) throw new Error(each.output())
        return each.output().includes('Ctrl-C')
      },
      120_000,
    )
  }
  for (const { output } of [first, second]) await printedWorks(output())
  for (const { child, code, output, leftovers } of [first, second]) {
    child.kill('SIGINT')
    assert.equal(await code, 0, output())
    assert.deepEqual(envoys(output()).filter(isAlive), [])
    assert.deepEqual(leftovers(), [])
  }
})

async function printedWorks(output: string): Promise<void> {
  const [, host = '', port = ''] = /curl http:\/\/([\d.]+):(\d+)\//.exec(output) ?? []
  const straight = await http1({ to: { host, port: Number(port) } })
  assert.equal(straight.status, 200, straight.body)
  assert.match(straight.body, /web-1.*reviews.*ratings/)

  const proxied = /curl -x http:\/\/([\d.]+):(\d+) http:\/\/([^/]+)\//.exec(output) ?? []
  const [, proxyHost = '', proxyPort = '', name = ''] = proxied
  const answer = await http1({ to: { host: proxyHost, port: Number(proxyPort) }, host: name, absolute: true })
  assert.equal(answer.status, 200, answer.body)

  const [rest = ''] = /http:\/\/127\.0\.0\.1:\d+(?=\/ )/.exec(output) ?? []
  for (const path of ['/', '/debug/registryz', '/debug/endpointz', '/debug/syncz', '/metrics']) {
    assert.equal((await fetch(rest + path)).status, 200, rest + path)
  }
  const admins = [...output.matchAll(/\S+ (http:\/\/127\.0\.0\.1:\d+)(?=,|\n)/g)].map(([, url]) => url!)
  assert.ok(admins.length >= 4, output)
  for (const url of admins) assert.equal((await fetch(`${url}/ready`)).status, 200, url)
}
